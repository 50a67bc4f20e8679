"""Read a relocatable ELF object file, as LLVM writes them. Reference: System V gABI, chapter 4."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SHF_ALLOC = 2
SHN_LORESERVE = 0xFF00  # section numbers from here on have other meanings
SHT_SYMTAB, SHT_RELA, SHT_NOBITS = 2, 4, 8


class LinkError(Exception):
    """The object file needs something that the linker does not do, or a forbidden symbol."""


@dataclass(slots=True)
class Section:
    """A section of the object file, and where it goes."""

    name: str
    kind: int
    flags: int
    data: bytearray
    size: int
    align: int
    address: int = 0


class Symbol(NamedTuple):
    """A symbol of the object file; `section` 0 is undefined."""

    name: str
    info: int
    section: int
    value: int
    size: int


class Relocation(NamedTuple):
    """A place in section number `section` that depends on a symbol's address."""

    section: int
    offset: int
    kind: int
    symbol: int
    addend: int


@dataclass(slots=True)
class Object:
    """A parsed relocatable object file."""

    sections: dict[int, Section] = field(default_factory=dict)
    symbols: list[Symbol] = field(default_factory=list)
    relocations: list[Relocation] = field(default_factory=list)


def parse(data: bytes) -> Object:
    """Read a relocatable ELF64 file for x86-64."""
    if data[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", data, 16) != (1, 62):
        raise LinkError("not a relocatable x86-64 ELF file")
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    strings = _content(data, headers[names])
    found = Object()
    for number, header in enumerate(headers):
        name, kind, flags = _string(strings, header[0]), header[1], header[2]
        if flags & SHF_ALLOC and header[5]:
            content = bytearray() if kind == SHT_NOBITS else bytearray(_content(data, header))
            found.sections[number] = Section(name, kind, flags, content, header[5], header[8])
        elif kind == SHT_SYMTAB:
            texts = _content(data, headers[header[6]])
            for entry in struct.iter_unpack("<IBBHQQ", _content(data, header)):
                found.symbols.append(
                    Symbol(_string(texts, entry[0]), entry[1], entry[3], entry[4], entry[5])
                )
    for header in headers:
        if header[1] == SHT_RELA and header[7] in found.sections:
            for offset, info, addend in struct.iter_unpack("<QQq", _content(data, header)):
                found.relocations.append(
                    Relocation(header[7], offset, info & 0xFFFFFFFF, info >> 32, addend)
                )
    return found


def merge(objects: Sequence[Object]) -> Object:
    """One object of several: what one leaves undefined and another defines is bound.

    Symbols that are local to an object stay apart.
    """
    found = Object()
    moves: list[tuple[int, int]] = []  # (first section, first symbol) of each
    for part in objects:
        sections = 1 + max(found.sections, default=0)
        moves.append((sections, len(found.symbols)))
        for number, section in part.sections.items():
            found.sections[sections + number] = section
        for symbol in part.symbols:
            place = symbol.section
            moved = sections + place if 0 < place < SHN_LORESERVE else place
            found.symbols.append(Symbol(*symbol[:2], moved, *symbol[3:]))
    defined = {
        symbol.name: number
        for number, symbol in enumerate(found.symbols)
        if symbol.section and symbol.info >> 4 and symbol.name
    }
    for part, (sections, first) in zip(objects, moves, strict=True):
        numbers = [
            defined.get(symbol.name, first + number) if symbol.section == 0 else first + number
            for number, symbol in enumerate(part.symbols)
        ]
        found.relocations += [
            Relocation(sections + section, offset, kind, numbers[symbol], addend)
            for section, offset, kind, symbol, addend in part.relocations
        ]
    found.symbols = [
        s._replace(name="") if s.section == 0 and s.name in defined else s for s in found.symbols
    ]
    return found


def _content(data: bytes, header: tuple[int, ...]) -> bytes:
    return data[header[4] : header[4] + header[5]]


def _string(strings: bytes, at: int) -> str:
    return strings[at : strings.index(b"\0", at)].decode()
