"""Put native code on a live Python function, take it off again, and say what became of it.

An extension module `M` made by the compiler offers ``M.META`` (canonical JSON: for each function
its code digest, resume points and loop headers), ``M.unbound`` and ``M.native``, one tuple each::

    (entry, (osr_0, …), take, bind, unbind, stats)

The first three are the hooks `merge` describes. `attach` makes merged code from the function's
*own* live code, so positions, names, constants and closures stay what they are; only ``__code__``
changes. Then ``bind(function)`` lets native code look at the function; it raises RuntimeError to
refuse.

The function remains the same object: signature, defaults, closure, docstring, pickling by name,
decorators that came before and after. ``function.__pyvorin__`` is its `State`.

Attaching is refused, with a reason and never silently, when the function is not what was compiled
or this interpreter is not one the native code was made for.
"""

from __future__ import annotations

import copyreg
import os
import sys
from _json import make_scanner  # type: ignore[import-not-found,unused-ignore]
from _weakref import ref

from .codehash import code_digest
from .instrument import instrument
from .merge import CannotMerge, Gate, Hooks, LoopHeader, ResumePoint, merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType
    from typing import Any

__all__ = ["State", "attach", "attaching", "detach", "instrument", "report", "unsupported"]

NATIVE, PYTHON, DETACHED = "native", "python", "detached"
_GENERATOR = 0x20  # a code object's flag


class State:
    """What became of one function: ``function.__pyvorin__``.

    `state`: "native" while attached, "python" if refused, "detached" afterwards.
    `reason`: why it is not native, else "".
    `gates`: one for each loop header, a false one closes the way back into native code there. The
    hook itself, which opens and closes by its own budget, or else a `Gate`.
    """

    __slots__ = (
        *("__weakref__", "_function", "_native", "_nested"),
        *("gates", "original", "reason", "state"),
    )

    def __init__(self, function: FunctionType, native: tuple[Any, ...]) -> None:
        self._function = ref(function, self._function_died)
        self._native = native
        self._nested: list[Nested] = []
        self.original: CodeType = function.__code__
        self.gates: tuple[Any, ...] = ()
        self.state = PYTHON
        self.reason = ""

    def __repr__(self) -> str:
        return f"<pyvorin {self.state}{': ' if self.reason else ''}{self.reason}>"

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Travel as text when a function is pickled by value: another process has no such code."""
        return str, (repr(self),)

    @property
    def counts(self) -> dict[str, Any]:
        """The native code's own counters, now: entries, resumes, osr, declines, sites."""
        counts: dict[str, Any] = self._native[5]()
        return counts

    @property
    def function(self) -> FunctionType | None:
        """The function, while it lives."""
        return self._function()

    def unbind(self, state: str, reason: str) -> None:
        """Let native code forget the function, which goes on in its original bytecode."""
        function = self._function()
        if self.state == NATIVE:
            for native in (self._native, *(each.native for each in self._nested)):
                native[4]()
            if function is not None:
                function.__code__ = self.original
        self.state, self.reason = state, reason

    def _function_died(self, _: object) -> None:
        self.unbind(DETACHED, "the function no longer exists")


_states: dict[tuple[object, int], State] = {}
"""By extension module and index: there is one native code for each, so one attached function."""

_facts: dict[object, tuple[str, list[dict[str, Any]]]] = {}
"""What `_facts_of` says of each extension module."""


def attach(function: FunctionType, M: Any, index: int) -> str | None:
    """Attach ``M.native[index]`` to `function`; return None, or the reason why not.

    A function that had this native code before, the module having been executed again, loses it.
    """
    current = _state_of(function)
    if current is not None and current.state == NATIVE:
        return "it is attached already"
    state = State(function, M.native[index])
    state.reason = _refusal(function, M, index) or _set_code(function, state, M, index)
    function.__dict__["__pyvorin__"] = state
    if state.state == NATIVE or _states.get((M, index), state).state != NATIVE:
        _states[M, index] = state
    return state.reason or None


def detach(function: FunctionType) -> None:
    """Give `function` its own code back, for good; calls in progress finish as they are."""
    if (state := _state_of(function)) is not None:
        state.unbind(DETACHED, "detached on request")


def _state_of(function: FunctionType) -> State | None:
    # functools.wraps copies the attributes of the function it wraps, this one too.
    state = function.__dict__.get("__pyvorin__")
    return state if isinstance(state, State) and state._function() is function else None


def attaching(code: CodeType, M: Any) -> CodeType:
    """Return module code that attaches `M`'s native code to each of its functions as it is made."""
    reason, facts = _facts_of(M)
    if reason:
        return code
    indices: dict[str, dict[str, int]] = {}
    for index, fact in enumerate(facts):
        if "outer" not in fact:
            indices.setdefault(fact["qualname"], {})[fact["code_sha256"]] = index

    def on_function(function: FunctionType) -> None:
        known = indices[function.__qualname__]
        # With another bytecode it is refused, which leaves the reason on the function.
        index = known.get(code_digest(function.__code__), next(iter(known.values())))
        attach(function, M, index)

    return instrument(code, on_function, indices)


def report() -> list[dict[str, Any]]:
    """Say of every function that was handed to `attach` in this process what became of it."""
    return [
        {
            "artifact": getattr(extension, "__name__", ""),
            "function": state.original.co_qualname,
            "line": state.original.co_firstlineno,
            "state": state.state,
            "reason": state.reason,
            "counts": state.counts,
        }
        for (extension, _), state in _states.items()
    ]


# -- refusing --------------------------------------------------------------------------------------


def unsupported(python: str) -> str:
    """Say why native code for `python` ("3.12") cannot be used here; "" if it can."""
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.implementation.name != "cpython":
        return f"it was made for CPython, this is {sys.implementation.name}"
    if python != running:
        return f"it was made for Python {python}, this is {running}"
    if "t" in sys.abiflags:
        return "free-threaded builds of CPython are not supported"
    if "d" in sys.abiflags or hasattr(sys, "gettotalrefcount"):
        return "debug builds of CPython are not supported"
    if not _in_main_interpreter():
        return "subinterpreters are not supported"
    return ""


def _in_main_interpreter() -> bool:
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found,no-redef,unused-ignore]
        except ImportError:
            return True  # built without them
    return bool(interpreters.get_current() == interpreters.get_main())


def _refusal(function: FunctionType, M: Any, index: int) -> str:
    if os.environ.get("PYVORIN", "").strip().lower() == "off":
        return "PYVORIN=off"
    reason, facts = _facts_of(M)
    if reason:
        return reason
    if code_digest(function.__code__) != facts[index]["code_sha256"]:
        return "its bytecode is not the one that was compiled"
    return ""


def _facts_of(M: Any) -> tuple[str, list[dict[str, Any]]]:
    """The functions in META, or why this interpreter cannot have their native code."""
    if M not in _facts:
        meta = _parse(M.META.decode("utf-8"))
        _facts[M] = unsupported(meta["python"]), meta["functions"]
    return _facts[M]


def _parse(text: str) -> Any:
    """Parse JSON with the scanner of `json`, whose import would take longer than all of this."""
    scan: Any = make_scanner
    value, _ = scan(_Json())(text, 0)
    return value


class _Json:
    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float, parse_int = float, int


# -- attaching -------------------------------------------------------------------------------------


def _set_code(function: FunctionType, state: State, M: Any, index: int) -> str:
    """Merge, set the code, bind; on refusal leave the function as it was and say why."""
    nested: list[Nested] = []
    try:
        merged, state.gates = _merged(state.original, M, index, nested)
    except CannotMerge as refusal:
        return str(refusal)
    if (M, index) in _states:
        _states[M, index].unbind(DETACHED, "another function took its native code")
    function.__code__ = merged
    try:
        for each in nested:
            each.bind(function)
        M.native[index][3](function)
    except RuntimeError as refusal:
        function.__code__ = state.original
        return str(refusal)
    copyreg.pickle(type(M.native[index][0]), _without_native_code)
    state._nested = nested
    state.state = NATIVE
    return ""


class Nested:
    """A comprehension that is a function of its own (3.11), or a generator expression that is
    consumed in place: its native code and merged code. Generators run the latter only to resume.

    `template` stands for the functions that are made of it, each with cells of its own.
    """

    __slots__ = ("code", "native", "template")

    def __init__(self, native: tuple[Any, ...], code: CodeType) -> None:
        self.native = native
        self.code = code
        self.template: FunctionType | None = None

    def bind(self, outer: FunctionType) -> None:
        """Let its native code look at a function with its code and the globals of `outer`."""
        cells = tuple(_Cell() for _ in self.code.co_freevars)
        self.template = _Function(self.code, outer.__globals__, closure=cells or None)
        self.native[3](self.template)


_Function: Any = type(attach)
_Cell: Any = type((lambda x: lambda: x)(0).__closure__[0])  # type: ignore[index,unused-ignore]


def _merged(
    code: CodeType, M: Any, index: int, nested: list[Nested]
) -> tuple[CodeType, tuple[Any, ...]]:
    """Merged code whose constants have the merged code of its comprehensions, and its gates."""
    facts = _facts_of(M)[1]
    entry, osr, take = M.native[index][:3]
    points = [ResumePoint(*point) for point in facts[index]["points"]]
    headers = [LoopHeader(*header) for header in facts[index]["headers"]]
    gates = tuple(hook if hasattr(hook, "__bool__") else Gate() for hook in osr)
    merged = merge(code, points, headers, Hooks(entry, osr, take, M.unbound, gates))
    constants = list(merged.co_consts)
    for number, fact in enumerate(facts):
        if fact.get("outer") == index:
            inner: Any = constants[fact["const"]]
            if code_digest(inner) != fact["code_sha256"]:
                raise CannotMerge("a comprehension's bytecode is not the one that was compiled")
            inner, _ = _merged(inner, M, number, nested)
            nested.append(Nested(M.native[number], inner))
            if not inner.co_flags & _GENERATOR:
                constants[fact["const"]] = inner
    return merged.replace(co_consts=tuple(constants)) if nested else merged, gates


def _without_native_code(_: object) -> tuple[Any, ...]:
    # Pickled by value (cloudpickle), merged code travels to where no native code is: every hook
    # becomes an iterator that ends at once, and the function runs its own bytecode.
    return iter, ((),)
