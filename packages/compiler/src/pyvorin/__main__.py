"""`python -m pyvorin` is the `pyvorin` command."""

from pyvorin.cli import command

if __name__ == "__main__":
    command()
