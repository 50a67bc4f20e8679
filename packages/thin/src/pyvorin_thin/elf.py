"""What a shared object would make the dynamic linker do, read before it is loaded.

Loading runs more than the code we call: libraries it names (DT_NEEDED), search paths (DT_RPATH,
DT_RUNPATH), constructors (DT_INIT, DT_INIT_ARRAY), resolvers of indirect functions, auditors. The
compiler's objects need none of these, so each is refused. Reference: System V gABI, chapter 5.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

LIBRARIES: Final = frozenset({b"libc.so.6", b"libm.so.6", b"ld-linux-x86-64.so.2"})
_PT_DYNAMIC: Final = 2
_PT_LOAD: Final = 1
_PT_GNU_STACK: Final = 0x6474E551
_FORBIDDEN: Final = {
    12: "a constructor (DT_INIT)",
    13: "a destructor (DT_FINI)",
    15: "a library search path (DT_RPATH)",
    22: "relocations in code (DT_TEXTREL)",
    25: "constructors (DT_INIT_ARRAY)",
    26: "destructors (DT_FINI_ARRAY)",
    29: "a library search path (DT_RUNPATH)",
    32: "constructors (DT_PREINIT_ARRAY)",
    0x6FFFFEFB: "a configuration (DT_CONFIG)",
    0x6FFFFEFC: "auditors (DT_DEPAUDIT)",
    0x6FFFFEFD: "auditors (DT_AUDIT)",
    0x7FFFFFFD: "an auxiliary library (DT_AUXILIARY)",
    0x7FFFFFFF: "a filter library (DT_FILTER)",
}
_R_IRELATIVE: Final = 37


def objection(data: bytes) -> str | None:
    """Why this shared object must not be loaded, or None."""
    try:
        return _objection(data)
    except (struct.error, IndexError, ValueError):
        return "is not a well-formed ELF file"


def _objection(data: bytes) -> str | None:
    if data[:7] != b"\x7fELF\x02\x01\x01" or struct.unpack_from("<HH", data, 16) != (3, 62):
        return "is not an x86-64 shared object"
    segments = list(_segments(data))
    for kind, flags, *_ in segments:
        if kind in (_PT_LOAD, _PT_GNU_STACK) and flags & 3 == 3:
            return "asks for memory that is writable and executable"
    return _dynamic_objection(data, segments)


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """(type, flags, file offset, address, file size) of each program header."""
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(min(count, 64)):
        kind, flags, offset, address, _, length = struct.unpack_from(
            "<IIQQQQ", data, table + index * size
        )
        yield kind, flags, offset, address, length


def _dynamic_objection(data: bytes, segments: list[tuple[int, int, int, int, int]]) -> str | None:
    entries = list(_dynamic(data, segments))
    values = dict(entries)
    for tag, _ in entries:
        if tag in _FORBIDDEN:
            return f"holds {_FORBIDDEN[tag]}"
    names = _at(data, segments, values.get(5, 0))
    for tag, value in entries:
        if tag == 1:
            name = data[names + value : data.index(b"\0", names + value)]
            if name not in LIBRARIES:
                return f"needs the library {name.decode('utf-8', 'replace')}"
    return _relocation_objection(data, segments, values)


def _dynamic(
    data: bytes, segments: list[tuple[int, int, int, int, int]]
) -> Iterator[tuple[int, int]]:
    for kind, _, offset, _, length in segments:
        if kind == _PT_DYNAMIC:
            for place in range(offset, offset + length, 16):
                tag, value = struct.unpack_from("<QQ", data, place)
                if tag == 0:
                    return
                yield tag, value


def _relocation_objection(
    data: bytes, segments: list[tuple[int, int, int, int, int]], values: dict[int, int]
) -> str | None:
    """Indirect functions are resolved by calling into the object while it loads."""
    for table, size in ((7, 8), (23, 2)):  # DT_RELA/DT_RELASZ, DT_JMPREL/DT_PLTRELSZ
        if table in values:
            start = _at(data, segments, values[table])
            for place in range(start, start + values.get(size, 0), 24):
                if struct.unpack_from("<I", data, place + 8)[0] == _R_IRELATIVE:
                    return "holds an indirect function (R_X86_64_IRELATIVE)"
    return None


def _at(data: bytes, segments: list[tuple[int, int, int, int, int]], address: int) -> int:
    """File offset of a virtual address."""
    for kind, _, offset, start, length in segments:
        if kind == _PT_LOAD and start <= address < start + length:
            return offset + address - start
    raise ValueError(address)
