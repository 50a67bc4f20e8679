"""What the names of a module and of a function stand for, as far as the source tells."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(slots=True)
class ModuleNames:
    """The names of a module: each is one of "function", "class", "module", "import", "math" (the
    module), "math function" or "variable". `open` says that a star import may define more."""

    kinds: dict[str, str] = field(default_factory=dict)
    math_functions: dict[str, str] = field(default_factory=dict)  # local name → name in `math`
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)  # (module, name in it)
    open: bool = False

    def kind(self, name: str) -> str | None:
        """What a name is at module level; "builtin" for builtins, None when it is nowhere."""
        if name in self.kinds:
            return self.kinds[name]
        return "builtin" if hasattr(builtins, name) else None


def module_names(tree: ast.Module) -> ModuleNames:
    """Collect what the module binds at its own level, and what its functions declare global."""
    names = ModuleNames(dict.fromkeys(("__name__", "__file__", "__doc__", "__spec__"), "variable"))
    for node in _within_scope(tree.body):
        _bind(names, node)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                names.kinds.setdefault(name, "variable")
    return names


def _bind(names: ModuleNames, node: ast.AST) -> None:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            names.kinds[name] = "function"
        case ast.ClassDef(name=name):
            names.kinds[name] = "class"
        case ast.Name(id=name, ctx=ast.Store()) | ast.ExceptHandler(name=str(name)):
            names.kinds[name] = "variable"
        case ast.Import(names=aliases):
            for alias in aliases:
                name = alias.asname or alias.name.split(".")[0]
                names.kinds[name] = "math" if alias.name == "math" else "module"
                names.imported[name] = (alias.name if alias.asname else name, "")
        case ast.ImportFrom(module=module, names=aliases):
            for alias in aliases:
                _bind_import(names, module, alias)


def _bind_import(names: ModuleNames, module: str | None, alias: ast.alias) -> None:
    name = alias.asname or alias.name
    if alias.name == "*":
        names.open = True
    elif module == "math":
        names.kinds[name] = "math function"
        names.math_functions[name] = alias.name
    else:
        names.kinds[name] = "import"
        names.imported[name] = (module or "", alias.name)


def local_names(function: FunctionNode) -> set[str]:
    """The names that are local variables of a function."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    given += [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    found = {item.arg for item in given}
    declared: set[str] = set()
    for node in _within_scope(function.body):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found |= {alias.asname or alias.name.split(".")[0] for alias in aliases}
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                declared.update(names)
    return found - declared


def _within_scope(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of statements, without the insides of functions, lambdas and classes."""
    work: list[ast.AST] = list(body)
    while work:
        node = work.pop()
        yield node
        if not isinstance(node, _SCOPES):
            work.extend(ast.iter_child_nodes(node))


def top_functions(body: list[ast.stmt]) -> Iterator[FunctionNode]:
    """The functions that a module defines at its own level, under `if` and the like too."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif not isinstance(node, ast.ClassDef):
            for name in ("body", "orelse", "finalbody", "handlers"):
                inner = getattr(node, name, [])
                yield from top_functions(
                    [s for h in inner for s in h.body] if name == "handlers" else inner
                )
