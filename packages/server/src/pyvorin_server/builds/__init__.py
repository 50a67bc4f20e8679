"""Compile jobs: accepted by the API, queued by the engine, built by the supervisor."""
