"""The main flow over real processes: activate, compile, poll, download, verify, find again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pyvorin_wire import api, artifact, envelope, recall
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.licence import Delivered
from pyvorin_wire.trust import Role

from tests.server.service import PATIENCE_S, Device, Installation

SOURCE = "def f():\n    return 41 + 1\n"


def verifiers(installation: Installation, role: Role) -> dict[str, envelope.Verify]:
    def verify(public: bytes, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except Exception:
            return False
        return True

    return dict(installation.trust().verifiers(role, verify))


def test_a_build_is_signed_and_served_to_its_device(device: Device) -> None:
    view = device.build(device.request(SOURCE))
    assert view["state"] == "complete", (view, device.installation.logs()[-3000:])
    assert view["credits"] == 1

    got = device.send("GET", f"/v1/artifacts/{view['artifact_id']}/download")
    assert got.status == 200
    container = artifact.unpack(got.body)
    assert container.mac_is_good(bytes.fromhex(device.keys[Delivered.ARTIFACT_KEY].key))
    assert container.payload_is_bound()
    assert container.manifest.device_id == device.id
    keys = verifiers(device.installation, Role.ARTIFACT)
    body = envelope.verify(container.statement, artifact.STATEMENT_TYPE, keys)
    assert artifact.statement_agrees(body, container.manifest)
    provenance = device.send("GET", f"/v1/artifacts/{view['artifact_id']}/provenance").json()
    assert Envelope.from_json(provenance) == container.statement
    manifest = device.send("GET", f"/v1/artifacts/{view['artifact_id']}").json()
    assert manifest["sha256"] == container.manifest.sha256


def test_a_known_fingerprint_is_answered_at_once(device: Device) -> None:
    body = device.request("def g():\n    return 'known'\n")
    assert device.build(body)["state"] == "complete"
    name = body["claim"]["fingerprint"]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        found = device.look_up(name)
        times.append(time.perf_counter() - start)
        assert found.status == 200, found
        assert found.json()["artifact_id"]
    print("look-up", sorted(times))
    again = device.send("POST", "/v1/compile", body)
    assert again.status == 200


def test_an_unknown_fingerprint_says_so(device: Device) -> None:
    body = device.request("def h():\n    return 0\n")
    found = device.look_up(body["claim"]["fingerprint"])
    assert (found.status, found.code) == (404, "fingerprint_unknown")


def test_a_function_that_gains_nothing_is_not_shipped_and_says_so(device: Device) -> None:
    view = device.build(device.request("def fast():\n    return 1\ndef idle():\n    return 2\n"))
    assert view["state"] == "complete"
    rows = {row["name"]: row for row in view["report"]["functions"]}
    assert (rows["fast"]["verdict"], rows["fast"]["gain"]["ratio"]) == ("native", "9.00")
    assert rows["fast"]["checks"]["agreed"] == rows["fast"]["checks"]["origins"]["main"] == 1
    assert (rows["idle"]["verdict"], rows["idle"]["code"]) == ("python", "PYV510")
    assert "0.80x" in rows["idle"]["reason"]
    manifest = device.send("GET", f"/v1/artifacts/{view['artifact_id']}").json()
    assert [each["qualname"] for each in manifest["functions"]] == ["fast"]


def test_a_function_that_cannot_be_timed_is_not_shipped_either(device: Device) -> None:
    view = device.build(
        device.request("def fast2():\n    return 1\ndef untimed():\n    return 2\n")
    )
    rows = {row["name"]: row for row in view["report"]["functions"]}
    assert (rows["untimed"]["verdict"], rows["untimed"]["code"]) == ("python", "PYV605")
    manifest = device.send("GET", f"/v1/artifacts/{view['artifact_id']}").json()
    assert [each["qualname"] for each in manifest["functions"]] == ["fast2"]


def test_a_program_of_which_nothing_gains_is_rejected_and_costs_nothing(device: Device) -> None:
    view = device.build(
        device.request("def idle_a():\n    return 1\ndef idle_b():\n    return 2\n")
    )
    assert (view["state"], view["code"], view["credits"]) == ("rejected", "PYV510", 0)
    assert view["artifact_id"] is None
    assert {row["code"] for row in view["report"]["functions"]} == {"PYV510"}


@pytest.mark.parametrize(("misbehaviour", "code"), [("clock", "PYV605"), ("figures", "PYV510")])
def test_a_timing_jail_that_lies_ships_nothing(
    device: Device, misbehaviour: str, code: str
) -> None:
    source = f'MISBEHAVE = "{misbehaviour}"\ndef f():\n    return 1\n'
    view = device.build(device.request(source))
    assert (view["state"], view["code"]) == ("failed" if code == "PYV605" else "rejected", code)
    assert "<script>" not in str(view)


def test_code_that_cannot_be_compiled_is_rejected_with_its_diagnostic(device: Device) -> None:
    view = device.build(device.request("x = 1\n"))
    assert view["state"] == "rejected"
    assert view["stage"] == "compiling"
    assert view["diagnostics"][0]["code"] == "PYV101"
    assert view["credits"] == 0


def check_jails(device: Device, ending: str) -> tuple[float, float]:
    """How many check jails run, and how many ended so, by the worker's figures."""
    said = (device.installation.folder / "run" / "worker.prom").read_text()
    running = re.search(r'^pyvorin_jails_running{.*kind="check"} (.*)', said, re.M)
    ended = re.search(rf'^pyvorin_jobs_total{{.*kind="check",ending="{ending}"}} (.*)', said, re.M)
    assert running is not None
    assert ended is not None
    return float(running[1]), float(ended[1])


@pytest.mark.parametrize(
    ("misbehaviour", "state", "code"),
    [
        ("refuses", "rejected", "PYV101"),
        ("dies", "failed", "PYV901"),
        ("hangs", "cancelled", None),
    ],
)
def test_cpythons_side_does_not_outlive_a_compilation_that_ends_badly(
    device: Device, misbehaviour: str, state: str, code: str | None
) -> None:
    _, before = check_jails(device, "cancelled")
    source = f'MISBEHAVE = "{misbehaviour}"\ndef beside():\n    return 1\n'
    job_id = device.send("POST", "/v1/compile", device.request(source)).json()["job_id"]
    if misbehaviour == "hangs":
        wait_until(lambda: check_jails(device, "cancelled")[0] == 1)
        device.send("POST", f"/v1/compile/jobs/{job_id}/cancel", {})
    view = device.wait(job_id)
    assert (view["state"], view.get("code")) == (state, code), view
    wait_until(lambda: check_jails(device, "cancelled") == (0, before + 1))


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.1)


def test_a_mismatch_shows_its_difference_once_to_the_device_that_asked(device: Device) -> None:
    view = device.build(device.request('MISBEHAVE = "wrong"\ndef f():\n    return 1\n'))
    assert (view["state"], view["code"]) == ("mismatch", "PYV601")
    assert any("case 1" in note for each in view["diagnostics"] for note in each["notes"])
    again = device.send("GET", f"/v1/compile/jobs/{view['job_id']}").json()
    assert again["diagnostics"] == []


def test_a_request_can_wait_for_a_change_of_state(device: Device) -> None:
    slow = device.request('MISBEHAVE = "slow"\ndef waited_for():\n    return 1\n')
    job = device.send("POST", "/v1/compile", slow).json()
    target = f"/v1/compile/jobs/{job['job_id']}"
    view = device.wait(job["job_id"], until={"compiling"})
    began = time.monotonic()
    assert device.send("GET", f"{target}?state=queued&wait_s=10").json()["state"] == "compiling"
    assert time.monotonic() - began < 5
    view = device.send("GET", f"{target}?state=compiling&wait_s=1").json()
    assert view["state"] == "compiling"
    assert time.monotonic() - began > 1
    assert device.send("GET", f"{target}?state=compiling&wait_s=99").code == "malformed"
    device.send("POST", f"{target}/cancel", {})
    assert device.send("GET", f"{target}?state=compiling&wait_s=9").json()["state"] == "cancelled"


def test_jobs_are_listed_in_pages_without_gap_or_repeat(device: Device) -> None:
    for number in range(3):
        device.build(device.request(f"def page{number}():\n    return {number}\n"))
    seen: list[str] = []
    target = "/v1/compile/jobs?limit=2"
    while True:
        page = device.send("GET", target).json()
        seen += [item["job_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        target = f"/v1/compile/jobs?limit=2&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) >= 3
    assert device.send("GET", "/v1/compile/jobs?cursor=zz").code == "malformed"


def test_a_job_has_a_log(device: Device) -> None:
    view = device.build(device.request("def logged():\n    return 1\n"))
    lines = device.send("GET", f"/v1/compile/jobs/{view['job_id']}/log").json()["items"]
    assert [line["stage"] for line in lines] == [
        "queued",
        "compiling",
        "verifying",
        "signing",
        "complete",
    ]


def test_progress_is_streamed_until_the_end(device: Device) -> None:
    accepted = device.send(
        "POST", "/v1/compile", device.request("def streamed():\n    return 1\n")
    ).json()
    target = f"/v1/compile/jobs/{accepted['job_id']}"
    stream = device.send("GET", target, headers={"accept": "text/event-stream"})
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert b'"state":"complete"' in stream.body.splitlines()[-2]


def test_usage_is_counted_by_the_service(device: Device) -> None:
    before = device.send("GET", "/v1/usage").json()
    device.build(device.request("def counted():\n    return 1\n"))
    device.build(device.request("y = 2\n"))
    after = device.send("GET", "/v1/usage").json()
    assert after["credits_used"] == before["credits_used"] + 1
    assert after["jobs"]["rejected"] == before["jobs"].get("rejected", 0) + 1
    assert device.send("GET", "/v1/usage.csv").body.count(b"\n") >= 2


def test_equal_requests_in_flight_are_one_job(device: Device) -> None:
    body = device.request('MISBEHAVE = "slow"\ndef f():\n    return 1\n')
    first = device.send("POST", "/v1/compile", body).json()
    second = device.send("POST", "/v1/compile", body).json()
    assert first["job_id"] == second["job_id"]
    cancelled = device.send("POST", f"/v1/compile/jobs/{first['job_id']}/cancel", {})
    assert cancelled.json()["state"] == "cancelled"
    assert device.send("POST", f"/v1/compile/jobs/{first['job_id']}/cancel", {}).status == 200


def test_an_idempotency_key_repeats_the_answer_and_refuses_another_body(device: Device) -> None:
    body = device.request("def idem():\n    return 1\n")
    key = {"idempotency-key": "one"}
    first = device.send("POST", "/v1/compile", body, key)
    second = device.send("POST", "/v1/compile", body, key)
    assert (first.status, first.body) == (second.status, second.body)
    other = device.request("def idem():\n    return 2\n")
    assert device.send("POST", "/v1/compile", other, key).code == "conflict"


def test_the_recall_list_is_signed(device: Device) -> None:
    got = Envelope.from_json(device.send("GET", "/v1/recall").json())
    listed = recall.open_list(got, verifiers(device.installation, Role.RECALL))
    assert listed.organisation_id == device.organisation


def test_health_ready_keys_and_trust_need_no_signature(installation: Installation) -> None:
    assert installation.raw("GET", "/health", {}).json()["status"] == "ok"
    ready = installation.raw("GET", "/ready", {})
    assert (ready.status, ready.json()["missing"]) == (200, [])
    keys = installation.raw("GET", "/.well-known/jwks.json", {}).json()["keys"]
    assert {"kty", "n", "e", "kid"} <= set(keys[0])
    assert not {"d", "p", "q"} & set(keys[0])
    trust = Envelope.from_json(installation.raw("GET", "/v1/trust", {}).json())
    assert trust.payloadType.endswith("trust.v1+json")


def test_licence_state_and_keys_can_be_fetched_again(device: Device) -> None:
    for route in ("check", "summary"):
        found = device.send("POST", f"/v1/license/{route}", {})
        assert api.LicenceResponse.from_json(found.json()).state == "active"
    again = api.LicenceResponse.from_json(device.send("POST", "/v1/license/refresh", {}).json())
    assert again.sealed is not None


def test_telemetry_is_accepted(device: Device) -> None:
    batch = api.TelemetryBatch("0.1.0", "cp311", (api.TelemetryEvent("load", 1),) * 3)
    answer = device.send("POST", "/v1/usage/event", batch.to_json())
    assert answer.json() == {"accepted": 3}
