"""Everything the client refuses, as one family; each has a code (PYV8xx) and an exit code.

    ThinError
    ├── UsageError         2   a command or configuration that makes no sense
    ├── ServiceError       4   the service cannot be reached, or its answer cannot be used
    ├── ProvenanceError    5   an artifact, trust file or certificate that must not be believed
    ├── LicenceProblem     6   not activated, expired, revoked, or a key file others can read
    ├── LimitError         7   over a quota, size or time limit
    └── Findings           1   the request itself was refused: secrets, unsupported code, unknown
    fingerprint

Codes, titles and explanations are in `codes`; messages here carry what differs from case to case.
Exit codes are those of `pyvorin_wire.jobs.ExitCode`, as plain numbers: the loader raises these too,
and enumerations take long to import.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyvorin_wire.diagnostic import Diagnostic, Span


class ThinError(Exception):
    """A refusal. `code` is one of `codes.CODES`; `help` says what to do next, one line each.

    `diagnostics` are findings about the user's source that it consists of, if any. Otherwise
    `span` is the place it is about, and `source` the text of that file.
    """

    exit_code: int = 70

    def __init__(self, code: str, message: str, help: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.diagnostics: tuple[Diagnostic, ...] = ()
        self.span: Span | None = None
        self.source = ""


class UsageError(ThinError):
    exit_code = 2


class ServiceError(ThinError):
    exit_code = 4


class ProvenanceError(ThinError):
    exit_code = 5


class LicenceProblem(ThinError):
    exit_code = 6


class LimitError(ThinError):
    exit_code = 7


class Findings(ThinError):
    exit_code = 1
