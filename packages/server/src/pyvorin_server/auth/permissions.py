"""What may be done, and who may do it: permissions, the scopes of devices, the built-in roles.

Permissions are given through roles only, and a role is a versioned row of its organisation
(`orgs.roles`). There is no permission to read source: nothing in the service could serve it.
"""

from enum import StrEnum


class Permission(StrEnum):
    """One thing a route may require."""

    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"
    ARTIFACTS_READ = "artifacts.read"
    USAGE_READ = "usage.read"
    USAGE_WRITE = "usage.write"
    LICENCE_SELF = "licence.self"
    LICENCES_READ = "licences.read"
    LICENCES_WRITE = "licences.write"
    MEMBERS_READ = "members.read"
    MEMBERS_WRITE = "members.write"
    ROLES_READ = "roles.read"
    ROLES_WRITE = "roles.write"
    AUDIT_READ = "audit.read"
    ALERTS_READ = "alerts.read"
    SETTINGS_READ = "settings.read"
    SETTINGS_WRITE = "settings.write"
    SESSION_SELF = "session.self"


_P = Permission

# What an access token's scope lets a device do.
SCOPES: dict[str, frozenset[Permission]] = {
    "compile": frozenset({_P.JOBS_READ, _P.JOBS_WRITE}),
    "artifacts": frozenset({_P.ARTIFACTS_READ}),
    "usage": frozenset({_P.USAGE_READ, _P.USAGE_WRITE, _P.LICENCE_SELF}),
}

# Only devices build, send telemetry and use a licence; people look and administer.
DEVICE_ONLY = frozenset({_P.JOBS_WRITE, _P.USAGE_WRITE, _P.LICENCE_SELF})

ADMINISTRATOR = "administrator"
_READS = frozenset({_P.JOBS_READ, _P.ARTIFACTS_READ, _P.SESSION_SELF})

BUILT_IN_ROLES: dict[str, frozenset[Permission]] = {
    ADMINISTRATOR: frozenset(_P) - DEVICE_ONLY,
    "developer": _READS | {_P.USAGE_READ},
    "auditor": _READS | {_P.AUDIT_READ, _P.ALERTS_READ, _P.ROLES_READ, _P.MEMBERS_READ},
    "billing": frozenset({_P.USAGE_READ, _P.LICENCES_READ, _P.SESSION_SELF}),
    "viewer": _READS,
}


def of_scopes(scopes: frozenset[str]) -> frozenset[Permission]:
    """Return what a device may do with these scopes."""
    return frozenset().union(*(SCOPES[scope] for scope in scopes if scope in SCOPES))


def parse(text: str) -> frozenset[Permission]:
    """Read a role row's permissions; one that this release does not know grants nothing."""
    known = set(Permission)
    return frozenset(Permission(word) for word in text.split() if word in known)


def write(permissions: frozenset[Permission]) -> str:
    return " ".join(sorted(permissions))
