"""What compiler, client and service share, standard library only: the formats, and how the command
lines show findings and treat their streams.

Import the module you need (`from pyvorin_wire import artifact`); importing the package itself costs
nothing. Each module's docstring says what of its format may never change; `tests/wire` holds golden
bytes for every one.
"""
