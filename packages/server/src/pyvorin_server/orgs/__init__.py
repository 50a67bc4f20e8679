"""Organisations: whose licences, jobs and artifacts are whose, and the key their data is sealed
with.
"""

from pyvorin_server.orgs.store import DataKeys, count, create

__all__ = ["DataKeys", "count", "create"]
