"""Request and response bodies of HTTP API v1. Every body is a JSON object decoded by
`Record.from_json`; unknown fields are refused.

| route | request → response |
|---|---|
| POST /v1/license/activate | ActivateRequest (ed25519, keyid = lookup hash) → ActivateResponse |
| POST /v1/license/check, /refresh, /summary | Empty → LicenceResponse |
| POST /v1/auth/token | TokenRequest → TokenResponse |
| POST /v1/auth/refresh, /revoke | RefreshRequest → TokenResponse, Empty |
| POST /v1/compile | CompileRequest → 202 JobView; 200 JobView with `artifact_id` when known |
| PUT /v1/compile/jobs/{id}/source | SourceAgain → JobView |
| GET /v1/compile/jobs/{id}, POST …/cancel | JobView |
| GET /v1/compile/jobs | JobPage |
| GET /v1/compile/jobs/{id}/log | LogPage |
| GET /v1/artifacts/{id} | Manifest |
| GET /v1/artifacts/{id}/download | container (pyvorin_wire.artifact), made for the asking device |
| GET /v1/artifacts/{id}/provenance, /v1/recall, /v1/trust | Envelope |
| POST /v1/usage/event | TelemetryBatch → Accepted |
| GET /v1/usage | UsageView |
| GET /v1/targets | TargetsView |

All other requests are signed `hmac-sha256` with the device request key and carry `Authorization:
Bearer` from TokenResponse (except /v1/auth/*). Errors are `application/problem+json`: Problem.
`code` of a Problem is one of PROBLEMS. What may never change: paths, field names, codes.
"""

from collections.abc import Mapping
from typing import Any, Final

from pyvorin_wire import canonical
from pyvorin_wire.diagnostic import Diagnostic
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.errors import RecordError
from pyvorin_wire.jobs import ExitCode, JobState
from pyvorin_wire.platform import PlatformTag
from pyvorin_wire.record import (
    Annotated,
    Base64,
    Check,
    Count,
    FingerprintText,
    Hex32,
    Identifier,
    LongText,
    Record,
    Seconds,
    Sha256,
)

MAX_SOURCE_BYTES: Final = 1024 * 1024
MAX_BUNDLE_BYTES: Final = 4 * 1024 * 1024
MAX_REQUEST_BYTES: Final = 8 * 1024 * 1024
CLAIM_TYPE: Final = "application/vnd.pyvorin.claim.v1+json"

PROBLEMS: Final[dict[str, tuple[int, ExitCode]]] = {
    "malformed": (400, ExitCode.USAGE),
    "authorization_pending": (400, ExitCode.LICENCE),
    "unauthenticated": (401, ExitCode.LICENCE),
    "clock_skew": (401, ExitCode.LICENCE),
    "licence_unknown": (403, ExitCode.LICENCE),
    "licence_revoked": (403, ExitCode.LICENCE),
    "licence_expired": (403, ExitCode.LICENCE),
    "licence_suspended": (403, ExitCode.LICENCE),
    "access_denied": (403, ExitCode.LICENCE),
    "device_limit": (403, ExitCode.LICENCE),
    "device_revoked": (403, ExitCode.LICENCE),
    "forbidden": (403, ExitCode.LICENCE),
    "not_found": (404, ExitCode.SERVICE),
    "fingerprint_unknown": (404, ExitCode.FINDINGS),
    "conflict": (409, ExitCode.SERVICE),
    "too_large": (413, ExitCode.LIMIT),
    "wrong_region": (421, ExitCode.USAGE),
    "unprocessable": (422, ExitCode.USAGE),
    "rate_limited": (429, ExitCode.LIMIT),
    "quota_exhausted": (429, ExitCode.LIMIT),
    "internal": (500, ExitCode.SERVICE),
    "unavailable": (503, ExitCode.SERVICE),
}
"""Problem code → HTTP status, and the exit code of a command it ends."""


class Empty(Record):
    """A body without fields."""


class Accepted(Record):
    accepted: Count = 0


class Problem(Record):
    """RFC 9457 problem detail. `retry_after_s` with 429 and 503; `server_time_s` with clock_skew;
    `url` with wrong_region."""

    type: str
    title: str
    status: Annotated[int, Check(low=400, high=599)]
    code: Identifier
    detail: str = ""
    instance: str = ""
    retry_after_s: Count | None = None
    server_time_s: Seconds | None = None
    url: str | None = None


def problem(code: str, detail: str = "", **extra: Any) -> Problem:
    """A Problem with the status that belongs to its code."""
    title = code.replace("_", " ")
    return Problem(f"urn:pyvorin:problem:{code}", title, PROBLEMS[code][0], code, detail, **extra)


class ActivateRequest(Record):
    """`ed25519` and `x25519` are the device's public keys; `device_name` is free text that may be
    empty."""

    lookup_hash: Sha256
    ed25519: Hex32
    x25519: Hex32
    platform: PlatformTag
    client_version: Identifier
    device_name: Annotated[str, Check(high=64)] = ""


class Sealed(Record):
    """HPKE-sealed secrets (pyvorin_wire.licence): base64 of enc ‖ ciphertext. `fingerprint` holds
    one per live epoch, current one first."""

    artifact: Base64
    request: Base64
    fingerprint: tuple[Base64, ...]


class ActivateResponse(Record):
    device_id: Identifier
    organisation_id: Identifier
    licence_id: Identifier
    licence: Envelope
    sealed: Sealed
    recall: Envelope | None = None


class LicenceResponse(Record):
    """State of the licence and its file. `sealed` when keys were rotated since the device last
    asked."""

    state: Annotated[str, Check(pattern="active|expired|revoked|suspended")]
    licence: Envelope
    devices: Count
    sealed: Sealed | None = None


class TokenRequest(Record):
    device_id: Identifier
    scopes: tuple[Identifier, ...] = ("compile", "artifacts", "usage")


class RefreshRequest(Record):
    refresh_token: Annotated[str, Check(low=20, high=256)]


class TokenResponse(Record):
    """A client whose recall list or trust is older than the versions given fetches it at once."""

    access_token: Annotated[str, Check(low=1, high=8192)]
    refresh_token: Annotated[str, Check(low=20, high=256)]
    expires_in_s: Count
    recall_version: Count = 0
    trust_version: Count = 0
    token_type: Annotated[str, Check(pattern="Bearer")] = "Bearer"


class Claim(Record):
    """What a device says it asks for: Ed25519 signature over PAE(CLAIM_TYPE, canonical
    {fingerprint, source_sha256, options_sha256}). `source_sha256` is of the source's UTF-8."""

    fingerprint: FingerprintText
    source_sha256: Sha256
    options_sha256: Sha256
    signature: Base64

    def signed_bytes(self) -> bytes:
        """The document under the signature, without the PAE."""
        names = ("fingerprint", "source_sha256", "options_sha256")
        return canonical.dumps({name: getattr(self, name) for name in names})


class CompileRequest(Record):
    """Exactly one of `fingerprint` (a look-up) and `source` (with `claim`). `functions` are
    qualified names; None means the whole module.

    `bundle` maps a relative path to the source of a local module; `examples` is Python text that
    calls the functions; `options` are further compile options, canonical JSON.
    """

    module: str
    target: PlatformTag
    fingerprint: FingerprintText | None = None
    source: LongText | None = None
    claim: Claim | None = None
    path: str = ""
    functions: tuple[Annotated[str, Check(low=1, high=512)], ...] | None = None
    opt_level: Annotated[int, Check(low=0, high=3)] = 2
    strict: bool = True
    options: Mapping[str, object] = {}  # never changed
    bundle: Mapping[str, LongText] | None = None
    examples: LongText | None = None

    def all_options(self) -> dict[str, Any]:
        """The options that the fingerprint, `claim.options_sha256` and the manifest are about."""
        return {**self.options, "opt_level": self.opt_level, "strict": self.strict}

    def checked(self) -> "CompileRequest":
        """Check what ties fields together. Raises RecordError."""
        if (self.source is None) == (self.fingerprint is None):
            raise RecordError("CompileRequest: exactly one of `source` and `fingerprint`")
        if (self.source is None) != (self.claim is None):
            raise RecordError("CompileRequest: `claim` belongs to `source`")
        if self.source is None and (self.bundle or self.examples):
            raise RecordError("CompileRequest: `bundle` and `examples` belong to `source`")
        if (
            self.source is not None
            and len(self.source.encode("utf-8", "replace")) > MAX_SOURCE_BYTES
        ):
            raise RecordError("CompileRequest.source: too large", code="too_large")
        return self


class SourceAgain(Record):
    """The same bytes once more, after their only holder died."""

    source: LongText
    bundle: Mapping[str, LongText] | None = None
    examples: LongText | None = None


class JobView(Record):
    """`stage` is the state in which the job ended; `code` a PYV code; `report` the content of
    NAME.pyv.json."""

    job_id: Identifier
    state: JobState
    created_at: Seconds
    updated_at: Seconds
    module: str = ""
    stage: str | None = None
    code: str | None = None
    detail: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    artifact_id: Identifier | None = None
    queue_position: Count | None = None
    sandbox_tier: str | None = None
    report: Mapping[str, object] | None = None
    credits: Count = 0


class JobPage(Record):
    items: tuple[JobView, ...]
    next_cursor: str | None = None


class TargetView(Record):
    """A Python the service builds for, and the compiler version that fingerprints must name."""

    python_tag: Identifier
    compiler: Identifier


class TargetsView(Record):
    items: tuple[TargetView, ...]


class LogLine(Record):
    at: Seconds
    stage: str
    code: str
    text: str = ""


class LogPage(Record):
    items: tuple[LogLine, ...]
    next_cursor: str | None = None


class TelemetryEvent(Record):
    """The allow list: hashed ids, timings, codes; no free text and no paths. `subject` is HMAC of
    the function's name under a local key."""

    event: Annotated[str, Check(pattern="compile|verify|load|refuse|fallback|benchmark|command")]
    at: Seconds
    subject: Annotated[str, Check(pattern="[0-9a-f]{16}|")] = ""
    code: Annotated[str, Check(pattern="[A-Za-z0-9_]{0,40}")] = ""
    duration_us: Count = 0
    count: Count = 1
    exit_code: Annotated[int, Check(low=0, high=255)] = 0


class TelemetryBatch(Record):
    client_version: Identifier
    python_tag: Identifier
    events: tuple[TelemetryEvent, ...]


class UsageView(Record):
    """Counted by the server. `limit` 0 means unlimited."""

    period: Annotated[str, Check(pattern="[0-9]{4}-[0-9]{2}")]
    plan: Identifier
    credits_used: Count
    credits_limit: Count
    jobs: Mapping[str, int]
