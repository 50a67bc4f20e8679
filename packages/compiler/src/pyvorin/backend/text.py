"""The LLVM text of one module under construction: definitions, declarations, strings and words,
each named once.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field


def double(value: float) -> str:
    """A double as LLVM writes it exactly: its bits."""
    return "0x" + struct.pack(">d", value).hex().upper()


def escaped(content: bytes) -> str:
    """Bytes between the quotes of an LLVM string."""
    return "\\" + content.hex("\\") if content else ""


def quoted(name: str) -> str:
    """The symbol as LLVM writes one of any characters."""
    plain = "".join(c if c.isalnum() or c in "._-" else f"\\{ord(c):02X}" for c in name)
    return f'@"{plain}"'


@dataclass(slots=True)
class Text:
    """Everything that will be one LLVM module."""

    definitions: list[str] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)  # name -> declaration
    objects: dict[str, None] = field(default_factory=dict)  # symbols whose address is used
    words: dict[str, None] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)  # string -> name
    results: dict[str, str] = field(default_factory=dict)  # support function -> LLVM type
    defined: set[str] = field(default_factory=set)  # data symbols that a definition makes
    shared: set[str] = field(default_factory=set)  # words that another object names too

    def define(self, definition: str) -> None:
        """Add a function or a global."""
        self.definitions.append(definition)

    def data(self, name: str, definition: str) -> None:
        """Define the data symbol `name`: `definition` is what follows the equals sign."""
        assert name not in self.defined, name
        self.defined.add(name)
        if name in self.shared:
            definition = definition.replace("internal ", "hidden ", 1)
        self.definitions.append(f"@{name} = {definition}\n")

    def declare(self, name: str, result: str, arguments: list[str], attributes: str = "") -> None:
        """Declare a function of the process; each use must agree."""
        line = f"declare {result} @{name}({', '.join(arguments)}) {attributes}".rstrip()
        assert self.declared.setdefault(name, line) == line, (self.declared[name], line)

    def external(self, name: str) -> None:
        """Use the address of a symbol of the process."""
        self.objects[name] = None

    def word(self, name: str) -> None:
        """Use a word of the artifact, zero at first, unless a definition makes it."""
        self.words[name] = None

    def string(self, value: str | bytes) -> str:
        """The name of a constant, NUL-terminated."""
        content = value.encode() if isinstance(value, str) else value
        key = escaped(content + b"\0")
        if key not in self.constants:
            name = f"s.{len(self.constants)}"
            self.constants[key] = name
            self.data(name, f'private unnamed_addr constant [{len(content) + 1} x i8] c"{key}"')
        return "@" + self.constants[key]

    def render(self, *, main: bool = True) -> str:
        """The whole module; only the `main` one of an artifact makes the words it shares."""
        lines = [*self.definitions, *(line + "\n" for line in self.declared.values())]
        for name in self.objects:
            if name not in self.declared:
                lines.append(f"@{name} = external global i8\n")
        for name in self.words:
            if name in self.shared and not main:
                lines.append(f"@{name} = external hidden global i64\n")
            elif name not in self.defined:
                linkage = "hidden" if name in self.shared else "internal"
                lines.append(f"@{name} = {linkage} global i64 0\n")
        return "".join(lines)
