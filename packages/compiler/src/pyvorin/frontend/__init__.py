"""The front end: from a Python function's bytecode to generic IR, and friendly findings from its
source.
"""
