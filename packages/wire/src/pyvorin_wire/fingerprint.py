"""Which compilation is this? A digest of a function with everything it calls, and the keyed form
that leaves the machine.

The *canonical digest* covers, for the chosen functions: their syntax trees and those of every
module-level statement they reach by name (functions, classes, imports, constants, in-place changes
such as `TABLE[k] = v`), transitively; `from __future__` flags; docstrings; `# pyvorin:` comments;
local modules bundled with the request; compile options; target; compiler version. It does not see
other comments, layout or positions, so reformatting keeps the artifact. Names are followed too far
rather than not far enough: a surplus statement costs a miss, a missing one a wrong hit.

The *keyed fingerprint* is HMAC-SHA256(organisation fingerprint key of an epoch, canonical digest).
Only that is sent, so a stolen database cannot be searched by guessing code, and organisations
cannot recognise each other's.

What may never change within FORMAT: everything hashed here; a change is a new FORMAT number and
hence a new build of everything.
"""

import ast
import hashlib
import hmac
import io
import re
import struct
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pyvorin_wire import canonical
from pyvorin_wire.errors import FingerprintError
from pyvorin_wire.platform import PlatformTag

FORMAT: Final = 1
_DIRECTIVE: Final = re.compile(r"#\s*pyvorin:\s*(.*?)\s*$")
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def canonical_digest(
    source: str,
    functions: Sequence[str] | None,
    *,
    options: Mapping[str, Any],
    target: PlatformTag,
    compiler: str,
    bundle: Mapping[str, str] | None = None,
) -> str:
    """64 hex digits. `functions` are qualified names (`f`, `Class.method`); None means the whole
    module.

    `options` must be canonical JSON; `bundle` maps the path of each local module to its source.
    Raises FingerprintError for source that does not parse and for a function that is not there.
    """
    module = _parse(source)
    chosen = module.body if functions is None else reached_statements(module, functions)
    directives = _directives(source)
    document = {
        "format": FORMAT,
        "functions": None if functions is None else sorted(set(functions)),
        "future": sorted(_future_flags(module)),
        "statements": [_statement_digest(statement, directives) for statement in chosen],
        "bundle": {path: _module_digest(text) for path, text in (bundle or {}).items()},
        "options": dict(options),
        "target": target.to_json(),
        "compiler": compiler,
    }
    return hashlib.sha256(b"pyvorin canonical digest\0" + canonical.dumps(document)).hexdigest()


def keyed(key: bytes, epoch: int, digest: str) -> str:
    """The fingerprint sent to the service: `pf1-<epoch>-<64 hex digits>`."""
    message = b"pyvorin fingerprint\0" + struct.pack(">I", epoch) + bytes.fromhex(digest)
    return f"pf1-{epoch}-{hmac.new(key, message, hashlib.sha256).hexdigest()}"


def epoch_of(fingerprint: str) -> int:
    """The key epoch of a keyed fingerprint. Raises FingerprintError if it is malformed."""
    if not re.fullmatch("pf1-[0-9]{1,9}-[0-9a-f]{64}", fingerprint, re.ASCII):
        raise FingerprintError("malformed fingerprint")
    return int(fingerprint.split("-")[1])


def options_digest(options: Mapping[str, Any]) -> str:
    """Digest of the compile options, as bound by the manifest."""
    return hashlib.sha256(b"pyvorin options\0" + canonical.dumps(dict(options))).hexdigest()


def reached_statements(module: ast.Module, functions: Iterable[str]) -> list[ast.stmt]:
    """Module-level statements that the functions reach by name, in source order; also the unit that
    `--dry-run` shows and sends."""
    owners = _owners(module)
    wanted = {_find(module, name).name for name in functions}
    seen: set[str] = set()
    chosen: set[int] = {index for index, node in enumerate(module.body) if _is_unconditional(node)}
    while wanted:
        name = wanted.pop()
        seen.add(name)
        for index in owners.get(name, ()):
            if index not in chosen:
                chosen.add(index)
                wanted |= _names(module.body[index]) - seen
    return [module.body[index] for index in sorted(chosen)]


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise FingerprintError(
            f"line {error.lineno}: {error.msg}", code="fingerprint_syntax"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise FingerprintError("source cannot be parsed", code="fingerprint_syntax") from error


def _find(module: ast.Module, qualname: str) -> _Scope:
    """The outermost definition that holds `qualname`; checks that every inner part exists. The last
    definition wins, as at run time."""
    outer: _Scope | None = None
    body: list[ast.stmt] = module.body
    for part in qualname.split("."):
        if part == "<locals>":
            continue
        found = [node for node in _definitions(body) if node.name == part]
        if not found:
            raise FingerprintError(
                f"there is no function `{qualname}` in this module", code="fingerprint_function"
            )
        outer = outer or found[-1]
        body = found[-1].body
    assert outer is not None
    return outer


def _definitions(body: list[ast.stmt]) -> Iterator[_Scope]:
    """Definitions in this scope, also those under `if`, `try`, `with` and loops."""
    pending: list[ast.AST] = list(reversed(body))
    while pending:
        node = pending.pop()
        if isinstance(node, _SCOPES):
            yield node
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            pending.extend(reversed(list(ast.iter_child_nodes(node))))


def _owners(module: ast.Module) -> dict[str, set[int]]:
    """Name → indices of the module-level statements that bind it or change it in place."""
    owners: dict[str, set[int]] = {}
    for index, statement in enumerate(module.body):
        for name in _bound_names(statement):
            owners.setdefault(name, set()).add(index)
    return owners


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, _SCOPES):
            yield node.name
            yield from _declared_global(node)
            continue
        if isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield from _root_name(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _root_name(node.value.func)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        pending.extend(ast.iter_child_nodes(node))


def _declared_global(scope: ast.AST) -> Iterator[str]:
    """Module names that a function rebinds: `global counter`."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Global):
            yield from node.names


def _root_name(node: ast.expr) -> Iterator[str]:
    """`TABLE` of `TABLE["k"].x`, the object that a method call or an item assignment changes."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id


def _names(statement: ast.stmt) -> set[str]:
    """Every identifier the statement mentions, names inside string annotations included."""
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.isidentifier()
        ):
            names.add(node.value)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            names.update(node.names)
    return names


def _is_unconditional(node: ast.stmt) -> bool:
    """Statements that affect every function: future flags and star imports."""
    return isinstance(node, ast.ImportFrom) and (
        node.module == "__future__" or node.names[0].name == "*"
    )


def _future_flags(module: ast.Module) -> set[str]:
    imports = (
        node
        for node in module.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    )
    return {alias.name for node in imports for alias in node.names}


def _directives(source: str) -> dict[int, str]:
    """Line → text of its `# pyvorin:` comment. These are options, so they count."""
    found: dict[int, str] = {}
    if "pyvorin:" not in source:
        return found
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            match = _DIRECTIVE.match(token.string) if token.type == tokenize.COMMENT else None
            if match:
                found[token.start[0]] = match[1]
    except (tokenize.TokenError, SyntaxError) as error:
        raise FingerprintError("source cannot be tokenised", code="fingerprint_syntax") from error
    return found


def _statement_digest(statement: ast.stmt, directives: Mapping[int, str]) -> str:
    first = min(
        [statement.lineno, *(node.lineno for node in getattr(statement, "decorator_list", ()))]
    )
    inside = [
        text
        for line, text in sorted(directives.items())
        if first <= line <= (statement.end_lineno or line)
    ]
    return hashlib.sha256(canonical.dumps(inside) + _tree_bytes(statement)).hexdigest()


def _module_digest(source: str) -> str:
    directives = _directives(source)
    return hashlib.sha256(
        "".join(_statement_digest(s, directives) for s in _parse(source).body).encode()
    ).hexdigest()


def _tree_bytes(root: ast.AST) -> bytes:
    """Prefix code of a syntax tree. Empty fields are left out, so that a field a later Python adds
    does not change old code's digest."""
    parts: list[bytes] = []
    pending: list[Any] = [root]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is bytes:
            parts.append(item)
        elif kind is ast.Constant:
            parts.append(b"(Constant" + _constant_bytes(item.value) + b")")
        elif kind is list:
            parts.append(b"[")
            pending.append(b"]")
            pending.extend(reversed([b"~" if child is None else child for child in item]))
        elif isinstance(item, ast.AST):
            parts.append(b"(" + kind.__name__.encode())
            pending.append(b")")
            for name in reversed(item._fields):
                value = getattr(item, name, None)
                if value is not None and value != [] and name != "type_comment":
                    pending += (value, b".%s=" % name.encode())
        else:
            parts.append(_constant_bytes(item))
    return b"".join(parts)


def _constant_bytes(value: Any) -> bytes:
    """Type and exact bits of a literal: `1`, `1.0`, `True`, `-0.0` all differ."""
    if isinstance(value, tuple | frozenset):  # only from trees made by hand
        raise FingerprintError("a syntax tree holds a folded constant")
    if isinstance(value, float):
        body = struct.pack(">d", value)
    elif isinstance(value, complex):
        body = struct.pack(">dd", value.real, value.imag)
    elif isinstance(value, bytes):
        body = value
    elif isinstance(value, int) and not isinstance(value, bool):
        body = b"%x" % value
    else:
        body = str(value).encode("utf-8", "surrogatepass")
    return b"<%s:%d:%s>" % (type(value).__name__.encode(), len(body), body)
