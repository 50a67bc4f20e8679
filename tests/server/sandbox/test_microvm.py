"""The contract of micro-VM drivers, kept with a stub in a monitor's place; no machine is booted."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyvorin_server.sandbox import guest, image, microvm, policies
from pyvorin_server.sandbox.detect import detect
from pyvorin_server.sandbox.interpreter import python_binds
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, JailRefused, Limits
from pyvorin_server.sandbox.plan import INSIDE, JailSpec, guest_plan, make_plan
from pyvorin_server.sandbox.tiers import Tier

SYSTEM_PYTHON = Path("/usr/bin/python3")
VM = microvm.Machine("/boot/kernel", "/images/initramfs", 512 << 20)
SPEC = JailSpec(
    (sys.executable, "-I", "-c", "pass"), Limits(wall_s=20.0), policies.CHECK, Tier.MICROVM
)
needs_native = pytest.mark.skipif(
    detect().reached is not Tier.NATIVE, reason="the outer jail needs the tier native"
)

# Speaks the line as /init would. FILTER: install a system call filter, as a monitor does.
STUB = """#!{python} -I
import ctypes, json, os, sys
KERNEL, FILTER, STATUS, FOOTER = {options!r}
def read(size):
    data = b""
    while len(data) < size:
        data += os.read(0, size - len(data))
    return data
if FILTER:
    allow = ctypes.create_string_buffer(bytes.fromhex("060000000000ff7f"), 8)
    header = (ctypes.c_ulong * 2)(1, ctypes.addressof(allow))
    assert ctypes.CDLL(None).prctl(22, 2, header, 0, 0) == 0
os.write(1, b"firmware says hello\\r\\n\\x1b[2J" + b"\\nPVX-READY\\n")
plan = json.loads(read(int.from_bytes(read(4), "big")))
assert plan["scratch"] == "/jail-tmp"
os.write(1, b"[0.1] noise\\n" + json.dumps(dict(sealed=True, kernel=KERNEL)).encode() + b"\\n")
assert read(1) == b"g"
stdin = read(int.from_bytes(read(8), "big"))
os.write(1, b"echo " + stdin + b"complaint")
os.write(1, (9).to_bytes(4, "big") + STATUS.to_bytes(4, "big") + FOOTER)
"""


@dataclass(frozen=True, slots=True)
class Stub(microvm.Installed):
    @property
    def paths(self) -> list[str]:
        return [self.program, *(str(bind.path) for bind in python_binds(sys.executable))]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    tmp_path.chmod(0o755)
    (tmp_path / "initramfs").write_bytes(b"x")
    monkeypatch.setattr(microvm, "initramfs", lambda *_: tmp_path / "initramfs")
    driver = microvm.Driver("stub", "stub", False, lambda program, _: [program], lambda _: {})

    def start(
        kernel: str = "6.6-guest",
        *,
        filtered: bool = True,
        status: int = 0,
        footer: bytes = guest.FOOTER,
    ) -> Jail:
        stub = tmp_path / "stub"
        options = (kernel, filtered, status, footer)
        stub.write_text(STUB.format(python=sys.executable, options=options))
        stub.chmod(0o755)
        monkeypatch.setattr(microvm, "find", lambda: Stub(driver, str(stub), "/boot/none"))
        return Jail(SPEC)

    return start


@needs_native
def test_a_job_goes_through_the_line(make) -> None:
    with make() as jail:
        result = jail.run(b"input \0\xff")
    assert (result.ending, result.stdout) == (Ending.OK, b"echo input \0\xff")
    assert result.stderr_tail == "complaint"
    assert result.tier is Tier.MICROVM


@needs_native
@pytest.mark.parametrize(("status", "ending"), [(11, Ending.CRASHED), (31, Ending.VIOLATION)])
def test_the_footer_says_how_the_job_ended(make, status: int, ending: Ending) -> None:
    with make(status=status) as jail:
        assert jail.run(b"").ending is ending


@needs_native
def test_a_machine_that_ends_without_a_footer_has_crashed(make) -> None:
    with make(footer=b"XXXX") as jail:
        assert jail.run(b"").ending is Ending.CRASHED


@needs_native
def test_a_monitor_on_this_hosts_kernel_is_refused(make) -> None:
    with pytest.raises(JailRefused, match="kernel of this host"):
        make(kernel=__import__("os").uname().release)


@needs_native
def test_a_monitor_without_a_filter_is_refused(make) -> None:
    with pytest.raises(JailRefused, match="system call filter"):
        make(filtered=False)


@pytest.mark.parametrize("driver", microvm.DRIVERS.values(), ids=lambda driver: driver.name)
def test_a_machine_has_no_disk_and_no_network(driver: microvm.Driver) -> None:
    told = driver.command("/bin/monitor", VM)
    text = " ".join(told) + json.dumps(driver.files(VM))
    assert told[0] == "/bin/monitor"
    assert VM.kernel in text
    assert VM.initramfs in text
    for word in ("netdev", "-nic", "-drive", "vsock", "tap", "monitor stdio", "-qmp", "virtfs"):
        assert word not in text
    assert "512" in text


def test_qemu_keeps_its_own_filter_and_has_no_defaults() -> None:
    for name in ("qemu-tcg", "qemu-kvm"):
        told = microvm.DRIVERS[name].command("/bin/qemu", VM)
        assert "-nodefaults" in told
        assert any(word.startswith("on,") and "spawn=deny" in word for word in told)


def test_firecracker_has_no_api_socket_and_no_interface() -> None:
    driver = microvm.DRIVERS["firecracker"]
    assert "--no-api" in driver.command("/bin/firecracker", VM)
    assert "--no-seccomp" not in driver.command("/bin/firecracker", VM)
    (config,) = driver.files(VM).values()
    assert config["drives"] == config["network-interfaces"] == []


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(microvm.DRIVER_VARIABLE, "vmware")
    with pytest.raises(JailRefused, match="is one of qemu-tcg"):
        microvm.find()
    monkeypatch.delenv(microvm.DRIVER_VARIABLE)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(JailRefused, match="no qemu-system-x86_64"):
        microvm.find()


def test_the_plan_gives_a_monitor_no_powers(make, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = microvm.Installed(microvm.DRIVERS["qemu-kvm"], "/bin/qemu", "/boot/kernel")
    monkeypatch.setattr(microvm, "find", lambda: installed)
    plan = make_plan(SPEC, 7, "/jail-tmp", memory_held=True)
    assert plan["runtime"]["mounts"] is False
    assert plan["devices"] == ["/dev/kvm"]
    assert {"microvm", "kuid", "cgroup_memory"} <= set(plan["required"])
    assert guest_plan(SPEC)["argv"][4].startswith("1:")


@pytest.mark.parametrize(
    "data", [b"", b"PVX1", b"x" * 12, b"\xff\xff\xff\xff\0\0\0\0PVX1", b"\0\0\0\x09\0\0\0\0PVX1"]
)
def test_a_footer_that_does_not_fit_is_none(data: bytes) -> None:
    assert microvm.decode_output(data) == (data, b"", None)


def test_the_footer_round_trips() -> None:
    data = b"outerr" + (3).to_bytes(4, "big") + (9).to_bytes(4, "big") + guest.FOOTER
    assert microvm.decode_output(data) == (b"out", b"err", 9)


def names(data: bytes) -> list[str]:
    """Names in a cpio archive of the "newc" kind."""
    found, place = [], 0
    while True:
        assert data[place : place + 6] == b"070701"
        size, length = (int(data[place + at : place + at + 8], 16) for at in (54, 94))
        name = data[place + 110 : place + 110 + length - 1].decode()
        if name == "TRAILER!!!":
            return found
        found.append(name)
        place += -(-(110 + length) // 4) * 4 + -(-size // 4) * 4


def test_archives_are_what_cpio_reads() -> None:
    file = io.BytesIO()
    archive = image.Archive(file)
    archive.add("/a/b/file", 0o100644, b"data")
    archive.add("/a/b/file", 0o100644, b"twice")
    archive.end()
    assert names(file.getvalue()) == ["a", "a/b", "a/b/file"]


@pytest.mark.slow
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="needs a small interpreter to copy")
def test_an_image_holds_the_interpreter_and_nothing_private() -> None:
    file = io.BytesIO()
    image.build(str(SYSTEM_PYTHON), [INSIDE], file)
    held = names(file.getvalue())
    for wanted in ("init", "dev/console", "usr/bin/python3", str(INSIDE).lstrip("/")):
        assert wanted in held
    assert [name for name in held if name.endswith("/libc.so.6")]
    assert not [name for name in held if name.startswith(("etc", "proc", "var", "boot"))]
