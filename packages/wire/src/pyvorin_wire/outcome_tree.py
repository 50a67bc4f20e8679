"""Reading outcomes back, and saying where two differ. Runs outside the jail, on bytes a hostile
program may have influenced.

    compare(expected, actual)  →  [Difference(path="result[3].x", expected="-0.0", actual="0.0"), …]

Decoding makes `Node`s only, never the objects; every malformed byte is an OutcomeError. Texts in a
Difference are made from nodes, are capped, and hold values of the user's data: show them to the
user, never log them.

TAGS  0 None · T F bool · . Ellipsis · ! NotImplemented · i int · f float · c complex · s str · b
bytes · r range · t tuple · z frozenset · S slice ·
      l list · d dict · e set · y bytearray · R reference to the n-th mutable object · N named thing
      · O object (name, base value, attributes)
"""

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pyvorin_wire.errors import OutcomeError

FORMAT: Final = 1
MAX_DIFFERENCES: Final = 20
_SECTIONS: Final = {b"V": ("result",), b"X": ("exception", "traceback")}
_TAIL: Final = ("arguments", "keyword arguments", "stdout", "stderr")
_COUNTED: Final = frozenset(b"tzSldey")
_SAME_HASH_EVERYWHERE: Final = frozenset(b"TFifcsb")
_SIZES: Final = {**dict.fromkeys(b"0TF.!", 1), ord("f"): 9, ord("c"): 17}  # bytes, tag included
_CLIP: Final = 200


class Difference(NamedTuple):
    """One place where two outcomes differ; both sides described in Python terms, at most 200
    characters each."""

    path: str
    expected: str
    actual: str


class Node:
    """A decoded node: tag, immediate data, children. For `O`: data is (name, number of base
    values)."""

    __slots__ = ("children", "data", "tag")

    def __init__(self, tag: int, data: Any, children: list["Node"]) -> None:
        self.tag = tag
        self.data = data
        self.children = children


def compare(expected: bytes, actual: bytes, *, traceback: bool = True) -> list[Difference]:
    """Where two outcomes differ, at most MAX_DIFFERENCES places; empty means equal in every
    respect. Raises OutcomeError for malformed bytes."""
    if expected == actual:
        _check(expected)
        return []
    left, right = decode(expected), decode(actual)
    if left[0] != right[0]:
        return [Difference("outcome", _ended(left), _ended(right))]
    found: list[Difference] = []
    payloads = _payloads(left[1])
    limit = ("exception", "traceback") if _met_one_limit(left[1], right[1]) else ()
    for (name, one), (_, other) in zip(left[1].items(), right[1].items(), strict=True):
        if name not in limit and (name != "traceback" or traceback):
            _differences(name, one, other, found, payloads)
    return found


def decode(data: bytes) -> tuple[bytes, dict[str, Node]]:
    """Kind (b"V" returned, b"X" raised) and the sections by name. Raises OutcomeError."""
    reader, kind, names = _opened(data)
    sections = {name: reader.tree() for name in names}
    reader.finish()
    return kind, sections


def _check(data: bytes) -> None:
    """As `decode`, without making the nodes: most outcomes are equal, and nobody looks at those."""
    reader, _, names = _opened(data)
    reader.skip(len(names))
    reader.finish()


def _opened(data: bytes) -> tuple["_Reader", bytes, tuple[str, ...]]:
    reader = _Reader(data)
    if reader.take(1) != bytes([FORMAT]):
        raise OutcomeError("the outcome is of another format")
    kind = reader.take(1)
    if kind not in _SECTIONS:
        raise OutcomeError("the outcome neither returned nor raised")
    return reader, kind, _SECTIONS[kind] + _TAIL


def decode_value(data: bytes) -> Node:
    """Decode what `outcome.encode_value` wrote."""
    reader = _Reader(data)
    if reader.take(1) != bytes([FORMAT]):
        raise OutcomeError("the value is of another format")
    node = reader.tree()
    reader.finish()
    return node


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) != size:
            raise OutcomeError("the outcome is truncated")
        self.at += size
        return part

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                if byte == 0 and shift > 7:
                    raise OutcomeError("a number is not in shortest form")
                return value
            if shift > 56:
                raise OutcomeError("a number is too large")

    def blob(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.blob().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise OutcomeError("a string is malformed") from error

    def finish(self) -> None:
        if self.at != len(self.data):
            raise OutcomeError("the outcome has bytes after its end")

    def tree(self) -> Node:
        root = Node(0, None, [])
        pending: list[list[Any]] = [[root, 1]]  # node, children still to read
        while pending:
            parent, missing = pending[-1]
            if not missing:
                pending.pop()
                continue
            pending[-1][1] -= 1
            node, children = self._head()
            parent.children.append(node)
            if children:
                pending.append([node, children])
        return root.children[0]

    def skip(self, trees: int) -> None:
        """Read past so many trees; what `tree` refuses is refused."""
        data, at, end = self.data, self.at, len(self.data)
        missing = trees
        while missing:
            missing -= 1
            size = _SIZES.get(data[at]) if at < end else None
            if size is not None:
                at += size
                continue
            self.at = at
            missing += self._head()[1]
            at = self.at
        self.at = at

    def _head(self) -> tuple[Node, int]:
        tag = self.take(1)[0]
        if tag in _COUNTED:
            return Node(tag, None, []), self._count(self.number())
        if tag == ord("O"):
            name, base, attributes = self.text(), self.number(), self.number()
            return Node(tag, (name, base), []), self._count(base + 2 * attributes)
        return Node(tag, self._leaf(tag), []), 0

    def _count(self, count: int) -> int:
        """Each child takes at least one byte: a larger count is a lie, refused before memory is
        spent on it."""
        if count > len(self.data) - self.at:
            raise OutcomeError("the outcome is truncated")
        return count

    def _leaf(self, tag: int) -> Any:
        match chr(tag):
            case "0" | "T" | "F" | "." | "!":
                return None
            case "i":
                return self._integer()
            case "f":
                return self.take(8)
            case "c":
                return self.take(16)
            case "b":
                return self.blob()
            case "s" | "N":
                return self.text()
            case "R":
                return self.number()
            case "r":
                return tuple(self._range_part() for _ in range(3))
        raise OutcomeError("the outcome holds an unknown tag")

    def _range_part(self) -> int:
        if self.take(1) != b"i":
            raise OutcomeError("a range is malformed")
        return self._integer()

    def _integer(self) -> int:
        data = self.blob()
        value = int.from_bytes(data, "big", signed=True)
        if len(data) != value.bit_length() // 8 + 1:
            raise OutcomeError("an integer is not in shortest form")
        return value


def _differences(
    root: str, left: Node, right: Node, found: list[Difference], payloads: set[bytes]
) -> None:
    """Walk both trees together; stop at MAX_DIFFERENCES."""
    pending = [(root, left, right)]
    while pending and len(found) < MAX_DIFFERENCES:
        path, one, other = pending.pop()
        if one.data != other.data and _either_nan(one, other, payloads):
            continue
        if one.tag != other.tag or one.data != other.data:
            found.append(Difference(path, describe(one), describe(other)))
        elif one.tag in b"ez" and not _ordered(one):
            if _multiset(one) != _multiset(other):
                found.append(Difference(path, describe(one), describe(other)))
        else:
            if len(one.children) != len(other.children):
                found.append(Difference(f"len({path})", *(_length(node) for node in (one, other))))
            pairs = list(zip(one.children, other.children, strict=False))
            pending.extend(
                (path + _step(one, i), a, b) for i, (a, b) in reversed(list(enumerate(pairs)))
            )


_LIMIT = "maximum recursion depth exceeded"


def _met_one_limit(left: Mapping[str, Node], right: Mapping[str, Node]) -> bool:
    """Whether both met the recursion limit at one place, one of them inside an operation of it:
    "… in comparison". That depends on how warm CPython's code is there: 3.11's specialised
    comparisons take no level. The frames below the last two must be the same.
    """
    if "exception" not in left or "exception" not in right:
        return False
    texts = {_recursion_error(left["exception"]), _recursion_error(right["exception"])}
    if len(texts) != 2 or None in texts:
        return False
    one, other = _passed(left["traceback"]), _passed(right["traceback"])
    same = min(len(one), len(other)) - 2
    return abs(len(one) - len(other)) <= 1 and same > 0 and one[:same] == other[:same]


def _recursion_error(node: Node) -> str | None:
    """The message of a plain RecursionError that says it is about the limit."""
    if node.data != ("RecursionError", 1):
        return None
    arguments, *rest = node.children[0].children
    texts = [item.data for item in arguments.children]
    plain = all(item.data is None or item.data is False for item in rest)
    known = plain and len(texts) == 1 and type(texts[0]) is str and texts[0].startswith(_LIMIT)
    return texts[0] if known else None


def _passed(trace: Node) -> list[tuple[Any, ...]]:
    """The places of a traceback, one by one."""
    pairs = [item.children for item in trace.children]
    return [
        tuple(part.data for part in place.children)
        for place, times in pairs
        for _ in range(times.data)
    ]


def _either_nan(one: Node, other: Node, payloads: set[bytes]) -> bool:
    """Whether the two may be the two operands of one sum or product: for those CPython answers one
    or the other NaN, depending on how warm its code is and how it was compiled. (For all other
    operations it answers the first.) So the sign may differ, and the payload is one that was there.
    """
    if one.tag != ord("f") or other.tag != ord("f"):
        return False
    found = [_payload(node.data) for node in (one, other)]
    return all(payload in payloads for payload in found)


def _payload(bits: bytes) -> bytes:
    """The bits of a quiet NaN without its sign; empty for any other number."""
    quiet = bits[0] & 0x7F == 0x7F and bits[1] & 0xF8 == 0xF8
    return bits[1:] if quiet else b""


_OWN_PAYLOAD: Final = bytes.fromhex("f8000000000000")  # of NaNs that Python or the processor makes


def _payloads(sections: dict[str, Node]) -> set[bytes]:
    """The payloads of all NaNs in an outcome, and the usual one."""
    found, pending = {_OWN_PAYLOAD}, list(sections.values())
    while pending:
        node = pending.pop()
        if node.tag == ord("f"):
            found.add(_payload(node.data))
        pending.extend(node.children)
    return found - {b""}


def _length(node: Node) -> str:
    return str(len(node.children) // 2 if node.tag == ord("d") else len(node.children))


def _step(node: Node, index: int) -> str:
    if node.tag == ord("d"):
        key = node.children[index & ~1]
        return f" (key {index // 2})" if index % 2 == 0 else f"[{describe(key)}]"
    if node.tag == ord("O"):
        base = node.data[1]
        if index < base:
            return ""
        name = node.children[base + (index - base & ~1)]
        return f".{name.data}"
    return f"[{index}]"


def _ordered(node: Node) -> bool:
    """Whether this set's iteration order is the same in every process with the same hash seed."""
    pending = list(node.children)
    while pending:
        child = pending.pop()
        if child.tag in b"tz":
            pending.extend(child.children)
        elif child.tag not in _SAME_HASH_EVERYWHERE:
            return False
    return True


def _multiset(node: Node) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(_flat(child)) for child in node.children)


def _flat(node: Node) -> Iterator[tuple[int, Any, int]]:
    """The tree as one sequence, equal exactly for equal trees."""
    pending = [node]
    while pending:
        item = pending.pop()
        yield item.tag, item.data, len(item.children)
        pending.extend(item.children)


def describe(node: Node, clip: int = _CLIP) -> str:
    """The node in Python-like notation, iteratively, cut at `clip` characters."""
    parts: list[str] = []
    size = 0
    pending: list[Node | str] = [node]
    while pending and size <= clip:
        item = pending.pop()
        text = item if isinstance(item, str) else _open_text(item, pending)
        parts.append(text)
        size += len(text)
    text = "".join(parts)
    return text if len(text) <= clip else text[: clip - 1] + "…"


def _open_text(node: Node, pending: list[Node | str]) -> str:
    """Text of a leaf; for a compound its opening text, with the rest pushed onto `pending`."""
    tag = chr(node.tag)
    if tag in _BRACKETS:
        opening, closing = _BRACKETS[tag]
        pending.append(",)" if tag == "t" and len(node.children) == 1 else closing)
        for index in range(len(node.children) - 1, -1, -1):
            pending.append(node.children[index])
            if index:
                pending.append(": " if tag == "d" and index % 2 else ", ")
        return opening
    if tag == "O":
        pending.append(")")
        pending.extend(_object_parts(node))
        return f"{node.data[0]}("
    return _leaf_text(tag, node.data)


_BRACKETS: Final = {
    "t": ("(", ")"),
    "l": ("[", "]"),
    "d": ("{", "}"),
    "e": ("set(", ")"),
    "z": ("frozenset(", ")"),
    "S": ("slice(", ")"),
    "y": ("bytearray(", ")"),
}


def _object_parts(node: Node) -> list[Node | str]:
    """Base values and `name=value` pairs, in reverse for the stack."""
    base = node.data[1]
    parts: list[Node | str] = []
    for child in node.children[:base]:
        parts += [child, ", "]
    for index in range(base, len(node.children) - 1, 2):
        parts += [f"{node.children[index].data}=", node.children[index + 1], ", "]
    return parts[:-1][::-1]


def _leaf_text(tag: str, data: Any) -> str:
    match tag:
        case "i":
            return str(data) if data.bit_length() < 2000 else f"<int of {data.bit_length()} bits>"
        case "f":
            return _float_text(data)
        case "c":
            return f"complex({_float_text(data[:8])}, {_float_text(data[8:])})"
        case "s" | "b":
            return ascii(data if len(data) <= _CLIP else data[:_CLIP])
        case "r":
            return f"range({data[0]}, {data[1]}, {data[2]})"
        case "R":
            return f"<object #{data} again>"
        case "N":
            return f"<{data}>"
    return {"0": "None", "T": "True", "F": "False", ".": "Ellipsis", "!": "NotImplemented"}[tag]


def _float_text(bits: bytes) -> str:
    (value,) = struct.unpack(">d", bits)
    return f"nan({bits.hex()})" if value != value else repr(value)


def _ended(outcome: tuple[bytes, dict[str, Node]]) -> str:
    kind, sections = outcome
    if kind == b"V":
        return f"returned {describe(sections['result'])}"
    return f"raised {_raised(sections['exception'])}"


def _raised(node: Node) -> str:
    """Class and arguments of an exception; its encoding begins with (args, cause, context,
    suppressed)."""
    if node.tag == ord("O") and node.children and node.children[0].children:
        return f"{node.data[0]}{describe(node.children[0].children[0])}"
    return describe(node)
