"""The one error family of the formats.

Whatever bytes arrive, a reader in this package either returns a checked value or raises
`WireError`:

    WireError
    ├── CanonicalError     not (canonical) JSON of the accepted subset
    ├── RecordError        a JSON object with a missing, unknown or ill-typed field
    ├── EnvelopeError      a signature envelope that is malformed or that no accepted key signed
    ├── FingerprintError   source that cannot be fingerprinted
    ├── ArtifactError      a container that is truncated, overlong or inconsistent
    ├── TrustError         trust.json or recall list: expired, rolled back, of another organisation
    ├── LicenceError       a licence key or licence file that is malformed or not valid now
    ├── HttpSigError       a request signature that is missing, malformed, stale or wrong
    ├── FrameError         a pipe that ended early, or a frame over its cap
    └── OutcomeError       an outcome that is malformed or too large to compare

`code` is stable and fit for logs and API answers; the message is for people and holds no secret.
"""


class WireError(ValueError):
    """Malformed or unacceptable input to one of the formats."""

    code = "wire"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class CanonicalError(WireError):
    code = "canonical"


class RecordError(WireError):
    code = "record"


class EnvelopeError(WireError):
    code = "envelope"


class FingerprintError(WireError):
    code = "fingerprint"


class ArtifactError(WireError):
    code = "artifact"


class TrustError(WireError):
    code = "trust"


class LicenceError(WireError):
    code = "licence"


class HttpSigError(WireError):
    code = "http_signature"


class FrameError(WireError):
    code = "frame"


class OutcomeError(WireError):
    code = "outcome"
