"""Get an artifact from the service: fingerprint first, source only with both opt-ins.

    read → plan (what code, which options) → fingerprint → POST /v1/compile {fingerprint}
        known    → download → verify → store
        unknown  → three ways on (PYV840); with both opt-ins: scan the bytes → POST {source, claim}
        → wait → download → verify → store

What is sent of a chosen function is its module-level statement and those it reaches by name, every
other line left blank, so that line numbers stay; with it go the local modules that this text
imports (`bundle`). These texts are exactly what is scanned, what `--dry-run` prints and what the
fingerprint covers.
"""

import ast
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pyvorin_wire import api, canonical, envelope, fingerprint
from pyvorin_wire.artifact import Manifest
from pyvorin_wire.diagnostic import Diagnostic
from pyvorin_wire.errors import FingerprintError
from pyvorin_wire.jobs import JOB_EXIT, ExitCode, JobState
from pyvorin_wire.platform import PlatformTag, running, unsupported
from pyvorin_wire.trust import Trust
from pyvorin_wire.value import Value

from pyvorin_thin import activation, bundle, config, events, loader, paths, store, trust, verify
from pyvorin_thin import scan as scanning
from pyvorin_thin.errors import Findings, LimitError, ServiceError, ThinError, UsageError
from pyvorin_thin.keys import Device
from pyvorin_thin.scan import notpython
from pyvorin_thin.service import Service
from pyvorin_thin.switches import SEND_SOURCE, source_opted_in

DEFAULT_SPEEDUP: Final = f"{config.DEFAULTS['min-speedup'].default:g}"
_ANSWER_S: Final = 10  # for so long the service may hold an answer back until the state changes
_TARGETS_S: Final = 600
_POLL_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)


class Plan(Value):
    """One compilation. `source` is what would be sent; `file` the whole file, for excerpts;
    `bundle` the local modules that `source` imports; `min_speedup` decimal text."""

    path: str
    module: str
    file: str
    source: str
    functions: tuple[str, ...] | None
    target: PlatformTag
    opt_level: int
    strict: bool
    examples: str | None = None
    bundle: Mapping[str, str] = {}  # never changed
    min_speedup: str = DEFAULT_SPEEDUP


class Consent(Value):
    """The two opt-ins for source, and the third for examples."""

    include_source: bool
    environment: bool
    include_examples: bool = False

    @property
    def source(self) -> bool:
        return self.include_source and self.environment

    @classmethod
    def read(cls, include_source: bool, include_examples: bool = False) -> "Consent":
        """With the environment's opt-in as it is now: only a clear yes counts."""
        return cls(include_source, source_opted_in(), include_examples)


class JobEnded(ThinError):
    """A job ended without an artifact; carries its diagnostics for the client to show beside its
    own source."""

    def __init__(self, job: api.JobView) -> None:
        code = job.code or "PYV837"
        super().__init__(
            code,
            job.detail
            or f"the job ended as {job.state.value}" + (f" in {job.stage}" if job.stage else ""),
        )
        self.job = job
        self.exit_code = JOB_EXIT[job.state]
        self.diagnostics = job.diagnostics


class Built(Value):
    """An accepted artifact. `known`: it was built before and cost nothing."""

    manifest: Manifest
    known: bool
    report: dict[str, Any] | None


def plan(
    path: str,
    functions: tuple[str, ...] | None,
    settings: config.Settings,
    examples: str | None = None,
) -> Plan:
    """Read the file and settle what is asked for. Raises UsageError."""
    tag = running()
    if (reason := unsupported(tag)) is not None:
        raise UsageError("PYV861", reason)
    file = notpython.read_source(path)
    source = file if functions is None else reached_source(file, functions, path)
    text = None if examples is None else notpython.read_source(examples)
    strict = settings["on-unsupported"] == "error"
    module = module_name(path)
    return Plan(
        path,
        module,
        file,
        source,
        functions,
        _baseline(tag),
        settings["opt-level"],
        strict,
        text,
        bundle.collect(path, module, source),
        f"{round(settings['min-speedup'], 6):g}",
    )


def _baseline(tag: PlatformTag) -> PlatformTag:
    """What is asked for is the oldest platform the artifact shall run on, so that machines of a
    team share artifacts."""
    return tag.replace(libc="glibc-2.17", cpu_level=1)


def module_name(path: str) -> str:
    """Dotted name by which an import would find the file: up through folders with an
    `__init__.py`."""
    folder, name = os.path.split(os.path.abspath(path))
    parts = [] if name == "__init__.py" else [name.removesuffix(".py")]
    while (
        os.path.isfile(os.path.join(folder, "__init__.py"))
        and os.path.basename(folder).isidentifier()
    ):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return ".".join(parts)


def reached_source(file: str, functions: tuple[str, ...], path: str = "the file") -> str:
    """The file with every line blank that the functions do not reach. Raises UsageError for an
    unknown function."""
    try:
        chosen = fingerprint.reached_statements(ast.parse(file), functions)
    except FingerprintError as error:
        raise UsageError("PYV870", str(error)) from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise notpython.unparsable(path, error, file) from error
    kept: set[int] = set()
    for statement in chosen:
        first = min(
            [statement.lineno, *(node.lineno for node in getattr(statement, "decorator_list", ()))]
        )
        kept.update(range(first, (statement.end_lineno or first) + 1))
    lines = file.split("\n")
    return (
        "\n".join(line if number in kept else "" for number, line in enumerate(lines, 1)).rstrip(
            "\n"
        )
        + "\n"
    )


def lookup_request(plan: Plan, named: str) -> api.CompileRequest:
    """The request that asks for an artifact by fingerprint: no source, no name of any kind."""
    return api.CompileRequest(
        module="",
        target=plan.target,
        fingerprint=named,
        opt_level=plan.opt_level,
        strict=plan.strict,
        options=_further(plan),
    ).checked()


def source_request(plan: Plan, device: Device, named: str, consent: Consent) -> api.CompileRequest:
    """The request that sends source, signed as this device's claim to the fingerprint."""
    claimed = api.Claim(
        fingerprint=named,
        source_sha256=hashlib.sha256(plan.source.encode()).hexdigest(),
        options_sha256=fingerprint.options_digest(_options(plan)),
        signature="",
    )
    message = envelope.pae(api.CLAIM_TYPE, claimed.signed_bytes())
    signature = envelope.base64_text(activation.sign_claim(device, message))
    return api.CompileRequest(
        module=plan.module,
        target=plan.target,
        source=plan.source,
        claim=claimed.replace(signature=signature),
        path=sent_path(plan),
        functions=plan.functions,
        opt_level=plan.opt_level,
        strict=plan.strict,
        options=_further(plan),
        bundle=plan.bundle or None,
        examples=plan.examples if consent.include_examples else None,
    ).checked()


def keyed_fingerprint(plan: Plan, device: Device, compiler: str) -> str:
    """The plan's fingerprint under the organisation's current key."""
    try:
        digest = fingerprint.canonical_digest(
            plan.source,
            plan.functions,
            options=_options(plan),
            target=plan.target,
            compiler=compiler,
            bundle=plan.bundle,
        )
    except FingerprintError as error:
        raise UsageError("PYV813", f"{plan.path}: {error}") from error
    key = device.fingerprint_keys[0]
    return fingerprint.keyed(bytes.fromhex(key.key), key.epoch, digest)


def _options(plan: Plan) -> dict[str, Any]:
    return api.CompileRequest(
        plan.module,
        plan.target,
        opt_level=plan.opt_level,
        strict=plan.strict,
        options=_further(plan),
    ).all_options()


def _further(plan: Plan) -> dict[str, Any]:
    """Options beyond those every request has; the default is left out, as in older fingerprints."""
    return {} if plan.min_speedup == DEFAULT_SPEEDUP else {"min_speedup": plan.min_speedup}


def sent_path(plan: Plan) -> str:
    """The file's path below the folder it is imported from: `pkg/app.py`, never more."""
    below = plan.module.replace(".", "/")
    return f"{below}/__init__.py" if os.path.basename(plan.path) == "__init__.py" else f"{below}.py"


def compiler_version(service: Service | None, target: PlatformTag) -> str:
    """The compiler version that fingerprints must name, from the service or as it last said."""
    if service is not None:
        found = service.call("GET", "/v1/targets", None, api.TargetsView)
        paths.write(_targets_path(), canonical.dumps(found.to_json()))
    else:
        data = paths.read(_targets_path())
        if data is None:
            raise ServiceError(
                "PYV830", "the service's compiler version is not known yet", ("pyvorin-thin sync",)
            )
        found = api.TargetsView.from_json(canonical.loads(data))
    versions = sorted(item.compiler for item in found.items if item.python_tag == target.python_tag)
    if not versions:
        raise UsageError("PYV861", f"the service does not build for {target.python_tag}")
    return versions[-1]


def _is_recent() -> bool:
    """Whether the service said a short while ago for which compiler it builds."""
    try:
        return 0 <= time.time() - os.stat(_targets_path()).st_mtime < _TARGETS_S
    except OSError:
        return False


def _targets_path() -> str:
    return os.path.join(paths.state(), "targets.json")


def build(
    plan: Plan,
    believed: Trust,
    device: Device,
    service: Service,
    consent: Consent,
    *,
    wait_s: float,
    progress: Callable[[api.JobView], None] = lambda job: None,
) -> Built:
    """Look up, or with both opt-ins send and wait; then accept and store. Raises ThinError."""
    recent = _is_recent()
    compiler = compiler_version(None if recent else service, plan.target)
    service.sync(believed, always=False)
    named = keyed_fingerprint(plan, device, compiler)
    job = _look_up(plan, named, service)
    if job is None and recent and compiler != (now := compiler_version(service, plan.target)):
        named = keyed_fingerprint(plan, device, now)
        job = _look_up(plan, named, service)
    known = job is not None
    if job is None:
        job = _send_source(plan, device, service, consent, named, wait_s, progress)
    return Built(_accept(plan, job, believed, service, named), known, _report(job))


def _look_up(plan: Plan, named: str, service: Service) -> api.JobView | None:
    """The job that built this code; None if nobody did."""
    asked = lookup_request(plan, named)
    try:
        return service.call("POST", "/v1/compile", asked, api.JobView, repeatable=True)
    except Findings as error:
        if error.code != "PYV840":
            raise
        return None


def _send_source(
    plan: Plan,
    device: Device,
    service: Service,
    consent: Consent,
    named: str,
    wait_s: float,
    progress: Callable[[api.JobView], None],
) -> api.JobView:
    require_consent(plan, consent)
    refuse_findings(plan, consent)
    request = source_request(plan, device, named, consent)
    events.record("source-sent", module=plan.module, bytes=_size(plan))
    job = service.call("POST", "/v1/compile", request, api.JobView, headers=_once())
    return _wait(job, request, service, wait_s, progress)


def require_consent(plan: Plan, consent: Consent) -> None:
    """Raise Findings PYV840 or PYV841 unless both opt-ins are given."""
    if consent.source:
        return
    if consent.include_source or consent.environment:
        given = "--include-source" if consent.include_source else f"{SEND_SOURCE}=1"
        missing = f"{SEND_SOURCE}=1" if consent.include_source else "--include-source"
        raise Findings(
            "PYV841", f"source was not sent: {given} is given, {missing} is not", three_ways(plan)
        )
    raise Findings(
        "PYV840", "no artifact for this code yet, and source upload is off", three_ways(plan)
    )


def three_ways(plan: Plan) -> tuple[str, ...]:
    """What can be done about a miss."""
    size = _size(plan)
    what = f"{size / 1000:.1f} kB" if size >= 1000 else f"{size} bytes"
    if plan.bundle:
        what += f" with the {len(plan.bundle)} local module(s) it imports"
    return (
        "(a) compile here: --local-native",
        f"(b) send this source ({what}, shown by --dry-run): --include-source with {SEND_SOURCE}=1",
        "(c) let CI build it: the next run here is then a hit",
        "running in Python meanwhile",
    )


def _size(plan: Plan) -> int:
    return sum(len(text.encode()) for text in (plan.source, *plan.bundle.values()))


class Refused(Findings):
    """Findings in what would be sent."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__(
            diagnostics[0].code,
            f"{len(diagnostics)} finding(s) in what would be sent; nothing was sent",
        )
        self.diagnostics = tuple(diagnostics)


def refuse_findings(plan: Plan, consent: Consent) -> None:
    """Raise Refused if a credential or an unsafe import is in the bytes that would be sent."""
    found = scanning.upload(texts(plan, consent))
    if found:
        raise Refused(found)


def texts(plan: Plan, consent: Consent) -> dict[str, str]:
    """Every text that would be sent, by name."""
    found = {plan.path: plan.source, **plan.bundle}
    if plan.examples is not None and consent.include_examples:
        found["examples"] = plan.examples
    return found


def _wait(
    job: api.JobView,
    request: api.CompileRequest,
    service: Service,
    wait_s: float,
    progress: Callable[[api.JobView], None],
) -> api.JobView:
    deadline = time.monotonic() + wait_s
    pauses = _pauses()
    while not job.state.is_terminal:
        progress(job)
        asked_at = time.monotonic()
        if asked_at > deadline:
            raise LimitError(
                "PYV835",
                f"job {job.job_id} is still {job.state.value}",
                ("it goes on; run the same command later",),
            )
        before = job.state
        if before is JobState.NEEDS_SOURCE and request.source is not None:
            again = api.SourceAgain(request.source, request.bundle, request.examples)
            job = service.call("PUT", f"/v1/compile/jobs/{job.job_id}/source", again, api.JobView)
        else:
            target = f"/v1/compile/jobs/{job.job_id}?state={before.value}&wait_s={_ANSWER_S}"
            job = service.call("GET", target, None, api.JobView)
        if job.state is before and time.monotonic() - asked_at < _ANSWER_S / 2:
            time.sleep(next(pauses))  # a service that answers at once whatever the state
    progress(job)
    return job


def _pauses() -> Iterator[float]:
    yield from _POLL_S
    while True:
        yield _POLL_S[-1]


def _accept(
    plan: Plan, job: api.JobView, believed: Trust, service: Service, named: str
) -> Manifest:
    if job.state is not JobState.COMPLETE or job.artifact_id is None:
        raise JobEnded(job)
    data = service.download(job.artifact_id)
    expected = verify.Expected(plan.module, named, fingerprint.options_digest(_options(plan)))
    around = loader.circumstances()
    try:
        container = verify.accept(
            data, expected, around, believed, trust.verify_ed25519, int(time.time())
        )
    except ThinError as error:
        if error.exit_code == ExitCode.PROVENANCE:
            store.quarantine(data, f"{error.code} {plan.module} {error.message}")
            events.record("refused", module=plan.module, code=error.code)
        raise
    store.add(data, container.manifest)
    return container.manifest


def _report(job: api.JobView) -> dict[str, Any] | None:
    return None if job.report is None else dict(job.report)


def _once() -> dict[str, str]:
    return {"idempotency-key": os.urandom(16).hex()}


def dry_run(plan: Plan, device: Device, consent: Consent) -> list[bytes]:
    """The exact bodies that would be sent, in order, without contacting anyone."""
    compiler = compiler_version(None, plan.target)
    named = keyed_fingerprint(plan, device, compiler)
    bodies = [lookup_request(plan, named)]
    if consent.include_source:
        bodies.append(source_request(plan, device, named, consent))
    return [canonical.dumps(body.to_json()) for body in bodies]
