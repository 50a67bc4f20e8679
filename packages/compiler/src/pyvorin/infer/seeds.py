"""Where inference starts: the instances that recorded calls want, and the classes that they showed
inside.

The arguments of the representative calls give the parameter types of up to `MAX_INSTANCES`
instances, commonest first; the reference interpreter runs the calls and records the class of every
value. A function that no call reaches gets one instance from the evidence in its own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from itertools import zip_longest
from types import CellType, FunctionType
from typing import Any, Final

from pyvorin.check.case import Case, Inputs, builder
from pyvorin.check.definitions import resolve
from pyvorin.infer.attributes import takes_instance
from pyvorin.infer.module import Recorded, SourceFunction
from pyvorin.infer.program import MAX_INSTANCES, Program, evidence, parameter_type
from pyvorin.ir.interp import Body
from pyvorin.record import Budget, FunctionProfile, record
from pyvorin.types import (
    CHAR,
    INTS,
    STR,
    Obj,
    Type,
    from_class,
    from_iterator,
    join,
    known_class,
)

MAX_CALLS: Final = 30  # of one function that are looked at
BUDGET: Final = Budget(calls=MAX_CALLS, call_ops=3_000, ops=60_000)

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


WRITTEN: Final = ("example", "doctest", "main")


def calls_of(
    inputs: Inputs, functions: Mapping[str, SourceFunction], namespace: dict[str, Any]
) -> list[Call]:
    """The calls that people wrote or a run made, with fresh arguments, in turn."""
    queues: list[list[Call]] = []
    for name, source in functions.items():
        of = inputs.of(name) if not source.outer else []
        written = [case for case in of if case.origin in WRITTEN]
        queues.append(list(_spread(written, namespace)))
    return [call for row in zip_longest(*queues) for call in row if call is not None]


def _guesses(
    inputs: Inputs, functions: Mapping[str, SourceFunction], namespace: dict[str, Any]
) -> list[Call]:
    """One call a function by the evidence in its code, which says nothing of instances."""
    found: list[Call] = []
    for name, source in functions.items():
        of = inputs.of(name) if not source.outer and not takes_instance(source) else []
        found += _spread([case for case in of if case.origin == "evidence"][:1], namespace)
    return found


def _spread(cases: list[Case], namespace: dict[str, Any]) -> Iterator[Call]:
    step = max(1, len(cases) // MAX_CALLS)
    for case in cases[::step][:MAX_CALLS]:
        try:
            _, make = builder(case.call, namespace)
            args, kwargs = make()
        except Exception:
            continue
        yield case.function, args, kwargs


def record_calls(program: Program, inputs: Inputs, namespace: dict[str, Any]) -> None:
    """Run the representative calls in the reference interpreter; add the instances they want.

    A function that none of them reached is called by evidence, or else gets one instance by it. One
    that was reached is not: a guess would be counted beside what was seen.
    """
    functions = program.module.functions
    bodies = {
        name: Body(source.built.function, _function(source, namespace))
        for name, source in functions.items()
        if source.built.function is not None
    }
    headers = {
        name: functions[name].built.headers for name in bodies if not functions[name].consumer
    }
    profile = record(bodies, calls_of(inputs, functions, namespace), BUDGET, headers)
    unseen = {n: s for n, s in functions.items() if n not in profile.functions}
    if unseen:
        guessed = record(bodies, _guesses(inputs, unseen, namespace), BUDGET, headers)
        profile.functions |= {n: guessed.functions[n] for n in unseen if n in guessed.functions}
    for name, source in functions.items():
        seen = profile.functions.get(name, FunctionProfile())
        source.recorded = {value: _plain(names) for value, names in seen.values.items()}
        source.elements = {value: _plain(names) for value, names in seen.elements.items()}
        source.inner = {value: _plain(names) for value, names in seen.inner.items()}
        source.iterators = dict(_iterators(seen))
        source.unknown_iterators = frozenset(_unknown_iterators(seen))
        source.callables = dict(_callables(seen))
        source.resumed = frozenset(seen.resumed)
        wanted = _merged([_types(seen, names) for names, _ in seen.signatures.most_common()])
        source.recorded_on = _by_types(seen, wanted)
        if not source.outer:
            _add_roots(program, source, wanted)


def _function(source: SourceFunction, namespace: dict[str, Any]) -> FunctionType:
    """The module's function; for a comprehension one that has its code and any cells."""
    if source.outer:
        cells = tuple(CellType() for _ in source.code.co_freevars)
        return FunctionType(source.code, namespace, closure=cells or None)
    function = resolve(namespace, source.name)
    assert isinstance(function, FunctionType)
    return function


def _plain(names: Iterable[str]) -> frozenset[str]:
    """Recorded classes as inference knows them."""
    return frozenset(map(known_class, names))


def _iterators(seen: FunctionProfile) -> Iterator[tuple[int, Type]]:
    """The values that always were iterators of kinds that loops go over natively."""
    for value, names in seen.values.items():
        types = [from_iterator(name) for name in names]
        found = reduce(join, [type_ or Obj() for type_ in types])
        if not isinstance(found, Obj):
            yield value, found


def _unknown_iterators(seen: FunctionProfile) -> Iterator[int]:
    """The values that were iterators of other kinds at times."""
    for value, names in seen.values.items():
        if any(name.startswith("other:") and name.endswith("iterator") for name in names):
            yield value


def _callables(seen: FunctionProfile) -> Iterator[tuple[int, str]]:
    """The values that always were one function, with its name."""
    for value, names in seen.values.items():
        kind, _, name = next(iter(names)).partition(":")
        if len(names) == 1 and kind in ("function", "builtin"):
            yield value, name


def _types(seen: FunctionProfile, signature: tuple[str, ...]) -> tuple[Type, ...]:
    """Parameter types for recorded classes of arguments.

    Where the calls made ints beyond 128 bits, large arguments stay boxed from the start.
    """
    grows = any("big" in names for names in seen.by_signature[signature].values())
    kinds = ("big" if grows and name == "wide" else name for name in signature)
    return tuple(parameter_type(from_class(known_class(name))) for name in kinds)


def _by_types(
    seen: FunctionProfile, wanted: list[tuple[Type, ...]]
) -> dict[tuple[Type, ...], Recorded]:
    """What was recorded in the calls that each of the wanted instances is for."""
    found: dict[tuple[Type, ...], dict[int, set[str]]] = {}
    for signature, values in seen.by_signature.items():
        types = _types(seen, signature)
        place = next((w for w in wanted if all(map(_within, types, w))), types)
        into = found.setdefault(place, {})
        for value, names in values.items():
            into.setdefault(value, set()).update(names)
    return {types: {v: _plain(names) for v, names in into.items()} for types, into in found.items()}


def _within(a: Type, b: Type) -> bool:
    return a == b or (_alike(a, b, any_width=True) and _larger(a, b) == b)


def _add_roots(program: Program, source: SourceFunction, wanted: list[tuple[Type, ...]]) -> None:
    for types in _merged(wanted) or [evidence(source)]:
        instance = program.add(source.name, types)
        if instance is not None:
            instance.root = True


def _merged(wanted: list[tuple[Type, ...]]) -> list[tuple[Type, ...]]:
    """At most `MAX_INSTANCES` of the wanted types, strings of any length as one.

    When there are too many, those that differ only in the size of ints become one.
    """
    merged: list[tuple[Type, ...]] = []
    for types in wanted:
        for place, other in enumerate(merged):
            if all(
                _alike(a, b, len(wanted) > MAX_INSTANCES) for a, b in zip(types, other, strict=True)
            ):
                merged[place] = tuple(map(_larger, types, other))
                break
        else:
            merged.append(types)
    return merged[:MAX_INSTANCES]


def _alike(a: Type, b: Type, any_width: bool) -> bool:
    return a == b or {a, b} == {CHAR, STR} or (any_width and a in INTS and b in INTS)


def _larger(a: Type, b: Type) -> Type:
    if a in INTS and b in INTS:
        return max((a, b), key=INTS.index)
    return STR if {a, b} == {CHAR, STR} else a
