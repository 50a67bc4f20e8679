"""`python -m pyvorin_server` is `pyvorin-server`."""

import sys

from pyvorin_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
