"""Read a program's text, and refuse early what no compiler should look at.

    read("app.py")                →  its text, decoded as Python would decode it
    admit(text, "app.py")         →  its syntax tree, or a `RefusedError`

Every refusal is one sentence with an exit code; a syntax error also has a place. Budgets come
before `compile()`, because parsing and constant folding are the first things a hostile program
attacks.
"""

from __future__ import annotations

import ast
import codecs
import io
import os
import re
import stat
import tokenize
from typing import Final

from pyvorin_wire.diagnostic import Span

from pyvorin.errors import FINDINGS, OVER_LIMIT, RefusedError

MAX_BYTES: Final = 2 << 20
MAX_LINE: Final = 100_000
MAX_BRACKETS: Final = 100
MAX_DEPTH: Final = 500  # nested nodes of the syntax tree
MAX_NODES: Final = 400_000
MAX_FUNCTION_NODES: Final = 30_000  # of one function: the size of its IR follows from it
MAX_CONSTANT_BITS: Final = 1 << 23  # of a constant expression's value
_SAVE: Final = "save the file as UTF-8"
_ENCODINGS: Final = frozenset({"utf-8", "utf-8-sig", "ascii", "iso8859-1", "iso8859-15", "cp1252"})


def read(path: str) -> str:
    """Text of a regular file. Raises RefusedError: missing, no file, too large, badly encoded."""
    _admit_name(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _refuse(f"cannot read `{path}`: {_reason(error)}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise _refuse(f"cannot compile `{path}`: it is {kind}")
    try:
        with open(descriptor, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refuse(f"cannot read `{path}`: {_reason(error)}") from None
    return decode(data, path)


def _admit_name(path: str) -> None:
    """A file's name is written into the artifact and its report, which are UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise _refuse(f"cannot compile `{path}`: its name is not valid utf-8") from None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)


def _refuse(message: str, span: Span | None = None, hint: str = "") -> RefusedError:
    return RefusedError(message, span=span, hint=hint, code="PYV102")


def decode(data: bytes, path: str) -> str:
    """Decode as Python would, by byte order mark or coding line. Raises RefusedError."""
    if len(data) > MAX_BYTES:
        raise _over(f"is over the limit of {MAX_BYTES >> 20} MiB", path, 0)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _refuse(f"`{path}` is encoded as utf-16", hint=_SAVE)
    if b"\0" in data:
        raise _refuse(f"`{path}` is not Python source: it holds NUL bytes")
    name = _encoding(data, path)
    if codecs.lookup(name).name not in _ENCODINGS:
        raise _refuse(f"`{path}` is encoded as {name}", hint=_SAVE)
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        start = data.rfind(b"\n", 0, error.start) + 1
        column = len(data[start : error.start].decode(name))
        message = f"`{path}` is not valid {error.encoding}: byte {data[error.start]:#04x}"
        span = Span(path, line, column, line, column + 1)
        raise _refuse(f"{message} in line {line}", span, _SAVE) from None
    return io.IncrementalNewlineDecoder(None, translate=True).decode(text)


def _encoding(data: bytes, path: str) -> str:
    """The encoding that Python would use."""
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError as error:
        reason = error.msg or ""
    if "unknown" in reason:
        raise _refuse(f"`{path}`: {reason}", hint=_SAVE)
    if data.startswith(codecs.BOM_UTF8) and "encoding problem" in reason:
        raise _refuse(
            f"`{path}` begins with the mark of utf-8, and its coding line says otherwise",
            hint="remove the coding line",
        )
    return "utf-8"  # and not valid: decoding says where


def admit(source: str, path: str) -> ast.Module:
    """Parse within the budgets. Raises RefusedError: a syntax error, or a budget by name."""
    _admit_text(source, path)
    try:
        tree = ast.parse(source, path)
    except SyntaxError as error:
        raise syntax_error(error, path) from None
    except (RecursionError, MemoryError):
        raise too_deep(path) from None
    except ValueError as error:
        raise _refuse(f"`{path}` is not Python source: {error}") from None
    _admit_tree(tree, path)
    return tree


def syntax_error(error: SyntaxError, path: str) -> RefusedError:
    """A refusal with the place that Python names."""
    line, column = error.lineno or 1, max(0, (error.offset or 1) - 1)
    end_line, end = error.end_lineno or line, (error.end_offset or 0) - 1
    if end_line == line and end <= column:
        end = column + 1
    message = (error.msg or "invalid syntax").rstrip(".")
    span = Span(path, line, column, max(line, end_line), max(0, end))
    return RefusedError(message, FINDINGS, span, code="PYV103")


def too_deep(path: str) -> RefusedError:
    """Python's own parser or compiler gave up, and says no place."""
    error = _over("is nested too deeply", path, 0)
    error.hint = "split the long expression or chain of `elif`s; Python itself refuses it"
    return error


def _over(what: str, path: str, line: int) -> RefusedError:
    span = Span(path, line, 0, line, 1) if line else None
    return RefusedError(f"`{path}` {what}", OVER_LIMIT, span, code="PYV102")


def _admit_text(source: str, path: str) -> None:
    """Budgets that need no parser: size, line length, bracket depth outside strings (roughly)."""
    if len(source) > MAX_BYTES or len(source.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _over(f"is over the limit of {MAX_BYTES >> 20} MiB", path, 0)
    if "\0" in source:
        raise _refuse(f"`{path}` is not Python source: it holds NUL bytes")
    if _LONE_SURROGATE.search(source):
        raise _refuse(f"`{path}` is not Python source: it holds lone surrogates")
    for number, line in enumerate(source.split("\n"), 1):
        if len(line) > MAX_LINE:
            raise _over(f"has a line over {MAX_LINE} characters", path, number)
    depth = 0
    for match in _BRACKETS_AND_TEXTS.finditer(source):
        text = match[0]
        if text in ("(", "[", "{"):
            depth += 1
            if depth > MAX_BRACKETS:
                place = source.count("\n", 0, match.start()) + 1
                raise _over(f"nests brackets deeper than {MAX_BRACKETS}", path, place)
        elif text in (")", "]", "}"):
            depth = max(0, depth - 1)


_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BRACKETS_AND_TEXTS: Final = re.compile(
    r"""\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*|[][(){}]""",
    re.DOTALL,
)


def _admit_tree(tree: ast.Module, path: str) -> None:
    """Budgets on the tree: nodes, depth, and constants that would fold into something huge."""
    pending: list[tuple[ast.AST, int, int]] = [(tree, 0, 1)]
    count = 0
    while pending:
        node, depth, line = pending.pop()
        line = getattr(node, "lineno", line)
        count += 1
        if depth > MAX_DEPTH:
            raise _over(f"nests deeper than {MAX_DEPTH} levels", path, line)
        if count > MAX_NODES:
            raise _over(f"has more than {MAX_NODES} syntax nodes", path, line)
        if isinstance(node, ast.BinOp) and folded_bits(node) > MAX_CONSTANT_BITS:
            raise _over("has a constant expression with a huge value", path, line)
        pending.extend((child, depth + 1, line) for child in ast.iter_child_nodes(node))
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        if sum(1 for _ in ast.walk(function)) > MAX_FUNCTION_NODES:
            what = f"has a function of more than {MAX_FUNCTION_NODES} syntax nodes: split it"
            raise _over(what, path, function.lineno)


def folded_bits(node: ast.expr) -> float:
    """An upper bound for the bits of a constant expression's value; 0 for what is not constant.

    Works on logarithms, so it never computes the value: `10**10**10` is about 3.3e10 bits.
    """
    match node:
        case ast.Constant(value=bool() | None):
            return 1
        case ast.Constant(value=int() as number):
            return max(1, number.bit_length())
        case ast.Constant(value=str() | bytes() as text):
            return 8 * len(text)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return 64 * len(items)
        case ast.UnaryOp(operand=operand):
            return folded_bits(operand)
        case ast.BinOp(left=left, op=op, right=right):
            one, other = folded_bits(left), folded_bits(right)
            return _combined(op, one, other, left, right) if one and other else 0
    return 0


def _combined(op: ast.operator, one: float, other: float, left: ast.expr, right: ast.expr) -> float:
    match op:
        case ast.Pow():
            return one * _magnitude(right, other)
        case ast.LShift():
            return one + _magnitude(right, other)
        case ast.Mult() if _is_sequence(left):
            return one * _magnitude(right, other)
        case ast.Mult() if _is_sequence(right):
            return other * _magnitude(left, one)
        case ast.Mult():
            return one + other
    return max(one, other) + 1


def _magnitude(node: ast.expr, bits: float) -> float:
    """An upper bound for the value itself, infinite beyond floats."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and bits < 1000:
        return float(abs(node.value))
    return 2.0**bits if bits < 1000 else float("inf")


def _is_sequence(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List):
        return True
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
