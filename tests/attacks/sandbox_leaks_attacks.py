"""S51, S52: what one job could leave for the next, and what it could learn of others.

Jails have no cache in common: not for compiled modules, not for objects, not for state of the
zygote they are forked from. Of the processor's own side channels nothing here is a control; the
threat model says so.
"""

import os
import secrets

from pyvorin_server.sandbox.model import Ending
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.warm import Nursery

from tests.attacks.ground import Breach, Ground
from tests.attacks.probe import SHARED_KERNEL, SMALL, Place, everywhere, judge, probe, wrap

# ---- S51: caches

FOLDERS = {
    "beside a module": "os.path.join(os.path.dirname(os.__file__), '__pycache__')",
    "in the interpreter's folder": "os.path.dirname(os.path.realpath(sys.executable))",
    "in site-packages": "next(p for p in sys.path if p)",
    "in a cache of the user": "'/root/.cache'",
    "in a cache of the compiler": "'/var/cache/ccache'",
}
for _where, _folder in FOLDERS.items():
    probe(
        "S51",
        f"plant a file {_where}",
        f"""
        folder = {_folder}
        os.makedirs(folder, exist_ok=True)
        open(os.path.join(folder, 'os.cpython-{{}}{{}}.pyc'.format(*sys.version_info)), 'wb')
        """,
    )
probe(
    "S51",
    "replace a module's bytecode",
    """
    import importlib.util
    cached = importlib.util.cache_from_source(json.__file__)
    open(cached, 'wb').write(b'evil')
    """,
)

_POISON = """
import builtins, gc, json, os, sys, tempfile
json.dumps = builtins.print = lambda *a, **k: None
sys.modules['socket'] = None
os.environ['POISONED'] = '1'
sys.path.insert(0, os.getcwd())
open('json.py', 'w').write('raise SystemExit(3)')
for each in gc.get_objects():
    if type(each) is dict and '__name__' in each and each is not globals():
        each['poisoned'] = True
os.write(1, b'poisoned')
"""
_LOOK = """
import gc, json, os, socket, sys
found = [name for name, module in sys.modules.items() if 'poisoned' in vars(module)]
print(json.dumps([found, os.listdir('.'), os.environ.get('POISONED')]))
"""


def _poison_the_zygote(place: Place, ground: Ground) -> str:
    """Modules that were imported before the fork are the only cache there is."""
    if place.run(ground, _POISON).stdout != b"poisoned":
        raise Breach("the job could not even harm itself")
    result = place.run(ground, _LOOK)
    if result.ending is not Ending.OK or result.stdout != b"[[], [], null]\n":
        raise Breach(f"the next job is poisoned: {result.stdout!r} {result.stderr_tail[-200:]}")
    return "the next job finds its modules as they were"


everywhere("S51", "poison what the next job has imported already", _poison_the_zygote)

# ---- S52: what others do

for _path in ("/proc/stat", "/proc/loadavg", "/proc/schedstat", "/proc/interrupts"):
    probe("S52", f"read {_path}", f"print(open({_path!r}).read(64))", only=SHARED_KERNEL)
probe(
    "S52",
    "read the CPU time of control groups",
    """
    for tree in ('cpuacct/cpuacct.usage', 'cpu.stat', 'unified/cpu.stat'):
        try:
            print(open('/sys/fs/cgroup/' + tree).read(64))
            break
        except OSError as error:
            last = error
    else:
        raise last
    """,
)
for _victim in ("canary", "supervisor"):
    probe(
        "S52",
        f"read the clock of the {_victim}'s CPU time",
        f"print(time.clock_gettime(~FACTS['{_victim}'] << 3 | 2))",
    )

# Walks its own memory outwards from objects of each kind, by what write(2) says of an address.
_SCAN = r"""
import re
wanted = re.compile(rb'canary-ma[s]ter-key-[0-9a-f]{32}')
reader, writer = os.pipe()
PAGE, HOLE, MOST = 4096, 512, 48 << 20
def page(at):
    if _libc.write(writer, ctypes.c_void_p(at), ctypes.c_size_t(PAGE)) != PAGE:
        return None
    return os.read(reader, PAGE)
seen, found = set(), set()
def walk(at, step):
    missing, before = 0, b''
    while missing < HOLE and len(seen) * PAGE < MOST:
        if at not in seen:
            data = page(at)
            seen.add(at)
            missing = 0 if data is not None else missing + 1
            around = before + (data or b'') if step > 0 else (data or b'') + before
            found.update(wanted.findall(around))
            before = data or b''
        at += step
big = bytearray(1 << 20)
starts = [id(object()), id(big), ctypes.addressof(ctypes.c_char.from_buffer(big)),
          id(sys.modules), ctypes.cast(_libc.write, ctypes.c_void_p).value,
          ctypes.addressof(ctypes.c_char_p.in_dll(_libc, 'environ'))]
for start in starts:
    walk(start // PAGE * PAGE, PAGE)
    walk(start // PAGE * PAGE - PAGE, -PAGE)
"""


def _master_key() -> str:
    return f"canary-master-key-{secrets.token_hex(16)}"


def _scan_memory(place: Place, ground: Ground) -> str:
    """A key that the supervisor holds, in memory and environment, while zygote and jail start."""
    held = _master_key()
    os.environ["PYVORIN_CANARY_KEY"] = held
    nursery = Nursery(place.interpreter, f"import ctypes, json  # {ground.marker}")
    try:
        code = wrap(_SCAN + "\nif not found: raise OSError(len(seen), 'pages, and no key')")
        argv = (place.interpreter, "-I", "-c", code, ground.marker, "{}")
        spec = JailSpec(argv, SMALL, place.policy, place.tier)
        with place.start(ground, spec, nursery) as jail:
            return judge(jail.run(b""), frozenset({Ending.OK}))
    finally:
        nursery.close()
        del os.environ["PYVORIN_CANARY_KEY"]


def _scan_finds_its_own(place: Place, ground: Ground) -> str:
    """Positive control: the same scan finds a key that the job itself holds."""
    plant = "import secrets\nheld = 'canary-master' + '-key-' + secrets.token_hex(16)\n"
    result = place.run(ground, wrap(plant + _SCAN + "\nif not found: raise OSError('nothing')"))
    if b"BREACH" not in result.stdout:
        raise Breach(f"the scan finds nothing: {result.stdout!r} {result.stderr_tail[-200:]}")
    return "the scan finds a key that is there"


everywhere("S52", "find a key of the service in the own memory", _scan_memory)
everywhere("S52", "control: the scan finds what is there", _scan_finds_its_own)
