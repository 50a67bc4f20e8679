"""`pyvorin-thin compile FILE`: fingerprint first; source only with both opt-ins; or the compiler on
this machine."""

import argparse
import sys
import tempfile

from pyvorin_wire.api import JobView
from pyvorin_wire.platform import running

from pyvorin_thin import (
    adopt,
    build,
    config,
    keys,
    local,
    paths,
    scan,
    service,
    store,
    telemetry,
    trust,
)
from pyvorin_thin.build import Consent, Plan
from pyvorin_thin.cli import findings, output, table
from pyvorin_thin.errors import Findings, ProvenanceError, ThinError, UsageError
from pyvorin_thin.scan import notpython
from pyvorin_thin.switches import SEND_SOURCE


def run(options: argparse.Namespace) -> int:
    settings = config.load(
        {
            "opt-level": options.opt_level,
            "on-unsupported": options.on_unsupported,
            "service.url": options.url,
        }
    )
    if options.target not in (None, running().python_tag):
        own = running().python_tag
        raise UsageError(
            "PYV861", f"this is {own}; run pyvorin-thin under {options.target} to compile for it"
        )
    if options.local_native:
        return _compile_here(options, settings)
    functions = tuple(options.function) if options.function else None
    plan = build.plan(options.file, functions, settings, options.examples)
    consent = Consent.read(options.include_source, options.include_examples)
    device = _device(plan)
    if options.dry_run:
        return _dry_run(plan, device, consent)
    return _compile_there(options, settings, plan, device, consent)


def _device(plan: Plan) -> keys.Device:
    device = keys.load_device()
    if device is None:
        raise Findings(
            "PYV822",
            "this machine is not activated, so nothing was sent",
            (
                *build.three_ways(plan)[:-1],
                "(b) and (c) need: pyvorin-thin activate URL --trust trust.json",
            ),
        )
    return device


def _dry_run(plan: Plan, device: keys.Device, consent: Consent) -> int:
    """The exact bytes, one body a line, on standard output; what they are on standard error."""
    for number, body in enumerate(build.dry_run(plan, device, consent), 1):
        what = (
            "look-up by fingerprint" if number == 1 else "source, sent only if the look-up misses"
        )
        output.say(f"POST /v1/compile: {what}, {len(body)} bytes:")
        sys.stdout.buffer.write(body + b"\n")
        sys.stdout.buffer.flush()
    if consent.include_source and not consent.environment:
        output.say(f"without {SEND_SOURCE}=1 the second is not sent")
    for item in scan.upload(build.texts(plan, consent)):
        output.say(f"{item.code}: {item.message}; this would stop it")
    output.say("nothing was sent")
    return 0


def _compile_there(
    options: argparse.Namespace,
    settings: config.Settings,
    plan: Plan,
    device: keys.Device,
    consent: Consent,
) -> int:
    believed = trust.load()
    if believed is None:
        raise ProvenanceError("PYV850", "the trust file is missing; activate again")
    connected = service.connect(believed, device, settings["service.timeout-s"])
    try:
        wait_s = settings["service.wait-s"]
        built = build.build(
            plan, believed, device, connected, consent, wait_s=wait_s, progress=_Progress()
        )
    except ThinError as error:
        _show_findings(error, plan, options.format)
        telemetry.emit(settings, "compile", code=error.code, exit_code=int(error.exit_code))
        raise
    telemetry.emit(settings, "compile", subject=plan.module)
    telemetry.flush(settings, connected)
    names = [entry.qualname for entry in built.manifest.functions]
    document = {
        "artifact_id": built.manifest.artifact_id,
        "cache": "hit" if built.known else "built",
        "functions": names,
        "module": plan.module,
        "report": built.report,
        "sandbox_tier": built.manifest.sandbox_tier,
    }
    what = f"{plan.module}: {', '.join(names)}"
    text = table.of_report(built.report) if built.report else ""
    text += f"ok[PYV000]: {what} compiled, verified and stored ({document['cache']})\n"
    output.data(document, text, options.format if options.format == "json" else "text")
    return 0


def _show_findings(error: ThinError, plan: Plan, style: str) -> None:
    """Diagnostics that come from the service hold positions only: show them beside our own
    source."""
    found = error.diagnostics
    if isinstance(error, build.JobEnded) and error.job.report and style == "text":
        output.data({}, table.of_report(error.job.report), style)
    if found and style == "text":
        findings.show(
            found,
            {plan.path: plan.file, found[0].span.file if found[0].span else "": plan.file},
            style,
        )
        error.diagnostics = ()


class _Progress:
    """One line a state, on a terminal only."""

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, job: JobView) -> None:
        text = job.state.value + (f", {job.queue_position} ahead" if job.queue_position else "")
        if text != self.last and sys.stderr.isatty():
            output.say(f"  {job.job_id}: {text}")
        self.last = text


def _compile_here(options: argparse.Namespace, settings: config.Settings) -> int:
    """Compile on this machine and keep the result for `run` and the import hook.

    Findings of the scan are warnings here: nothing is sent.
    """
    local.require()
    source = notpython.read_source(options.file)
    if options.dry_run:
        output.say("nothing would be sent: --local-native")
        return 0
    for item in scan.upload({options.file: source}):
        if item.code == "PYV811":
            output.say(f"warning: {item.message.replace('; nothing was sent', '')}")
    with tempfile.TemporaryDirectory() as folder:
        done = local.run("compile", _words(options, settings, options.output or folder))
        written = list(done.document.get("written", ()))
        kept = _keep(written, options, settings, source)
    _show_local(options, source, done, written if options.output else [], kept)
    return done.exit_code


def _words(options: argparse.Namespace, settings: config.Settings, folder: str) -> list[str]:
    words = ["-o", folder, "--on-unsupported", settings["on-unsupported"]]
    words += ["--opt-level", str(settings["opt-level"])]
    words += ["--min-speedup", str(settings["min-speedup"])]
    for name in options.function or ():
        words += ["--function", name]
    words += ["--examples", options.examples] if options.examples else []
    return [*words, "--", options.file]


def _keep(
    written: list[str], options: argparse.Namespace, settings: config.Settings, source: str
) -> list[str]:
    """Names of the functions that are native from now on."""
    chosen = {"opt_level": settings["opt-level"], "functions": options.function}
    for path in written:
        if path.endswith(".so"):
            data = paths.read(path, limit=store.MAX_CONTAINER_BYTES) or b""
            about = adopt.adopt(data, build.module_name(options.file), source, chosen)
            return [entry.qualname for entry in about.functions]
    return []


def _show_local(
    options: argparse.Namespace,
    source: str,
    done: local.Outcome,
    written: list[str],
    kept: list[str],
) -> None:
    if options.format == "json":
        output.data({**done.document, "kept": kept}, "", "json")
        return
    findings.show(done.diagnostics, {options.file: source}, options.format)
    if options.format == "text":
        text = "".join(f"wrote {path}\n" for path in written)
        if kept:
            module = build.module_name(options.file)
            text += f"ok[PYV000]: {module}: {', '.join(kept)} compiled, checked and stored\n"
            text += f"run it: pyvorin-thin run {options.file}\n"
        output.data({}, text, "text")
