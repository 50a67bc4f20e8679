"""The one error that a person causes and can mend: a file or a request that is refused.

Kept free of imports, because every start of the command reads it. The exit codes are the command's:
0 ok · 1 findings or rejected code · 2 usage or configuration · 3 native answers differ ·
7 over a limit · 70 internal · 130 interrupted · 141 nobody reads the output.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyvorin_wire.diagnostic import Span

OK = 0
FINDINGS = 1
USAGE = 2
MISMATCH = 3
OVER_LIMIT = 7
INTERNAL = 70
INTERRUPTED = 130
UNREAD = 141  # as a shell shows the end by SIGPIPE


class RefusedError(Exception):
    """Why something is not compiled: a sentence, an exit code, the place and what to do; `code` is
    the page that explains it.
    """

    def __init__(
        self,
        message: str,
        exit_code: int = USAGE,
        span: Span | None = None,
        hint: str = "",
        *,
        code: str = "PYV704",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code
        self.span = span
        self.hint = hint
        self.excerpt = ""  # the line that `span` is about, underlined
