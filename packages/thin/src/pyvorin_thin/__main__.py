"""`python -m pyvorin_thin` is the program `pyvorin-thin`."""

import sys

from pyvorin_thin.cli import main

sys.exit(main())
