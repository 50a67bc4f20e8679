"""Attempts to use up memory, processes, time, disk or the supervisor's patience."""

from dataclasses import replace

from pyvorin_server.sandbox.model import Ending

from tests.attacks.probe import REFUSED, SMALL, probe

QUICK = replace(SMALL, wall_s=1.0, cpu_s=0.5)
MIB = 1024 * 1024
OUT_OF_MEMORY = frozenset({Ending.MEMORY, Ending.OK})  # OK: refused by MemoryError or OSError
OUT_OF_TIME = frozenset({Ending.TIMEOUT})
CONTAINED = REFUSED | {Ending.TIMEOUT, Ending.MEMORY, Ending.CRASHED}

# ---- S26: disk

probe(
    "S26",
    "make a sparse file of 1 TiB",
    "open('f', 'wb').truncate(1 << 40)",
    endings=REFUSED | {Ending.CRASHED},
)
probe(
    "S26",
    "seek far and write",
    "f = open('f', 'wb'); f.seek(1 << 40); f.write(b'x'); f.flush()",
    endings=REFUSED | {Ending.CRASHED},
)
probe(
    "S26",
    "fill the temporary directory",
    f"""
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for i in range(64):
        with open(str(i), 'wb') as file:
            file.write(bytes({MIB}))
    os._exit(7)  # all was written: "crashed", unless that is noticed
    """,
    endings=REFUSED | {Ending.OUTPUT_LIMIT, Ending.MEMORY},
)
probe(
    "S26",
    "make a million files",
    """
    for i in range(1_000_000):
        os.close(os.open(str(i), os.O_CREAT | os.O_WRONLY))
    """,
    endings=CONTAINED | {Ending.OUTPUT_LIMIT},
    limits=QUICK,
)
probe(
    "S26",
    "nest folders without end",
    """
    for _ in range(1_000_000):
        os.mkdir('d', 0o700)
        os.chdir('d')
    """,
    endings=CONTAINED | {Ending.OUTPUT_LIMIT},
    limits=QUICK,
)
probe("S26", "leave a folder nobody may open", "os.mkdir('d', 0); raise OSError('left one')")
probe("S26", "open files without end", "held = [os.dup(0) for _ in range(100_000)]")

# ---- S27: processes

probe(
    "S27",
    "fork bomb",
    """
    while True:
        try:
            os.fork()
        except OSError:
            pass
    """,
    endings=CONTAINED,
    limits=QUICK,
)
probe(
    "S27",
    "fork 100 sleepers",
    "for _ in range(100): os.fork() or time.sleep(60)",
    endings=CONTAINED,
    limits=QUICK,
)
probe(
    "S27",
    "thread bomb",
    """
    import threading
    while True:
        try:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        except RuntimeError as error:
            raise OSError(str(error))
    """,
    endings=CONTAINED,
    limits=QUICK,
)

# ---- S29: memory

for name, body in {
    "touched bytes": f"held = bytearray(1024 * {MIB})",
    "in small steps": f"held = []\nwhile True: held.append(bytearray({MIB}))",
    "private mapping": f"import mmap; touch(mmap.mmap(-1, 1024 * {MIB}, flags=0x22))",
    "shared mapping": f"import mmap; touch(mmap.mmap(-1, 1024 * {MIB}))",
    "memfd": f"d = os.memfd_create('x'); os.ftruncate(d, 1024 * {MIB})",
    "file mapping": f"f = open('f', 'w+b'); f.truncate(1024 * {MIB})",
    "huge integer": "x = 1 << (1 << 34)",
}.items():
    probe(
        "S29",
        f"memory bomb: {name}",
        body,
        endings=OUT_OF_MEMORY | {Ending.CRASHED},
        limits=replace(SMALL, cpu_s=8.0),
    )
probe(
    "S29",
    "memory bomb in many children",
    f"""
    for _ in range(4):
        if os.fork() == 0:
            held = bytearray(100 * {MIB})
            time.sleep(60)
    time.sleep(60)
    """,
    endings=CONTAINED,
    limits=QUICK,
)

# ---- S33: time

probe("S33", "busy loop", "while True: pass", endings=OUT_OF_TIME, limits=QUICK)
probe("S33", "sleep for ever", "time.sleep(1e9)", endings=OUT_OF_TIME, limits=QUICK)
probe(
    "S33",
    "ignore every signal",
    """
    import signal
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        pass
    """,
    endings=OUT_OF_TIME,
    limits=QUICK,
)
probe("S33", "one huge C call", "pow(3, 10 ** 9)", endings=OUT_OF_TIME, limits=QUICK)

# ---- S34: output

probe(
    "S34",
    "flood stdout",
    "while True: os.write(1, b'x' * 65536)",
    endings=frozenset({Ending.OUTPUT_LIMIT}),
)
probe(
    "S34",
    "flood stderr",
    "while True: os.write(2, b'x' * 65536)",
    endings=frozenset({Ending.OUTPUT_LIMIT}),
)

# ---- S48: crashes, none of which may leave a core file

DEAD = frozenset({Ending.CRASHED})
probe("S48", "read a null pointer", "ctypes.string_at(0)", endings=DEAD)
probe("S48", "abort", "os.abort()", endings=DEAD)
probe(
    "S48",
    "an illegal instruction",
    """
    import mmap
    page = mmap.mmap(-1, 4096, flags=0x22, prot=7)
    page.write(b'\\x0f\\x0b')
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    """,
    endings=DEAD,
)
probe(
    "S48",
    "overflow the C stack",
    """
    import mmap
    page = mmap.mmap(-1, 4096, flags=0x22, prot=7)
    page.write(bytes.fromhex('50ebfd'))  # again: push rax; jmp again
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    """,
    endings=DEAD,
)
probe("S48", "raise a real-time signal", "import signal; signal.raise_signal(64)", endings=DEAD)
