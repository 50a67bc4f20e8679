"""The PYV8xx codes: trust, licence, privacy, network. Each is declared once, here, with the page
that `explain` prints.

Codes of the language, of types, speed and verification belong to the compiler (`python -m pyvorin
explain CODE`).
"""

from typing import Final

from pyvorin_wire.value import Value


class Code(Value):
    """`what` happened, `why` it is refused, what to `do`, an `example` of how it comes about."""

    slug: str
    title: str
    what: str
    why: str
    do: str
    example: str


def page(code: str, entry: Code) -> str:
    """The text of `explain`."""
    return (
        f"{code} {entry.slug}: {entry.title}\n\n{entry.what}\n\nWhy: {entry.why}\n\n"
        f"Example: {entry.example}\n\nWhat to do: {entry.do}\n"
    )


_TAMPER = (
    "If you did not change anything yourself, treat it as tampering: tell whoever runs the "
    "service, and keep the quarantined file."
)
_AGAIN = "Compile again; the refused file has been moved to the quarantine folder. " + _TAMPER

CODES: Final[dict[str, Code]] = {
    "PYV801": Code(
        "bad-mac",
        "the artifact's authentication code does not match",
        "The bytes of the artifact are not those that were made for this machine.",
        "Loading an altered artifact would run someone else's code.",
        _AGAIN,
        "one byte of a stored .pyva file was changed",
    ),
    "PYV802": Code(
        "truncated",
        "the artifact is cut short or has bytes after its end",
        "The lengths in the artifact's header do not add up to the file.",
        "A part of an artifact proves nothing about the rest.",
        _AGAIN,
        "a download was cut off and the rest lost",
    ),
    "PYV803": Code(
        "swapped",
        "the native code is not the one the manifest names",
        "The SHA-256 of the shared object differs from the manifest, or the artifact is for "
        "other code than asked for.",
        "A genuine manifest in front of other code is how artifacts are swapped.",
        _AGAIN,
        "the shared object of another module was put behind this manifest",
    ),
    "PYV804": Code(
        "wrong-target",
        "the artifact was built for another platform",
        "Operating system, processor, C library, Python version or ABI differ from this "
        "interpreter's.",
        "Native code for another layout of CPython's objects would crash or, worse, not crash.",
        "Compile under this interpreter: artifacts are made for exactly one CPython minor.",
        "an artifact for cp311 is loaded by CPython 3.12",
    ),
    "PYV805": Code(
        "rollback",
        "the artifact is older than one already accepted",
        "Its sequence number is below the highest that this machine has accepted for the "
        "same code.",
        "An older build may hold a fault that was fixed since.",
        "Run `pyvorin-thin sync` and compile again. " + _TAMPER,
        "last week's artifact is copied back into the cache",
    ),
    "PYV806": Code(
        "expired",
        "the artifact's time for acceptance is over",
        "`expires_at` has passed. It limits when a download is accepted, never the load of "
        "an accepted artifact.",
        "Otherwise anyone between you and the service could serve an old build for ever.",
        "Compile again; check this machine's clock with `pyvorin-thin doctor`.",
        "a proxy answers with an artifact it kept for a month",
    ),
    "PYV807": Code(
        "foreign",
        "the artifact belongs to another licence, device or organisation",
        "The manifest names someone else.",
        "Artifacts are bound to the device they were made for.",
        "Compile on this machine: a hit in your organisation's cache costs nothing.",
        "the cache folder of a colleague's machine was copied here",
    ),
    "PYV808": Code(
        "recalled",
        "the artifact has been recalled",
        "The signed recall list of your organisation names it.",
        "A bad build or a stolen key was found.",
        "Compile again. The reason is in the message.",
        "build 1f3a… was recalled: wrong answer for -0.0",
    ),
    "PYV809": Code(
        "bad-provenance",
        "the signed provenance is missing, wrong, or about another build",
        "No artifact key of trust.json signed the statement, or the statement describes "
        "something else.",
        "The statement is what anyone can check with a public key.",
        "Run `pyvorin-thin sync`; if keys were rotated, ask the administrator for the new "
        "trust file. " + _TAMPER,
        "the statement is signed by a key that trust.json does not name",
    ),
    "PYV810": Code(
        "malformed-artifact",
        "this is not a well-formed artifact",
        "The container, its manifest or the shared object inside does not have the expected form.",
        "What cannot be read exactly is not loaded.",
        _AGAIN,
        "app.pyva is an ordinary zip archive",
    ),
    "PYV811": Code(
        "secret-found",
        "a credential was found in what would be sent",
        "A rule for credentials matched a string or comment of the chosen functions or of "
        "what they call.",
        "A secret that has left the machine is burnt.",
        "Remove it, or allow it with a reason: `# pyv: allow-secret[why]` on that line (logged).",
        'PASSWORD = "…"    # beside the function that is sent',
    ),
    "PYV812": Code(
        "unsafe-import",
        "the source uses a module or trick that the service refuses",
        "Process, network, foreign-function or unpickling code was found. This is a "
        "courtesy; the service's sandbox decides.",
        "Such code cannot be compiled or checked there anyway.",
        "Move the pure computation to a function of its own, or compile here: `--local-native`.",
        "import subprocess",
    ),
    "PYV813": Code(
        "not-python",
        "this is not a Python source file",
        "It is not a regular file of UTF-8 Python text, or it is too large.",
        "Only Python source can be compiled, and nothing else should be read or sent.",
        "Check the path.",
        "pyvorin-thin compile photo.png",
    ),
    "PYV814": Code(
        "stale",
        "the artifact has not been refreshed for longer than `require-fresh` allows",
        "The project asks for artifacts checked with the service within a number of days.",
        "That bounds how long a recall can go unseen.",
        "Run `pyvorin-thin sync` while the service is reachable.",
        "require-fresh = 7, and the last `sync` was nine days ago",
    ),
    "PYV815": Code(
        "unsafe-object",
        "the shared object would make the dynamic linker run or load something else",
        "It names libraries, search paths, constructors or indirect functions that the "
        "compiler never emits.",
        "These run before any check inside the artifact could.",
        _AGAIN,
        "the object has a DT_NEEDED entry for libevil.so",
    ),
    "PYV820": Code(
        "bad-licence-key",
        "this is not a licence key",
        "The text has another form, or its checksum shows a typing error.",
        "Nothing is sent for a key that cannot be right.",
        "Copy the key again. It starts with pyvk1_.",
        "pyvk1_ with two letters exchanged",
    ),
    "PYV821": Code(
        "licence-refused",
        "the service refused the licence or this device",
        "It is unknown, expired, revoked, not allowed to do this, or has no device left.",
        "Requests prove a licence; artifacts already accepted keep loading.",
        "`pyvorin-thin status` shows the state; an administrator can issue, revoke or free "
        "a device.",
        "pyvorin-thin compile app.py, after the licence was revoked",
    ),
    "PYV822": Code(
        "not-activated",
        "this machine is not activated",
        "There is no device key here yet.",
        "Every request is signed by an activated device.",
        "`pyvorin-thin activate URL --trust trust.json`, or work without a service: "
        "`--local-native`.",
        "pyvorin-thin sync, on a machine that never ran `activate`",
    ),
    "PYV823": Code(
        "unsafe-file",
        "a file or folder of the client is not private",
        "Others can read it, or it is a link or not a regular file.",
        "Keys that others can read are burnt; links are how files are swapped.",
        "Correct the owner and mode (0600, folders 0700) if nobody else used it; otherwise "
        "replace the key.",
        "-rw-r--r-- device.key",
    ),
    "PYV824": Code(
        "key-on-command-line",
        "a licence key does not belong on the command line",
        "Arguments are visible to every user of the machine and stay in the shell's history.",
        "So this key must be seen as known to others.",
        "Give it on standard input or in a file (`--key-file`), and ask for a new key.",
        "pyvorin-thin activate pyvk1_…",
    ),
    "PYV830": Code(
        "unreachable",
        "the service cannot be reached",
        "The connection failed or timed out.",
        "What is already accepted keeps loading without it.",
        "Try again, or compile here: `--local-native`. `pyvorin-thin doctor` shows more.",
        "the service is not running, or a firewall is between",
    ),
    "PYV831": Code(
        "wrong-pin",
        "the service's certificate has none of the pinned keys",
        "The TLS certificate is not one that trust.json names. No request was sent.",
        "Someone may be between you and the service.",
        "If the service changed its key, an administrator hands over the new trust file. "
        + _TAMPER,
        "a proxy that opens TLS answers with a certificate of its own",
    ),
    "PYV832": Code(
        "bad-tls",
        "the TLS connection was refused",
        "The certificate is expired, for another name, from another authority, or TLS 1.3 "
        "is not offered.",
        "There is no way to turn this check off.",
        "Tell whoever runs the service; check this machine's clock.",
        "the certificate ended yesterday",
    ),
    "PYV833": Code(
        "clock",
        "this machine's clock differs from the service's by over a minute",
        "The request was signed again with the service's time once, and refused again.",
        "Signed requests are valid for a minute, so that they cannot be replayed.",
        "Set the clock.",
        "this machine's clock is five minutes slow",
    ),
    "PYV834": Code(
        "bad-answer",
        "the service's answer cannot be used",
        "It is too large, malformed, or not of this API.",
        "Nothing was stored.",
        "Check that the URL is that of a Pyvorin service of the same version.",
        "the URL is that of a login page",
    ),
    "PYV835": Code(
        "over-limit",
        "a quota, rate or size limit was reached",
        "The message says which, and when to try again.",
        "Limits keep the service fair.",
        "Wait, or ask for a larger plan.",
        "the 61st request of a minute, where 60 are allowed",
    ),
    "PYV836": Code(
        "wrong-region",
        "your organisation's data belongs to another region",
        "The service answered with the right URL before it read the request.",
        "Data stays in its region.",
        "Activate with the trust file of that region.",
        "an organisation of eu-central asks the service of us-east",
    ),
    "PYV837": Code(
        "job-failed",
        "the job ended without an artifact",
        "The message says in which stage and why.",
        "Only a build that was checked and signed is delivered.",
        "`pyvorin-thin explain` the code given with it.",
        "the job ended in state failed: PYV902",
    ),
    "PYV840": Code(
        "no-artifact",
        "no artifact for this code yet, and source upload is off",
        "Only a fingerprint was sent, and your organisation has not built this code for "
        "this Python.",
        "Source leaves this machine only with two opt-ins.",
        "Pick one of the three ways the message prints: compile here, send this source, or "
        "let CI build it.",
        "pyvorin-thin compile app.py    # never built before",
    ),
    "PYV841": Code(
        "half-opted-in",
        "only one of the two opt-ins for sending source is given",
        "Sending source needs `--include-source` and PYVORIN_THIN_SEND_SOURCE=1 (examples "
        "also `--include-examples`).",
        "One of them alone may be an accident.",
        "Give both, or neither.",
        "pyvorin-thin compile app.py --include-source, without the variable",
    ),
    "PYV850": Code(
        "bad-trust",
        "the trust file or recall list cannot be used",
        "It is malformed, or not signed by a key that is trusted for it.",
        "Everything else is believed because of this file.",
        "Get it again from the administrator. " + _TAMPER,
        "trust.json was edited by hand",
    ),
    "PYV851": Code(
        "trust-digest",
        "the trust file's digest is not the one given",
        "The file is not the one the administrator meant.",
        "There is no trust on first use.",
        "Compare the digest with the one `pyvorin-server init` printed.",
        "--trust-digest 4f2a-11c0 and a file with the digest 9b07-d1e2",
    ),
    "PYV852": Code(
        "trust-rollback",
        "a trust file or recall list is older than the one in use",
        "Versions only grow.",
        "An old file could bring back a stolen key or a recalled build.",
        "Get the current one. " + _TAMPER,
        "trust.json of version 3, and version 4 is in use",
    ),
    "PYV853": Code(
        "trust-expired",
        "the trust file has expired",
        "Its `expires_at` has passed.",
        "Otherwise an old one could be used for ever.",
        "Ask the administrator for the current trust file.",
        "a trust file from last year",
    ),
    "PYV854": Code(
        "bad-state",
        "a stored file of the client is damaged",
        "It does not have the form in which it was written.",
        "It is not guessed at.",
        "Remove it and run `pyvorin-thin sync`.",
        "device.json was cut short by a crash of the file system",
    ),
    "PYV855": Code(
        "cannot-store",
        "a file cannot be written or read on this machine",
        "The disk is full, a folder is read-only or someone else's, or a limit was reached.",
        "Files are written whole or not at all; what was there before is unchanged.",
        "Free space, mend the folder's owner, or choose another: PYVORIN_THIN_HOME, TMPDIR.",
        "pyvorin-thin sync, with no space left on device",
    ),
    "PYV860": Code(
        "required",
        "PYVORIN=require and there is no usable artifact",
        "The module would have run in Python.",
        "`require` turns that into an ImportError.",
        "Compile it, or use PYVORIN=on.",
        "PYVORIN=require python app.py, and nothing was compiled",
    ),
    "PYV861": Code(
        "unsupported-platform",
        "this interpreter cannot run native code",
        "The message says what is needed.",
        "Layouts are known and tested for these platforms only.",
        "Everything keeps working in Python.",
        "pyvorin-thin run under PyPy, or on ARM",
    ),
    "PYV862": Code(
        "other-bytecode",
        "the function's bytecode is not the one that was compiled",
        "The source changed, or it was laid out differently, since the artifact was made.",
        "Native code attaches only to exactly the code it was made from.",
        "Compile again.",
        "a line was added to the function since",
    ),
    "PYV863": Code(
        "loaded-otherwise",
        "the module does not come from Python's loader for source",
        "It has an artifact, and another import hook, a bytecode file, an archive or an extension "
        "module took its place.",
        "What such a loader runs need not be the code that was compiled.",
        "Load it from its .py file, or remove its artifact with cache rm.",
        "a test runner or a coverage tool that rewrites modules while importing them",
    ),
    "PYV870": Code(
        "bad-configuration",
        "the configuration is not usable",
        "A file, variable or argument has an unknown name or a value of the wrong kind.",
        "A setting that is silently ignored is worse than none.",
        "`pyvorin-thin doctor` prints every setting and where it comes from.",
        "[tool.pyvorin]\n    min-speed = 2    # the setting is called min-speedup",
    ),
    "PYV880": Code(
        "no-compiler",
        "the compiler is not installed here",
        "`python -m pyvorin` was not found under this interpreter.",
        "`--local-native` and `report` use it.",
        "Install it: `pip install pyvorin`. Nothing else is needed: no account and no network.",
        "pyvorin-thin compile app.py --local-native, without the package pyvorin",
    ),
    "PYV881": Code(
        "compiler-failed",
        "the compiler ended with an error",
        "Its own message is above.",
        "Nothing was written.",
        "If it is an internal error (exit 70), report it; it never includes your source "
        "unless you add it.",
        "the compiler was ended by the system for its memory",
    ),
}
