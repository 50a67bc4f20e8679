"""What the audit log records. A name, once used, keeps its meaning for good."""

from enum import StrEnum


class Event(StrEnum):
    """One kind of audit entry."""

    INSTALLATION_CREATED = "installation.created"
    ORGANISATION_CREATED = "organisation.created"
    LICENCE_ISSUED = "licence.issued"
    LICENCE_REVOKED = "licence.revoked"
    LICENCE_REFRESHED = "licence.refreshed"
    DEVICE_ACTIVATED = "device.activated"
    DEVICE_REVOKED = "device.revoked"
    ACTIVATION_REFUSED = "activation.refused"
    REQUEST_REFUSED = "request.refused"
    TOKEN_ISSUED = "token.issued"
    TOKEN_REUSED = "token.reused"
    TOKEN_REVOKED = "token.revoked"
    JOB_ACCEPTED = "job.accepted"
    JOB_ENDED = "job.ended"
    JOB_CANCELLED = "job.cancelled"
    SOURCE_RESENT = "job.source_resent"
    ARTIFACT_SIGNED = "artifact.signed"
    ARTIFACT_FOUND = "artifact.found"
    ARTIFACT_READ = "artifact.read"
    ARTIFACT_RECALLED = "artifact.recalled"
    SIGNING_REFUSED = "signing.refused"
