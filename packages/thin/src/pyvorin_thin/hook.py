"""Make `import` attach native code: a finder that changes only modules which have an artifact.

    import pyvorin_thin
    pyvorin_thin.install()

The `.py` file stays authoritative: the normal loader finds it, compiles it and owns it; only the
code it hands over to be run, to an import or to `runpy`, has attachments in it. Modules without an
artifact are never touched, and nothing is ever built during an import. If a module has one, and
another loader than Python's own for source brings it in, a line on stderr says so: what that runs
may be other code.

PYVORIN = on (default) | off (do nothing) | require (a required module without a usable artifact is
an ImportError). Required are the modules given to `install(require=…)` and those named in
PYVORIN_REQUIRE (comma separated); with neither, every module that has an artifact.

This module is what a program imports first, so it imports almost nothing; verification is imported
with the first artifact.
"""

import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType, FunctionType, ModuleType
    from typing import Any, TypeVar

    F = TypeVar("F", bound="Callable[..., Any]")

MODES = ("on", "off", "require")


def mode() -> str:
    """The value of PYVORIN. Raises ImportError for a value that is none of MODES, so that a typing
    error is not silence."""
    value = os.environ.get("PYVORIN", "on").strip().lower() or "on"
    if value not in MODES:
        raise ImportError(f"PYVORIN={value}: expected one of {', '.join(MODES)}")
    return value


def install(require: "Iterable[str]" = ()) -> bool:
    """Add the import hook (once); False if PYVORIN=off or `pyvorin-thin off`.

    Modules imported before stay as they are.
    """
    if mode() == "off" or is_off():
        return False
    for finder in sys.meta_path:
        if isinstance(finder, NativeFinder):
            finder.required |= set(require)
            return True
    sys.meta_path.insert(0, NativeFinder({*require, *named()}))
    return True


def named() -> "set[str]":
    """The modules that PYVORIN_REQUIRE names."""
    return set(os.environ.get("PYVORIN_REQUIRE", "").replace(",", " ").split())


def uninstall() -> None:
    """Remove the import hook; attached functions stay attached."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, NativeFinder)]


class NativeFinder:
    """Finds what the other finders find, and exchanges the loader of source modules that have an
    artifact."""

    def __init__(self, required: "set[str]") -> None:
        self.required = required
        self.said: set[str] = set()

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        must = self.must_be_native(name)
        if not must and not has_index(name):
            return None
        spec = self._found_by_others(name, path, target)
        if spec is None:
            return None
        if type(spec.loader) is SourceFileLoader:
            spec.loader = NativeLoader(spec.loader.name, spec.loader.path, must)
        elif must or name not in self.said:
            self.said.add(name)
            _loaded_otherwise(name, spec.loader, must)
        return spec

    def must_be_native(self, name: str) -> bool:
        if mode() != "require":
            return False
        return name in self.required if self.required else has_index(name)

    def _found_by_others(
        self, name: str, path: "Sequence[str] | None", target: "ModuleType | None"
    ) -> "ModuleSpec | None":
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None


def _loaded_otherwise(name: str, found: object, required: bool) -> None:
    """Say that a module comes from a loader whose code is not the one that was compiled."""
    from pyvorin_thin import events

    kind = getattr(found, "__name__", type(found).__name__) if found else "a namespace package"
    text = f"PYV863: {name}: it comes from {kind}, not from Python's loader for source"
    if required:
        raise ImportError(text, name=name)
    print(f"pyvorin: {text}; artifact NOT loaded", file=sys.stderr)
    events.record("refused", module=name, code="PYV863")


class NativeLoader(SourceFileLoader):
    """Hands over a module's own code with attachments in it. Everything else is the source
    loader's."""

    def __init__(self, fullname: str, path: str, required: bool) -> None:
        super().__init__(fullname, path)
        self.required = required

    def get_code(self, fullname: str) -> "CodeType | None":
        code = super().get_code(fullname)
        if code is None:
            return None
        natives = open_natives(fullname, self.required)
        return _instrumented(code, natives, self) if natives else code


def open_natives(module: str, required: bool, *, once: bool = False) -> "list[Any]":
    """`loader.open_module`, with refusals of required modules turned into ImportError."""
    from pyvorin_thin import loader
    from pyvorin_thin.errors import ThinError

    try:
        return (loader.opened if once else loader.open_module)(module, required=required)
    except ThinError as error:
        raise ImportError(f"{error.code}: {module}: {error.message}", name=module) from error


def _instrumented(code: "CodeType", natives: "list[Any]", found: NativeLoader) -> "CodeType":
    from pyvorin_thin import loader
    from pyvorin_thin.errors import ThinError

    try:
        return loader.instrumented(code, natives, required=found.required)
    except ThinError as error:
        raise ImportError(
            f"{error.code}: {found.name}: {error.message}", name=found.name
        ) from error


def compiled(function: "F") -> "F":
    """Decorator: attach native code to this function now if there is some; otherwise return it as
    it is.

    For modules that the import hook does not load, such as a script. Under PYVORIN=require a
    missing or refused artifact is an ImportError.
    """
    required = mode()
    if required == "off" or is_off() or not hasattr(function, "__code__"):
        return function
    if "__pyvorin__" not in function.__dict__:
        _attach_now(function, required == "require")  # type: ignore[arg-type]  # it has a __code__
    return function


def _attach_now(function: "FunctionType", required: bool) -> None:
    name = _module_name(function)
    if not required and not has_index(name):
        from pyvorin_thin.state import NotNative

        function.__dict__["__pyvorin__"] = NotNative("no artifact for it")
        return
    natives = open_natives(name, required, once=True)
    from pyvorin_thin import loader

    if not loader.attach(function, natives) and required:
        reason = function.__dict__["__pyvorin__"].reason
        raise ImportError(f"PYV860: {name}.{function.__qualname__}: {reason}", name=name)


def _module_name(function: "FunctionType") -> str:
    """The name under which the function's module was compiled: a script's is its file's."""
    if function.__module__ != "__main__":
        return function.__module__
    return os.path.basename(function.__code__.co_filename).removesuffix(".py")


def is_off() -> bool:
    """Whether `pyvorin-thin off` was said on this machine. PYVORIN=require still requires."""
    return mode() != "require" and os.path.exists(off_switch())


def off_switch() -> str:
    """The file whose existence says so."""
    home = os.environ.get("PYVORIN_THIN_HOME")
    if home:
        return os.path.join(home, "config", "native-off")
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "pyvorin", "native-off")


def has_index(module: str) -> bool:
    """Whether there is an artifact for a module, in the home that the environment names now."""
    return os.path.exists(os.path.join(cache_folder(), "modules", f"{module}.json"))


def cache_folder() -> str:
    """The same folder as `paths.cache()`, without importing it."""
    home = os.environ.get("PYVORIN_THIN_HOME")
    if home:
        return os.path.join(home, "cache")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "pyvorin")
