"""The data map: why each table exists, how long its rows are kept, and what each column holds.

`tests/server/test_datamap.py` compares it with the tables: a column that nobody accounted for does
not pass. Personal data is marked `person`: a member's login name, and ids of devices and members
as the actors of what they did. There is no name, no e-mail and no address anywhere.

    sealed   AES-GCM under the service's or the organisation's key, bound to its place
    hash     SHA-256 or HMAC of a secret; the secret itself is not kept
    id       a random identifier
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kept:
    """One table."""

    why: str
    how_long: str
    columns: str


_LIFE: Final = "as long as the organisation"
_GRANT: Final = "as long as the organisation; what was granted must stay provable"

DATA_MAP: Final[dict[str, Kept]] = {
    "organisations": Kept(
        "whose data is whose",
        _LIFE,
        "id:id name:label plan:limits data_key_sealed:sealed fingerprint_epoch:counter"
        " created_at:time",
    ),
    "licences": Kept(
        "what an organisation may use",
        _GRANT,
        "id:id organisation_id:id lookup:hash public_key:public plan:limits max_devices:limits"
        " sequence:counter not_before:time expires_at:time created_at:time revoked_at:time"
        " suspended_at:time",
    ),
    "devices": Kept(
        "machines a licence is active on",
        _GRANT,
        "id:person organisation_id:id licence_id:id slot:counter signing_key:public"
        " sealing_key:public label_sealed:sealed key_epoch:counter created_at:time"
        " revoked_at:time expires_at:time",
    ),
    "nonces": Kept("no request counts twice", "300 s", "key_id:id nonce:random expires_at:time"),
    "idempotency": Kept(
        "a repeated request gets the first answer",
        "24 hours",
        "device_id:person route:code key:random body_digest:hash status:code answer:answer"
        " created_at:time",
    ),
    "refresh_tokens": Kept(
        "devices stay logged in",
        "30 days after the last use",
        "digest:hash family:id device_id:person scopes:code member_id:person created_at:time"
        " expires_at:time spent_at:time revoked_at:time",
    ),
    "token_keys": Kept(
        "access tokens are signed",
        "until the last token is over",
        "kid:id public_jwk:public private_sealed:sealed created_at:time active_at:time"
        " retire_at:time",
    ),
    "jobs": Kept(
        "builds and their state",
        "build logs 90 days",
        "id:id organisation_id:id licence_id:id device_id:person state:code fingerprint:hash"
        " source_sha256:hash body_sha256:hash module:label request_sealed:sealed options:code"
        " target:code claim_signature:signature fence:counter turn:counter holder:id stage:code"
        " code:code report_sealed:sealed artifact_id:id created_at:time updated_at:time"
        " finished_at:time",
    ),
    "open_jobs": Kept(
        "equal work is done once",
        "until the job ends",
        "organisation_id:id fingerprint:hash job_id:id",
    ),
    "job_events": Kept(
        "what happened to a build", "90 days", "id:counter job_id:id at:time event:code detail:code"
    ),
    "artifacts": Kept(
        "what was built and signed",
        _LIFE,
        "id:id organisation_id:id job_id:id fingerprint:hash target:code sha256:hash size:counter"
        " sequence:counter statement:signature created_at:time recalled_at:time",
    ),
    "envelopes": Kept(
        "an artifact bound to a device",
        "until it expires",
        "artifact_id:id device_id:person envelope:signature created_at:time expires_at:time",
    ),
    "usage": Kept(
        "what is billed",
        "as long as the law wants invoices kept",
        "id:id organisation_id:id device_id:person job_id:id kind:code credits:counter"
        " created_at:time",
    ),
    "recalls": Kept(
        "what loaders must refuse",
        "for good",
        "number:counter kind:code value:hash reason:label created_at:time",
    ),
    "supervisors": Kept(
        "who builds", "while alive", "executor_id:id tier:code targets:code beat_at:time"
    ),
    "telemetry": Kept(
        "sums by day, opt-in",
        "12 months",
        "organisation_id:id day:time event:code code:code count:counter duration_us:counter",
    ),
    "rate_windows": Kept(
        "limits are counted",
        "an hour",
        "key:id window:time count:counter",
    ),
    "audit": Kept(
        "what was done, by whom",
        "400 days, then sealed and archived",
        "sequence:counter at:time event:code organisation_id:id actor:person subject:id"
        " detail:code previous_hash:hash entry_hash:hash",
    ),
    "audit_segments": Kept(
        "sealed parts of the log",
        "for good",
        "first:counter last:counter hash_before:hash hash_at_last:hash root:hash"
        " statement:signature newest_at:time sealed_at:time",
    ),
    "members": Kept(
        "people who administer",
        _LIFE,
        "id:person organisation_id:id login:person role:code password_hash:hash"
        " totp_sealed:sealed totp_step:counter created_at:time disabled_at:time",
    ),
    "roles": Kept(
        "what people may do",
        "for good: decisions name a version",
        "organisation_id:id name:code version:counter permissions:code created_by:person"
        " created_at:time",
    ),
    "enrolments": Kept(
        "one-time invitations",
        "24 hours",
        "digest:hash organisation_id:id role:code created_at:time expires_at:time used_at:time",
    ),
    "sessions": Kept(
        "people stay logged in",
        "8 hours",
        "digest:hash organisation_id:id member_id:person created_at:time seen_at:time"
        " ended_at:time",
    ),
    "device_codes": Kept(
        "a person approves a device",
        "10 minutes",
        "digest:hash user_code:hash organisation_id:id device_id:person scopes:code"
        " member_id:person state:code created_at:time polled_at:time expires_at:time",
    ),
    "identity_trusts": Kept(
        "which CI runs may activate",
        _GRANT,
        "id:id organisation_id:id licence_id:id issuer:label audience:label subject:label"
        " created_at:time revoked_at:time",
    ),
    "credit_periods": Kept(
        "credits of a month",
        "as long as the law wants invoices kept",
        "organisation_id:id period:time reserved:counter used:counter",
    ),
    "alerts": Kept(
        "what looked wrong",
        "400 days",
        "id:id organisation_id:id rule:code subject:id window:time detail:code created_at:time",
    ),
    "webhooks": Kept(
        "where alerts go",
        _LIFE,
        "id:id organisation_id:id url:label secret_sealed:sealed created_at:time disabled_at:time",
    ),
    "deliveries": Kept(
        "alerts on their way",
        "400 days",
        "alert_id:id target:id attempts:counter outcome:code next_at:time delivered_at:time",
    ),
}


def columns_of(table: str) -> dict[str, str]:
    """Return what each column of a table holds."""
    pairs = (item.split(":") for item in DATA_MAP[table].columns.split())
    return {name: kind for name, kind in pairs}
