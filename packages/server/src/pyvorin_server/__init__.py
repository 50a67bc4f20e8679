"""Pyvorin's service: API, jailed workers, signer, artifact store, audit log, dashboard."""
