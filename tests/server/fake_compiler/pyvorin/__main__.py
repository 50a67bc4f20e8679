import sys

from pyvorin.worker import serve

if __name__ == "__main__":
    sys.exit(serve())
