"""Pyvorin's client: check, compile through the service, verify, load, run."""
