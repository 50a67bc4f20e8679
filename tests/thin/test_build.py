"""Source leaves only with both opt-ins; a fingerprint alone tells nothing; a bad artifact is never
stored."""

import itertools
import json

import pytest
from pyvorin_thin import build, cli, config, events, keys, service, store, trust
from pyvorin_thin.build import Consent
from pyvorin_thin.errors import Findings, ProvenanceError, ThinError, UsageError
from pyvorin_thin.switches import SEND_SOURCE
from pyvorin_wire import api
from pyvorin_wire.jobs import JobState

from tests.thin import artifacts, simulator

CANARY = "canary_7f3a91"
SOURCE = f'''
LIMIT = 3

def {CANARY}(x):
    """{CANARY} docstring"""
    return x * LIMIT  # {CANARY} comment

def unrelated():
    return "unrelated_canary_5b1c"
'''
EXAMPLES = "examples_canary_99d0 = 1\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / f"module_{CANARY}.py"
    path.write_text(SOURCE)
    (tmp_path / "examples.py").write_text(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    return str(path)


def run(server, file, consent, *, functions=None, examples=None):
    plan = build.plan(file, functions, config.load(), examples)
    connected = service.connect(server.trust(), keys.load_device(), 5.0)
    believed = trust.load()
    return build.build(plan, believed, keys.load_device(), connected, consent, wait_s=20)


@pytest.mark.parametrize("flag", [False, True])
@pytest.mark.parametrize("value", [None, "0", "false", "", "yess", "1"])
def test_source_leaves_only_with_both_opt_ins(joined, file, monkeypatch, capfd, flag, value):
    if value is not None:
        monkeypatch.setenv(SEND_SOURCE, value)
    words = ["compile", file] + ["--include-source"] * flag
    code = cli.main(words)
    both = flag and value == "1"
    assert (CANARY.encode() in joined.sent()) == both
    assert code == (0 if both else 1)
    printed = capfd.readouterr()
    if not both:
        assert "--local-native" in printed.err
        local_log = json.dumps(events.recent())
        assert CANARY not in local_log
        assert store.modules() == []


@pytest.mark.parametrize("include", list(itertools.product([False, True], repeat=3)))
def test_examples_need_a_third_opt_in(joined, file, monkeypatch, include):
    source, environment, examples = include
    if environment:
        monkeypatch.setenv(SEND_SOURCE, "1")
    words = ["compile", file, "--examples", "examples.py"]
    words += ["--include-source"] * source + ["--include-examples"] * examples
    cli.main(words)
    assert (CANARY.encode() in joined.sent()) == (source and environment)
    assert (b"examples_canary_99d0" in joined.sent()) == (source and environment and examples)


def test_a_lookup_names_nothing(joined, file):
    with pytest.raises(Findings) as caught:
        run(joined, file, Consent(False, False))
    assert caught.value.code == "PYV840"
    assert len(caught.value.help) == 4
    lookup = next(part for part in joined.wire if part.startswith(b"POST /v1/compile"))
    for word in (CANARY, "module_", "LIMIT", "unrelated"):
        assert word.encode() not in lookup
    assert b"pf1-3-" in lookup


def test_a_hit_needs_no_opt_in(joined, file):
    plan = build.plan(file, None, config.load())
    asked = api.CompileRequest(build.module_name(file), plan.target)
    wanted = build.keyed_fingerprint(plan, keys.load_device(), simulator.COMPILER)
    joined.build(wanted, asked)
    built = run(joined, file, Consent(False, False))
    assert built.known
    assert store.entries(plan.module)[0].artifact_id == built.manifest.artifact_id


def test_sent_source_is_built_verified_and_stored(joined, file):
    built = run(joined, file, Consent(True, True))
    assert not built.known
    assert events.recent()[-1]["event"] == "source-sent"
    again = run(joined, file, Consent(False, False))
    assert again.known


def test_only_what_the_function_reaches_is_sent(joined, file):
    run(joined, file, Consent(True, True), functions=(CANARY,))
    assert b"unrelated_canary" not in joined.sent()
    assert b"LIMIT = 3" in joined.sent()


def test_blank_lines_keep_every_position(file):
    text = build.reached_source(SOURCE, (CANARY,))
    assert text.split("\n")[1] == "LIMIT = 3"
    assert text.split("\n")[3] == SOURCE.split("\n")[3]
    assert len(text.split("\n")) <= len(SOURCE.split("\n"))


def test_the_slice_has_the_fingerprint_of_the_file(file):
    device = artifacts.device()
    plan = build.plan(file, (CANARY,), config.load())
    whole = plan.replace(source=plan.file)
    one, other = (build.keyed_fingerprint(p, device, "1") for p in (plan, whole))
    assert one == other


@pytest.mark.parametrize(
    ("line", "code"),
    [('KEY = "AKIA' + 'QX5ZB7K2MPLN4RTD"', "PYV811"), ("import subprocess", "PYV812")],
)
def test_findings_stop_the_upload(joined, file, line, code):
    with open(file, "a") as out:
        out.write(f"\n{line}\n")
    with pytest.raises(build.Refused) as caught:
        run(joined, file, Consent(True, True))
    assert caught.value.code == code
    assert CANARY.encode() not in joined.sent()
    assert caught.value.exit_code == 1


def test_a_finding_outside_the_chosen_function_does_not_count(joined, file):
    with open(file, "a") as out:
        out.write('\nKEY = "AKIA' + 'QX5ZB7K2MPLN4RTD"\n')
    run(joined, file, Consent(True, True), functions=(CANARY,))


def test_dry_run_prints_exactly_what_is_sent(joined, file, monkeypatch, capsysbinary):
    run(joined, file, Consent(True, True))
    bodies = [body for body in joined.bodies if b"opt_level" in body]
    assert len(bodies) == 2
    connections = joined.connections
    monkeypatch.setenv(SEND_SOURCE, "1")
    assert cli.main(["compile", file, "--include-source", "--dry-run"]) == 0
    assert capsysbinary.readouterr().out == b"".join(body + b"\n" for body in bodies)
    assert joined.connections == connections


def test_dry_run_without_the_flag_shows_no_source(joined, file, capsysbinary):
    run(joined, file, Consent(True, True))
    assert cli.main(["compile", file, "--dry-run"]) == 0
    assert CANARY.encode() not in capsysbinary.readouterr().out


DOWNLOADS = {
    "flipped": (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "PYV803"),
    "truncated": (lambda data: data[:-1], "PYV802"),
    "empty": (lambda data: b"", "PYV802"),
    "other file": (lambda data: b"\x7fELF" + data, "PYV810"),
}


@pytest.mark.parametrize(("change", "code"), DOWNLOADS.values(), ids=DOWNLOADS)
def test_a_bad_download_is_refused_and_kept_apart(joined, file, change, code):
    joined.behaviour["download"] = change
    with pytest.raises(ProvenanceError) as caught:
        run(joined, file, Consent(True, True))
    assert caught.value.code == code
    assert store.modules() == []
    assert events.recent()[-1]["event"] == "refused"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expires_at": 5}, "PYV806"),
        ({"device_id": "dev-2"}, "PYV807"),
        ({"module": "other"}, "PYV803"),
        ({"options_sha256": "0" * 64}, "PYV803"),
    ],
)
def test_a_genuine_artifact_for_something_else_is_refused(joined, file, change, code):
    original = artifacts.manifest

    def changed(**settings):
        return original(**{**settings, **change})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts, "manifest", changed)
        with pytest.raises(ProvenanceError) as caught:
            run(joined, file, Consent(True, True))
    assert caught.value.code == code


def test_a_rollback_by_the_service_is_refused(joined, file):
    run(joined, file, Consent(True, True))
    entry = store.entries(build.module_name(file))[0]
    about = artifacts.manifest(module=build.module_name(file), fingerprint=entry.fingerprint, seq=9)
    plan = build.plan(file, None, config.load())
    store.add(
        artifacts.container(about.replace(target=plan.target)),
        about.replace(target=plan.target),
    )
    with pytest.raises(ProvenanceError) as caught:
        run(joined, file, Consent(False, False))
    assert caught.value.code == "PYV805"


@pytest.mark.parametrize(
    ("state", "exit_code"),
    [
        (JobState.REJECTED, 1),
        (JobState.MISMATCH, 3),
        (JobState.FAILED, 4),
        (JobState.TIMEOUT, 7),
    ],
)
def test_how_a_job_ends_is_the_exit_code(joined, file, monkeypatch, state, exit_code):
    monkeypatch.setenv(SEND_SOURCE, "1")
    joined.behaviour["states"] = lambda job: [job.replace(state=state, stage="compiling")]
    assert cli.main(["compile", file, "--include-source"]) == exit_code


def test_source_is_sent_again_when_its_holder_died(joined, file):
    def states(job):
        lost = job.replace(state=JobState.NEEDS_SOURCE, artifact_id=None)
        return [lost, lost.replace(state=JobState.COMPILING), job]

    joined.behaviour["states"] = states
    run(joined, file, Consent(True, True))
    assert sum(part.startswith(b"PUT /v1/compile/jobs/") for part in joined.wire) == 1


def test_waiting_ends(joined, file):
    joined.behaviour["states"] = lambda job: [job.replace(state=JobState.QUEUED)]
    plan = build.plan(file, None, config.load())
    connected = service.connect(joined.trust(), keys.load_device(), 5.0)
    with pytest.raises(ThinError) as caught:
        build.build(
            plan, trust.load(), keys.load_device(), connected, Consent(True, True), wait_s=0.3
        )
    assert caught.value.exit_code == 7


def test_without_activation_the_three_ways_are_shown(file, capsys):
    assert cli.main(["compile", file]) == 1
    text = capsys.readouterr().err
    assert "--local-native" in text
    assert "activate" in text


def test_another_target_is_refused(file):
    assert cli.main(["compile", file, "--target", "cp399"]) == 2


def test_unknown_functions_are_refused(file):
    with pytest.raises(UsageError):
        build.plan(file, ("nothing",), config.load())
