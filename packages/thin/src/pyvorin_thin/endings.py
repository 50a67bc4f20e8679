"""What a job of the service can end with, explained for whoever sent it: PYV60x, PYV89x, PYV90x.

They are the service's own codes (its `builds/codes.py` has a sentence for each); the pages are here
because this is where `explain` must work without a network. PYV000 is what success shows.
"""

from typing import Final

from pyvorin_thin.codes import Code

_NOT_YOURS: Final = (
    "Try once more; if it ends so again, compile here (`--local-native`) and tell whoever runs "
    "the service: the job's number is enough."
)
_SMALLER: Final = "Choose fewer functions (`--function NAME`), or compile here: `--local-native`."

ENDINGS: Final[dict[str, Code]] = {
    "PYV000": Code(
        "ok",
        "compiled, checked, verified and stored",
        "Every checked call gave the same answer natively and in CPython.",
        "Nothing is refused; the code stands where others do.",
        "Run it: `pyvorin-thin run app.py`.",
        "ok[PYV000]: app: total compiled, checked and stored",
    ),
    "PYV602": Code(
        "check-unfinished",
        "the check did not finish on the CPython side",
        "The program itself ended the process, or ran out of time, when its calls were made in "
        "plain Python. Nothing was signed.",
        "Without CPython's answers there is nothing to compare with.",
        "Give calls that return soon (`--examples FILE`), and keep `os._exit`, endless loops and "
        "threads out of what a call reaches.",
        "a doctest of the function calls os._exit(0)",
    ),
    "PYV603": Code(
        "native-crash",
        "the compiled code ended the process that checked it",
        "Native code was stopped by a signal where CPython gave an answer. Nothing was signed.",
        "Such code must never reach a program.",
        "This is a fault of the compiler. Leave the function in Python (`# pyvorin: skip` on its "
        "`def`), and report the job's number.",
        "the check of `total` ended with SIGSEGV",
    ),
    "PYV604": Code(
        "nothing-checked",
        "no call of a compiled function could be checked",
        "No doctest, example or main block calls it with arguments that could be built, or every "
        "call answers differently from run to run. Nothing was signed.",
        "An artifact is delivered only with calls on which both sides agreed.",
        "Give typical calls in a file: `--examples FILE --include-examples`.",
        "a function of which nothing but `random()` decides the answer",
    ),
    "PYV605": Code(
        "gain-unmeasured",
        "the gain could not be measured",
        "The calls were too short, too few, or took longer than a measurement may.",
        "A function that did not show that it gains is not shipped.",
        "Give a call with typical, larger arguments: `--examples FILE --include-examples`.",
        "the only known call takes twenty seconds",
    ),
    "PYV890": Code(
        "source-lost",
        "the service lost the source before compiling, and it was not sent again in time",
        "Source is kept in memory only. The process that held it ended, and this client had "
        "stopped waiting.",
        "The service writes no source to a disk, so it cannot go on without you.",
        "Compile again and let the command wait.",
        "the command was interrupted, and then the service restarted",
    ),
    "PYV891": Code(
        "not-as-signed",
        "the fingerprint, source or options are not those the device signed",
        "What arrived at the compiler differs from what this machine put its signature under.",
        "A signed request that says something else than its content is refused.",
        "Compile again. If it repeats, something between you and the service changes requests: "
        "tell whoever runs it.",
        "the source was exchanged on the way; its fingerprint was not",
    ),
    "PYV901": Code(
        "compiler-stopped",
        "the compiler stopped without an answer",
        "The process in its jail ended early: a fault of the compiler, or the program ended it "
        "while it was imported.",
        "No answer is no artifact.",
        "Keep `os._exit` and the like out of the module's top. " + _NOT_YOURS,
        "the module calls os.abort() when it is imported",
    ),
    "PYV902": Code(
        "job-memory",
        "the build needed more memory than a job may use",
        "The jail's limit was reached while the module was imported, compiled or checked.",
        "Limits keep one job from stopping the others.",
        "Do not build large tables when the module is imported. " + _SMALLER,
        "TABLE = list(range(10**9))    # at the module's top",
    ),
    "PYV903": Code(
        "job-time",
        "the build took longer than a job may take",
        "Importing, compiling or checking did not end in time.",
        "Limits keep one job from stopping the others.",
        'Keep long work behind `if __name__ == "__main__":`. ' + _SMALLER,
        "while True: ...    # at the module's top",
    ),
    "PYV904": Code(
        "job-output",
        "the build wrote more output than a job may write",
        "The program prints without end, or the artifact is larger than allowed.",
        "Limits keep one job from filling the service.",
        "Print less while the module is imported and its examples run. " + _SMALLER,
        "a doctest that prints a million lines",
    ),
    "PYV905": Code(
        "job-violation",
        "the build tried something that a jail does not allow",
        "The program asked for a network, a process, a file or a system call that it may not have.",
        "The jail ends the job at the first attempt; nothing left it.",
        "Move such code away from what compiles, or compile here: `--local-native`.",
        "socket.create_connection(...)    # at the module's top",
    ),
    "PYV906": Code(
        "service-fault",
        "the service could not finish the build",
        "A part of the service failed: no jail of the required tier, its store, or its signer.",
        "Half a build is none.",
        _NOT_YOURS,
        "the signer was not running",
    ),
}
