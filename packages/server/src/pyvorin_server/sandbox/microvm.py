"""The `microvm` tier: the job has a machine of its own, inside the outer jail.

    launcher, keeper     namespaces, minimal read-only root, control group, job uid, no capability
      └ monitor          qemu or Firecracker: one processor, no device but a serial line
          └ guest.py     `/init`; the line is the job's stdin and stdout, see there
              └ inside   undumpable, both filters; then the command, as nobody

The machine gets a kernel of the host's distribution and an initramfs made from the interpreter
(`image`); it has no disk and no network. What leaves is the job's stdout and, last, a footer:

    stderr's end · length of that (4 bytes) · wait status (4 bytes) · "PVX1"

    qemu-tcg      software emulation: needs no /dev/kvm; a machine is up in ten seconds of CPU time
    qemu-kvm      the same with hardware virtualisation, machine type microvm
    firecracker   needs /dev/kvm and an uncompressed kernel (vmlinux)
"""

import atexit
import functools
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyvorin_server.sandbox import guest, image
from pyvorin_server.sandbox.model import JailRefused, Limits
from pyvorin_server.sandbox.mounts import SCRATCH

DRIVER_VARIABLE: Final = "PYVORIN_SERVER_MICROVM"  # one of DRIVERS; qemu-tcg where unset
KERNEL_VARIABLE: Final = "PYVORIN_SERVER_MICROVM_KERNEL"
MONITOR_OVERHEAD_BYTES: Final = 192 * 1024 * 1024  # the monitor, and emulated code
GUEST_OVERHEAD_BYTES: Final = 128 * 1024 * 1024  # the guest's kernel and /init
PID_OVERHEAD: Final = 32
_KERNELS: Final = "/boot/vmlinuz-*cloud-amd64"
_KVM: Final = "/dev/kvm"
_QEMU_DATA: Final = ("/usr/share/qemu", "/usr/share/seabios")
_QUIET: Final = "quiet loglevel=0 panic=-1 reboot=t random.trust_cpu=on"
_CONFIG: Final = "machine.json"
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """What a monitor is told."""

    kernel: str
    initramfs: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Driver:
    """One kind of monitor. `command` and `files` are all it takes to start a machine."""

    name: str
    program: str
    needs_kvm: bool
    command: Callable[[str, Machine], list[str]]
    files: Callable[[Machine], dict[str, Any]]


def _qemu(accelerator: str, machine: str) -> Callable[[str, Machine], list[str]]:
    def command(program: str, vm: Machine) -> list[str]:
        return [
            program,
            *("-machine", machine, "-accel", accelerator, "-cpu", "max", "-smp", "1"),
            *("-m", f"{vm.memory_bytes // _MIB}M"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            *("-kernel", vm.kernel, "-initrd", vm.initramfs, "-append", _QUIET),
            *("-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line"),
        ]

    return command


def _firecracker(program: str, _: Machine) -> list[str]:
    return [program, "--no-api", "--config-file", f"{SCRATCH}/{_CONFIG}", "--level", "Off"]


def _firecracker_config(vm: Machine) -> dict[str, Any]:
    return {
        "boot-source": {
            "kernel_image_path": vm.kernel,
            "initrd_path": vm.initramfs,
            "boot_args": f"{_QUIET} pci=off i8042.noaux",
        },
        "machine-config": {"vcpu_count": 1, "mem_size_mib": vm.memory_bytes // _MIB, "smt": False},
        "drives": [],
        "network-interfaces": [],
    }


def _no_files(_: Machine) -> dict[str, Any]:
    return {}


_QEMU: Final = "qemu-system-x86_64"
DRIVERS: Final = {
    driver.name: driver
    for driver in (
        Driver("qemu-tcg", _QEMU, False, _qemu("tcg", "pc,usb=off"), _no_files),
        Driver("qemu-kvm", _QEMU, True, _qemu("kvm", "microvm,isa-serial=on"), _no_files),
        Driver(
            "firecracker",
            "firecracker",
            True,
            _firecracker,
            lambda vm: {_CONFIG: _firecracker_config(vm)},
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Installed:
    """A driver whose parts are all here."""

    driver: Driver
    program: str
    kernel: str

    @property
    def paths(self) -> list[str]:
        """What of the host the monitor reads, besides the initramfs."""
        return [self.program, self.kernel, *(p for p in _QEMU_DATA if os.path.isdir(p))]

    @property
    def devices(self) -> list[str]:
        return [_KVM] if self.driver.needs_kvm else []


def find() -> Installed:
    """Look for the configured driver's parts. Raises JailRefused with what to do if one lacks."""
    name = os.environ.get(DRIVER_VARIABLE, "qemu-tcg")
    driver = DRIVERS.get(name)
    if driver is None:
        raise JailRefused("microvm", f"{DRIVER_VARIABLE} is one of {', '.join(DRIVERS)}")
    program = shutil.which(driver.program)
    if program is None:
        raise JailRefused("microvm", f"no {driver.program} in PATH")
    if driver.needs_kvm and not os.access(_KVM, os.R_OK | os.W_OK):
        raise JailRefused("microvm", f"{name} needs {_KVM}")
    kernels = [os.environ[KERNEL_VARIABLE]] if KERNEL_VARIABLE in os.environ else _found_kernels()
    if not kernels or not os.path.isfile(kernels[-1]):
        reason = f"no kernel: install linux-image-cloud-amd64, or set {KERNEL_VARIABLE}"
        raise JailRefused("microvm", reason)
    return Installed(driver, os.path.realpath(program), kernels[-1])


def _found_kernels() -> list[str]:
    return sorted(glob.glob(_KERNELS))


@functools.cache
def initramfs(interpreter: str, inside: Path) -> Path:
    """The image of one interpreter, made once per process and removed at its end."""
    folder = Path(tempfile.mkdtemp(prefix="pyvorin-image-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    made = folder / "initramfs"
    with made.open("wb") as file:
        image.build(interpreter, [inside], file)
    return made


def memory_bytes(limits: Limits, initramfs_bytes: int) -> int:
    """Memory of the machine; the image is there twice while it is unpacked, and its files fill
    whole pages."""
    return limits.memory_bytes + GUEST_OVERHEAD_BYTES + 3 * initramfs_bytes


# ---- the line


def encode_plan(plan: dict[str, Any]) -> bytes:
    text = json.dumps(plan).encode()
    return len(text).to_bytes(4, "big") + text


def encode_input(stdin: bytes) -> bytes:
    return len(stdin).to_bytes(8, "big") + stdin


def decode_output(data: bytes) -> tuple[bytes, bytes, int | None]:
    """The job's stdout, the end of its stderr, and its wait status; None without a footer."""
    size = 8 + len(guest.FOOTER)
    footer = data[-size:]
    if len(footer) < size or not footer.endswith(guest.FOOTER):
        return data, b"", None
    kept = int.from_bytes(footer[:4], "big")
    end = len(data) - size - kept
    if end < 0:
        return data, b"", None
    return data[:end], data[end : end + kept], int.from_bytes(footer[4:8], "big")
