"""`python -m pyvorin` is the `pyvorin` command."""

import sys

from pyvorin.cli import main

if __name__ == "__main__":
    sys.exit(main())
