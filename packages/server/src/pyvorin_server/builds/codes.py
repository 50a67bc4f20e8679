"""Why a job ended other than complete: the service's own codes, with a sentence for people."""

CODES: dict[str, str] = {
    "PYV510": "no function gained enough to be worth shipping; all stay in Python",
    "PYV601": "the compiled code disagrees with CPython; nothing was signed",
    "PYV602": "the check did not finish on the CPython side; nothing was signed",
    "PYV603": "the compiled code ended the check process; nothing was signed",
    "PYV604": "no call of a compiled function could be checked; nothing was signed",
    "PYV605": "the gain could not be measured; nothing was signed",
    "PYV890": "the service lost the source before compiling, and it was not sent again in time",
    "PYV891": "the fingerprint, source or options are not those the device signed",
    "PYV901": "the compiler stopped without an answer",
    "PYV902": "the build needed more memory than a job may use",
    "PYV903": "the build took longer than a job may take",
    "PYV904": "the build wrote more output than a job may write",
    "PYV905": "the build tried something a jail does not allow",
    "PYV906": "the service could not finish the build",
}
