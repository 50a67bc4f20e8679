"""`pyvorin worker`: serve one request of the service (see `pyvorin.worker`)."""

from __future__ import annotations

import argparse

from pyvorin.worker import serve


def run(options: argparse.Namespace) -> int:
    """Serve, and end."""
    return serve()
