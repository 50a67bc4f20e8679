"""Which builtins and functions of modules have a native form, and what to write instead of others.

The list is for diagnostics only; `infer.calls` decides call by call. A test keeps them together.
"""

from __future__ import annotations

NATIVE_BUILTINS = frozenset(
    [
        "abs",
        "all",
        "any",
        "bool",
        "bytearray",
        "bytes",
        "chr",
        "dict",
        "divmod",
        "enumerate",
        "float",
        "frozenset",
        "hash",
        "int",
        "len",
        "list",
        "max",
        "min",
        "ord",
        "pow",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "zip",
    ]
)
# Methods with a native form for some class; the class is known only from recorded calls.
_METHODS = """
add append bit_count bit_length capitalize casefold center clear copy count decode difference
discard encode endswith expandtabs extend find format from_bytes get hex index insert
intersection isalnum isalpha isascii isdecimal
isdigit isidentifier islower isnumeric isprintable isspace istitle isupper items join
keys ljust lower lstrip partition pop remove removeprefix removesuffix replace reverse
rfind rindex rjust rpartition rsplit rstrip setdefault sort split splitlines
startswith strip swapcase title to_bytes translate union update upper values zfill
"""
NATIVE_METHODS = frozenset(_METHODS.split())
DYNAMIC_BUILTINS = frozenset({"eval", "exec", "locals"})  # a function that uses one has no IR
# Functions of other modules with a native form, under the names that the modules have for them.
NATIVE_OF_MODULES: dict[str, frozenset[str]] = {
    "cmath": frozenset(
        [
            "acos",
            "acosh",
            "asin",
            "asinh",
            "atan",
            "atanh",
            "cos",
            "cosh",
            "exp",
            "isclose",
            "isfinite",
            "isinf",
            "isnan",
            "log",
            "log10",
            "phase",
            "polar",
            "rect",
            "sin",
            "sinh",
            "sqrt",
            "tan",
            "tanh",
        ]
    ),
    "heapq": frozenset(("heappush", "heappop", "heapreplace", "heappushpop")),
    "bisect": frozenset(("bisect_left", "bisect_right", "insort_left", "insort_right")),
}
ALIASES = {("bisect", "bisect"): "bisect_right", ("bisect", "insort"): "insort_right"}
MATH_OF_ITERABLES = frozenset({"dist"})  # not native

ADVICE: dict[str, str] = {
    "input": "read input in the caller and pass the value",
    "isinstance": "write one function for each class of argument",
    "map": "loop and call the function yourself",
    "open": "read the file in the caller and pass its contents",
    "print": "return the values and print them in the caller, or print after the loop",
}
