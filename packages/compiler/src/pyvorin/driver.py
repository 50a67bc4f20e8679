"""The pipeline, from the source of a module to an extension module's bytes.

    source → code → namespace → generic IR → recorded classes → types → typed IR → object → .so

Compiling runs the module once (its functions and constants must exist) and runs the representative
calls in the reference interpreter to record classes: *compiling is executing*, the caller provides
the jail. Everything read from files or the command line is the caller's business.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NamedTuple

from pyvorin.backend.layouts import running_layout
from pyvorin.backend.library import library
from pyvorin.backend.module import (
    Assumption,
    LoopHeader,
    NativeFunction,
    NativeModule,
    Standalone,
    build_both,
)
from pyvorin.check.case import Inputs
from pyvorin.check.definitions import functions_of, is_method
from pyvorin.check.load import import_name, importable, load_source, module_name
from pyvorin.frontend.build import build_function
from pyvorin.frontend.consumers import consumed
from pyvorin.frontend.variables import nested, private
from pyvorin.infer.flow import Flow
from pyvorin.infer.module import Module, SourceFunction, may_change, nested_name
from pyvorin.infer.program import Instance, Program
from pyvorin.infer.seeds import record_calls
from pyvorin.ir.model import Function
from pyvorin.ir.verify import verify
from pyvorin.lower import Body, Unlowered, lower_body
from pyvorin.options import CompileOptions
from pyvorin.types import Callee, Type


class Outcome(NamedTuple):
    """What became of one function: `verdict` is "native", "python" or "rejected".

    `left` are the places from which only the interpreter goes on.
    """

    name: str
    line: int
    verdict: str
    reason: str = ""
    left: tuple[tuple[int, str], ...] = ()  # (line, reason)


class Compiled(NamedTuple):
    """An extension module's bytes (None when no function is native), its META, and every function's
    outcome.
    """

    shared_object: bytes | None
    meta: bytes
    functions: tuple[Outcome, ...]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector out of work that keeps nearly all it makes: it would look through
    that again and again, for a fifth of the time. The program's own code runs with it.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def compile_module(
    source: str,
    path: str,
    options: CompileOptions,
    *,
    standalone: bool = True,
    lowered: Callable[[Sequence[str]], None] | None = None,
) -> Compiled:
    """Compile the functions of a module that the options want. `lowered` is told which become
    native before the backend makes them, which takes most of the time.

    Raises SyntaxError for source that does not parse, and whatever running the module raises.
    """
    code = compile(source, path, "exec", dont_inherit=True)
    program, bodies, outcomes = lower_source(source, path, options)
    functions = program.module.functions
    native = [_native_function(functions[name], bodies, program) for name in bodies.names()]
    outcomes += [
        _outcome(functions[name], bodies.unlowered(name))
        for name in bodies.names()
        if not functions[name].outer
    ]
    if not native:
        return Compiled(None, b"", tuple(outcomes))
    if lowered is not None:
        lowered([item.name for item in outcomes if item.verdict == "native"])
    alone = Standalone(code, path) if standalone else None
    level = options.opt_level
    built = NativeModule(import_name(path), native, alone, options.force, level, options.cpu)
    with _uncollected():
        shared_object, meta = build_both(built)
    return Compiled(shared_object, meta, tuple(outcomes))


def lower_source(
    source: str, path: str, options: CompileOptions
) -> tuple[Program, Bodies, list[Outcome]]:
    """Types and typed bodies of a module's functions, and the outcomes of those without: all
    stages before the backend. Raises as `compile_module` does.
    """
    name, root = module_name(path)
    with importable(root):
        namespace = load_source(path, source, name).__dict__
    functions, outcomes = _source_functions(namespace, path, options)
    program = _infer(Module(functions, namespace), options.inputs)
    return program, lower_module(program), outcomes


def warm() -> None:
    """Make what every compilation needs, while there is nothing else to do."""
    layout = running_layout()
    library(layout, NativeModule("").cpu)


def prepare(namespace: dict[str, Any], path: str, inputs: Inputs) -> Program:
    """The types of all functions that a module run from `path` defined."""
    functions, _ = _source_functions(namespace, path, CompileOptions(inputs=inputs))
    return _infer(Module(functions, namespace), inputs)


def _infer(module: Module, inputs: Inputs) -> Program:
    program = Program(module)
    as_imported = dict(module.globals)
    record_calls(program, inputs, module.globals)
    module.globals.clear()  # what the recorded calls changed is not to be assumed
    module.globals.update(as_imported)
    with _uncollected():
        program.solve()
    return program


@_uncollected()
def _source_functions(
    namespace: dict[str, Any], path: str, options: CompileOptions
) -> tuple[dict[str, SourceFunction], list[Outcome]]:
    """The module's own functions and methods in generic IR, and the outcome of those without."""
    functions: dict[str, SourceFunction] = {}
    outcomes: list[Outcome] = []
    for name, function in functions_of(namespace, path):
        if not options.wants(name):
            continue
        code = function.__code__
        if is_method(name) and not options.inputs.of(name):
            why = "no recorded call of it could be written down"
            outcomes.append(Outcome(name, code.co_firstlineno, "python", why))
            continue
        built = build_function(function, len(functions))
        if built.function is None:
            why = "; ".join(f"{f.kind} {f.detail}" for f in built.findings)
            verdict = "python" if is_method(name) else "rejected"
            outcomes.append(Outcome(name, code.co_firstlineno, verdict, why))
            continue
        verify(built.function, "front end")
        defaults = function.__defaults__ or ()
        keyword_defaults = function.__kwdefaults__ or {}
        functions[name] = SourceFunction(
            name, len(functions), code, built, defaults, dict(keyword_defaults)
        )
        _add_nested(functions, name, code)
    return functions, outcomes


def _add_nested(functions: dict[str, SourceFunction], outer: str, code: CodeType) -> None:
    """The comprehensions of a function, where they are functions of their own (3.11), and the
    generator expressions that are consumed in place.
    """
    for const, inner in nested(code):
        consumer = consumed(code).get(const, "")
        built = build_function(inner, len(functions), consumer)
        if built.function is not None:
            verify(built.function, "front end")
            name = nested_name(outer, const)
            functions[name] = SourceFunction(
                name, len(functions), inner, built, outer=outer, const=const, consumer=consumer
            )
            _add_nested(functions, name, inner)


# ---- bodies -------------------------------------------------------------------------------------
@dataclass(eq=False, slots=True)
class Bodies:
    """The typed bodies: per instance the one that calls enter, and per function those for running
    frames.
    """

    called: dict[tuple[str, int], Body] = field(default_factory=dict)
    entered: dict[str, list[Body]] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The functions that have a body, in order of first use."""
        return list(dict.fromkeys(name for name, _ in self.called))

    def of(self, name: str) -> list[Body]:
        """All bodies of a function, those that calls enter first."""
        return [body for (n, _), body in self.called.items() if n == name] + self.entered.get(
            name, []
        )

    def functions(self, name: str) -> list[Function]:
        """The typed IR of all bodies of a function."""
        return [body.function for body in self.of(name)]

    def unlowered(self, name: str) -> Iterator[Unlowered]:
        """Where the called bodies of a function leave for good."""
        for (n, _), body in self.called.items():
            if n == name:
                yield from body.unlowered


@_uncollected()
def lower_module(program: Program) -> Bodies:
    """Lower every instance that is wanted or called."""
    bodies = Bodies()
    work = [(name, i.number) for name, known in program.instances.items() for i in known if i.root]
    while work:
        name, number = work.pop(0)
        if (name, number) in bodies.called:
            continue
        instance = program.instances[name][number]
        bodies.called[name, number] = _checked(lower_body(instance.flow, program, "base", False))
        resumed = _resumed_bodies(program, instance)
        entered = [_checked(body) for body in resumed if body.function.entries]
        bodies.entered.setdefault(name, []).extend(entered)
        for body in (bodies.called[name, number], *entered):
            work += sorted(body.callees)
    _renumber(bodies)
    return bodies


def _checked(body: Body) -> Body:
    verify(body.function, "lowering")
    return body


def _resumed_bodies(program: Program, instance: Instance) -> Iterator[Body]:
    """The bodies that running frames enter, and those with wider ints.

    Wider ones are worth their size where a loop carries the wide ints on or a product may be wide,
    and only for a function's commonest arguments. Ints beyond 128 bits need a body of their own
    only where a loop carries them: one pass over 64-bit ints makes no more than 128 bits of most
    things.
    """
    if instance.source.consumer:
        return  # its frames are a generator's, to which none comes back
    if instance.source.built.headers:
        yield lower_body(instance.flow, program, "base", True)
    if instance.number > 0:
        return
    wide = program.variant(instance, "wide")
    carried = _carried(wide) != _carried(instance.flow)
    if carried or _products(wide) != _products(instance.flow):
        yield lower_body(wide, program, "wide", True)
    if carried:
        yield lower_body(program.variant(instance, "boxed"), program, "boxed", True)


def _products(flow: Flow) -> list[Type]:
    """The types of products, powers and shifts to the left."""
    function = flow.source.built.function
    assert function is not None
    names = ("*", "**", "<<")
    products = [o for o in function.ops() if o.name == "py.binop" and o.attrs["op"] in names]
    return [flow.type(op.result) for op in products]


def _carried(flow: Flow) -> list[Type]:
    """The types of what loops carry from one pass to the next."""
    headers = flow.source.built.headers
    return [flow.type(param) for header in headers for param in header.block.params]


def _renumber(bodies: Bodies) -> None:
    """Make `body` of each native call the callee's position among its bodies."""
    position: dict[tuple[str, int], int] = {}
    for name in bodies.names():
        for place, key in enumerate(key for key in bodies.called if key[0] == name):
            position[key] = place
    for body in [*bodies.called.values(), *(b for some in bodies.entered.values() for b in some)]:
        for op in body.function.ops():
            if op.name == "call.native":
                op.attrs["body"] = position[op.attrs["callee"], op.attrs["body"]]


# ---- what the backend gets ----------------------------------------------------------------------
def _native_function(source: SourceFunction, bodies: Bodies, program: Program) -> NativeFunction:
    headers = [
        LoopHeader(header.offset, header.stack)
        for header in source.built.headers
        if not header.consumer
    ]
    assumptions = list(dict.fromkeys(_assumptions(source.name, bodies, program.module, set())))
    return NativeFunction(
        source.name,
        source.code,
        bodies.functions(source.name),
        headers,
        assumptions,
        source.outer,
        source.const,
        private(source.code),
        source.built.blames,
        grows=any("big" in classes for classes in source.recorded.values()),
    )


def _assumptions(name: str, bodies: Bodies, module: Module, seen: set[str]) -> Iterator[Assumption]:
    """What a function's bodies rely on, and the functions they call: those are entered without a
    check.
    """
    seen.add(name)
    for body in bodies.of(name):
        for used in sorted(body.globals):
            yield _assumption(used, module)
        for of, attribute in sorted(body.attributes):
            value = getattr(module.globals[of], attribute)
            if isinstance(value, float):
                yield Assumption("attr", of, attribute, value)
            else:
                yield Assumption("attr", of, attribute, owner=value.__module__)
        for callee, _ in sorted(body.callees):
            if callee not in seen:
                yield from _assumptions(callee, bodies, module, seen)


def _assumption(name: str, module: Module) -> Assumption:
    type_ = module.global_type(name)
    if type_ is not None and may_change(type_):
        return Assumption("current", name)
    if not isinstance(type_, Callee):
        return Assumption("value", name, value=module.constant(name))
    match type_.kind:
        case "function":
            return Assumption("callee", name, type_.name)
        case "builtin":
            return Assumption("builtin", name)
        case "module":
            return Assumption("module", name, type_.name)
        case _:
            return Assumption("import", name, f"{type_.of}.{type_.name}")


def _outcome(source: SourceFunction, unlowered: Iterator[Unlowered]) -> Outcome:
    lines = {offset: line for offset, _, line in _lines(source.code)}
    left = tuple(dict.fromkeys((lines.get(u.offset, 0), u.reason) for u in unlowered))
    return Outcome(source.name, source.code.co_firstlineno, "native", left=left)


def _lines(code: CodeType) -> Iterator[tuple[int, int, int]]:
    """(start, end, line) of every instruction's offset."""
    for start, end, line in code.co_lines():
        for offset in range(start, end, 2):
            yield offset, end, line or 0
