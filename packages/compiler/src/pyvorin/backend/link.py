"""Make a shared object of one relocatable object file: a linker for what LLVM writes for us.

    sections of the .o                                         segments of the .so, on own pages
    .text*                            read, execute      =>    R E   code and PLT
    .rodata*, .eh_frame               read               =>    R     constants, dynamic symbols
    .data*, .bss, .data.rel.ro*       read, write        =>    R W   data, the GOT, .dynamic

Nothing is both writable and executable. Symbols of the process are bound when the library is loaded
(BIND_NOW); only those on an allow-list may be needed, so a stray call of a C compiler's run-time
library is an error here and not on a user's machine. References: System V ABI, AMD64 supplement
(relocations), gABI (ELF).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyvorin.backend.elf import (
    SHT_NOBITS,
    LinkError,
    Object,
    Relocation,
    Section,
    Symbol,
    merge,
    parse,
)

PAGE = 0x1000
WRITE, EXECUTE = 1, 4  # section flags
PF_X, PF_W, PF_R = 1, 2, 4
PT_LOAD, PT_DYNAMIC, PT_GNU_STACK = 1, 2, 0x6474E551
R_64, R_PC32, R_PLT32, R_GLOB_DAT, R_RELATIVE, R_GOTPCREL, R_PC64 = 1, 2, 4, 6, 8, 9, 24
BY_GOT = (R_GOTPCREL, 41, 42)  # and the two forms that a linker may relax
CALLS = (R_PC32, R_PLT32)
STUB = 16  # bytes a PLT entry
SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_HASH, SHT_DYNAMIC, SHT_DYNSYM = (
    1,
    2,
    3,
    4,
    5,
    6,
    11,
)
HEADERS = 64 + 6 * 56  # ELF header and program headers


def link(
    objects: Sequence[bytes], exported: str, allowed: Callable[[str], bool], name: str
) -> bytes:
    """Link object files into a shared object that shows one symbol; `name` is its DT_SONAME.

    Raises LinkError if an undefined symbol is not `allowed`, or for what the linker does not know.
    """
    parsed = merge([parse(data) for data in objects])
    needed = {s.name for s in parsed.symbols if s.section == 0 and s.name}
    refused = sorted(symbol for symbol in needed if not allowed(symbol))
    if refused:
        raise LinkError("not on the list of symbols that may be needed: " + ", ".join(refused))
    return _Linker(parsed, exported, name).run()


@dataclass(slots=True)
class _Table:
    """A section that the linker makes: its content, and where it is once that is known."""

    name: str
    kind: int
    flags: int
    content: bytes
    address: int = 0
    link: str = ""
    info: int = 0
    entry: int = 0


class _Linker:
    """Lays out, relocates and writes one shared object, whose file offsets equal its addresses."""

    def __init__(self, parsed: Object, exported: str, name: str) -> None:
        self.object = parsed
        symbols, relocations = parsed.symbols, parsed.relocations
        self.undefined = [s.section == 0 and bool(s.name) for s in symbols]
        outside = [r for r in relocations if self.undefined[r.symbol]]
        self.imports = sorted({symbols[r.symbol].name for r in outside})
        called = sorted({symbols[r.symbol].name for r in outside if r.kind in CALLS})
        self.called = {name: number for number, name in enumerate(called)}
        local = {r.symbol for r in relocations if r.kind in BY_GOT and not self.undefined[r.symbol]}
        cells: list[str | int] = [*self.imports, *sorted(local)]
        self.cells = {key: number for number, key in enumerate(cells)}  # of the GOT
        self.export = next(s for s in symbols if s.name == exported and s.section)
        self.names = b"\0".join(n.encode() for n in ("", *self.imports, exported, name, ""))
        self.soname = name
        self.relative: list[tuple[int, int]] = []  # (place, value), for the loader
        self.absolute: list[tuple[int, str, int]] = []  # (place, import, addend), for the loader

    def run(self) -> bytes:
        """Link: place everything, relocate, write."""
        sections = list(self.object.sections.values())
        code = [s for s in sections if s.flags & EXECUTE]
        data = [s for s in sections if s.flags & WRITE]
        constants = [s for s in sections if s not in code and s not in data]
        data.sort(key=lambda s: s.kind == SHT_NOBITS)
        self.plt = _Table(".plt", SHT_PROGBITS, 2 | EXECUTE, bytes(STUB * len(self.called)))
        self.got = _Table(".got", SHT_PROGBITS, 2 | WRITE, bytes(8 * len(self.cells)))
        tables = self._dynamic_tables()
        dynamic = _Table(".dynamic", SHT_DYNAMIC, 2 | WRITE, bytes(16 * 11), 0, ".dynstr", 0, 16)
        code_end = _place([*code, self.plt], PAGE)
        constants_end = _place([*constants, *tables], _up(code_end, PAGE))
        start = _up(constants_end, PAGE)
        end = _place([self.got, dynamic, *data], start)
        writable: list[Section | _Table] = [self.got, dynamic, *data]
        file_end = max(_end(part) for part in writable if _in_file(part))
        self._relocate()
        tables[0].content = self._dynamic_symbols()
        tables[3].content = self._relocation_table()
        dynamic.content = self._dynamic(tables)
        image = bytearray(file_end)
        parts: list[Section | _Table] = [*code, self.plt, *constants, *tables, *writable]
        for part in parts:
            if _in_file(part):
                image[part.address : _end(part)] = _content(part)
        segments = [
            (PT_LOAD, PF_R, 0, HEADERS, HEADERS),
            (PT_LOAD, PF_R | PF_X, PAGE, code_end - PAGE, code_end - PAGE),
            (PT_LOAD, PF_R, *_extent(_up(code_end, PAGE), constants_end, constants_end)),
            (PT_LOAD, PF_R | PF_W, *_extent(start, file_end, end)),
            (PT_DYNAMIC, PF_R | PF_W, *_extent(dynamic.address, _end(dynamic), _end(dynamic))),
            (PT_GNU_STACK, PF_R | PF_W, 0, 0, 0),
        ]
        return _write(image, segments, parts, self._symbols(parts))

    # ---- what the loader reads ------------------------------------------------------------------

    def _dynamic_tables(self) -> list[_Table]:
        count = 2 + len(self.imports)
        absolute = sum(r.kind == R_64 for r in self.object.relocations)
        places = absolute + len(self.cells)
        return [
            _Table(".dynsym", SHT_DYNSYM, 2, bytes(24 * count), 0, ".dynstr", 1, 24),
            _Table(".dynstr", SHT_STRTAB, 2, self.names),
            _Table(".hash", SHT_HASH, 2, self._hash_table(), 0, ".dynsym", 0, 4),
            _Table(".rela.dyn", SHT_RELA, 2, bytes(24 * places), 0, ".dynsym", 0, 24),
        ]

    def _hash_table(self) -> bytes:
        names = [*self.imports, self.export.name]
        count = len(names) + 1
        buckets, chains = [0] * count, [0] * count
        for number, name in enumerate(names, 1):
            place = _hash(name) % count
            chains[number] = buckets[place]
            buckets[place] = number
        return struct.pack(f"<{2 + 2 * count}I", count, count, *buckets, *chains)

    def _name_at(self, name: str) -> int:
        return self.names.index(b"\0" + name.encode() + b"\0") + 1

    def _dynamic_symbols(self) -> bytes:
        table = bytes(24)
        for name in self.imports:
            table += struct.pack("<IBBHQQ", self._name_at(name), 0x10, 0, 0, 0, 0)
        at, value = self._name_at(self.export.name), self._address(self.export)
        return table + struct.pack("<IBBHQQ", at, 0x12, 0, 1, value, self.export.size)

    def _relocation_table(self) -> bytes:
        table = [struct.pack("<QQq", place, R_RELATIVE, value) for place, value in self.relative]
        for place, name, addend in self.absolute:
            kind = R_64 if addend else R_GLOB_DAT
            info = (1 + self.imports.index(name)) << 32 | kind
            table.append(struct.pack("<QQq", place, info, addend))
        return b"".join(table)

    def _dynamic(self, tables: list[_Table]) -> bytes:
        symbols, strings, hashes, relocations = tables
        entries = [
            (14, self._name_at(self.soname)),
            (4, hashes.address),
            (5, strings.address),
            (6, symbols.address),
            (10, len(strings.content)),
            (11, 24),
            (7, relocations.address),
            (8, len(relocations.content)),
            (9, 24),
            (0x6FFFFFF9, len(self.relative)),
            (0, 0),
        ]
        return b"".join(struct.pack("<QQ", *entry) for entry in entries)

    # ---- relocation -----------------------------------------------------------------------------

    def _address(self, symbol: Symbol) -> int:
        return self.object.sections[symbol.section].address + symbol.value

    def _cell(self, key: str | int) -> int:
        return self.got.address + 8 * self.cells[key]

    def _stub(self, name: str) -> int:
        return self.plt.address + STUB * self.called[name]

    def _relocate(self) -> None:
        for r in self.object.relocations:
            self._apply(r)
        for key in self.cells:
            if isinstance(key, int):
                self.relative.append((self._cell(key), self._address(self.object.symbols[key])))
            else:
                self.absolute.append((self._cell(key), key, 0))
        stubs = [
            b"\xff\x25" + struct.pack("<i", self._cell(name) - self._stub(name) - 6)
            for name in self.called  # jmp *cell(%rip)
        ]
        self.plt.content = b"".join(stub.ljust(STUB, b"\xcc") for stub in stubs)

    def _apply(self, r: Relocation) -> None:
        symbol, section = self.object.symbols[r.symbol], self.object.sections[r.section]
        place, outside = section.address + r.offset, self.undefined[r.symbol]
        if r.kind == R_64 and outside:
            self.absolute.append((place, symbol.name, r.addend))
        elif r.kind == R_64:
            self.relative.append((place, self._address(symbol) + r.addend))
        elif r.kind in CALLS:
            target = self._stub(symbol.name) if outside else self._address(symbol)
            struct.pack_into("<i", section.data, r.offset, target + r.addend - place)
        elif r.kind == R_PC64 and not outside:
            value = self._address(symbol) + r.addend - place
            struct.pack_into("<q", section.data, r.offset, value)
        elif r.kind in BY_GOT:
            value = self._cell(symbol.name if outside else r.symbol) + r.addend - place
            struct.pack_into("<i", section.data, r.offset, value)
        else:
            raise LinkError(f"relocation {r.kind} of {symbol.name or 'a section'}")

    def _symbols(self, parts: list[Section | _Table]) -> list[tuple[Symbol, int, int]]:
        """Every named symbol of a section, with its address and section number: for debuggers and
        profilers.
        """
        numbers = {id(part): number for number, part in enumerate(parts, 1)}
        return [
            (symbol, self._address(symbol), numbers[id(self.object.sections[symbol.section])])
            for symbol in self.object.symbols
            if symbol.name and symbol.section in self.object.sections
        ]


# ---- placing -------------------------------------------------------------------------------------


def _up(at: int, align: int) -> int:
    return -(-at // align) * align


def _content(part: Section | _Table) -> bytes:
    return bytes(part.data) if isinstance(part, Section) else part.content


def _size(part: Section | _Table) -> int:
    return part.size if isinstance(part, Section) else len(part.content)


def _end(part: Section | _Table) -> int:
    return part.address + _size(part)


def _in_file(part: Section | _Table) -> bool:
    return part.kind != SHT_NOBITS


def _place(parts: Sequence[Section | _Table], at: int) -> int:
    for part in parts:
        at = _up(at, part.align if isinstance(part, Section) else 16)
        part.address = at
        at += _size(part)
    return at


def _extent(start: int, file_end: int, end: int) -> tuple[int, int, int]:
    return start, file_end - start, end - start


def _hash(name: str) -> int:
    """The hash function of DT_HASH."""
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high & 0xFFFFFFFF
    return value


# ---- writing -------------------------------------------------------------------------------------


def _write(
    image: bytearray,
    segments: list[tuple[int, int, int, int, int]],
    parts: list[Section | _Table],
    symbols: list[tuple[Symbol, int, int]],
) -> bytes:
    """Add what debuggers read, the section headers and the file's headers."""
    names = b"\0" + b"".join(symbol.name.encode() + b"\0" for symbol, _, _ in symbols)
    table, at = bytes(24), 1
    for symbol, address, number in symbols:
        info = symbol.info & 0xF  # local
        table += struct.pack("<IBBHQQ", at, info, 0, number, address, symbol.size)
        at += len(symbol.name.encode()) + 1
    extra = [
        _Table(".symtab", SHT_SYMTAB, 0, table, 0, ".strtab", len(symbols) + 1, 24),
        _Table(".strtab", SHT_STRTAB, 0, names),
    ]
    listed = ["", *(part.name for part in (*parts, *extra)), ".shstrtab"]
    extra.append(
        _Table(".shstrtab", SHT_STRTAB, 0, b"".join(name.encode() + b"\0" for name in listed))
    )
    headers, name_at = [bytes(64)], 1
    for part in (*parts, *extra):
        offset = part.address if part.address else _up(len(image), 8)
        if not part.address:
            image.extend(bytes(offset - len(image)) + _content(part))
        link = listed.index(part.link) if isinstance(part, _Table) and part.link else 0
        info, entry = (part.info, part.entry) if isinstance(part, _Table) else (0, 0)
        align = part.align if isinstance(part, Section) else 8
        flags = part.flags & 7
        fields = (name_at, part.kind, flags, part.address, offset, _size(part))
        headers.append(struct.pack("<IIQQQQIIQQ", *fields, link, info, align, entry))
        name_at += len(part.name) + 1
    table_at = _up(len(image), 8)
    image.extend(bytes(table_at - len(image)) + b"".join(headers))
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    counts = (64, 56, len(segments), 64, len(headers), len(headers) - 1)
    image[:64] = ident + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, table_at, 0, *counts)
    for number, (kind, flags, start, size, memory) in enumerate(segments):
        align = PAGE if kind == PT_LOAD else 16
        header = struct.pack("<IIQQQQQQ", kind, flags, start, start, start, size, memory, align)
        image[64 + 56 * number : 120 + 56 * number] = header
    return bytes(image)
