"""Bytes that are already in the world must stay readable, on every minor."""

import pytest
from pyvorin_wire import artifact, canonical, delivered, envelope, frames, licence, recall, trust
from pyvorin_wire.api import CompileRequest, JobView, Problem
from pyvorin_wire.outcome_tree import decode

from tests.wire.samples import GOLDEN, SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_has_the_golden_bytes(name):
    assert SAMPLES[name]() == (GOLDEN / name).read_bytes()


def test_every_golden_file_has_a_sample():
    assert {path.name for path in GOLDEN.iterdir()} == set(SAMPLES)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("manifest.json", artifact.Manifest.from_bytes),
        ("container.bin", artifact.unpack),
        ("trust.json", trust.parse),
        ("trust_update.json", envelope.Envelope.from_bytes),
        ("recall.json", envelope.Envelope.from_bytes),
        ("licence.json", envelope.Envelope.from_bytes),
        ("delivered_key.json", delivered.DeliveredKey.from_bytes),
        ("licence_key", lambda data: licence.parse_key(data.decode())),
        ("outcome_value.bin", decode),
        ("outcome_raised.bin", decode),
        ("compile_request.json", lambda data: CompileRequest.from_json(canonical.loads(data))),
        ("job_view.json", lambda data: JobView.from_json(canonical.loads(data))),
        ("problem.json", lambda data: Problem.from_json(canonical.loads(data))),
    ],
)
def test_golden_bytes_are_still_read(name, read):
    assert read((GOLDEN / name).read_bytes()) is not None


def test_golden_frames_are_still_read():
    with (GOLDEN / "frames.bin").open("rb") as stream:
        kinds = [frame.kind for frame in frames.read_message(stream)]
    assert kinds == [frames.JSON, frames.BYTES]


def test_golden_recall_opens_with_its_key_only():
    signed = envelope.Envelope.from_bytes((GOLDEN / "recall.json").read_bytes())
    with pytest.raises(trust.TrustError, match="recall key"):
        recall.open_list(signed, {"r": lambda signature, message: False})
