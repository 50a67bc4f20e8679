"""What `fn.__pyvorin__` says about a function that runs in Python. A native one carries the
runtime's own object with the same three fields."""


class NotNative:
    """`state` is "python", `reason` says why, `counts` is empty."""

    __slots__ = ("reason",)
    state = "python"
    counts: dict[str, int] = {}  # noqa: RUF012  # never changed

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"<python: {self.reason}>"
