"""Ahead-of-time compiler for unmodified Python that answers exactly as CPython does."""
