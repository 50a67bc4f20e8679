"""Translate support code (see `support/__init__.py`) from its subset of Python to LLVM text.

    def reference_count(o: int) -> int:        define internal i64 @reference_count(i64 %a.o) {
        return i64[o]                     =>     %t1 = inttoptr i64 %o to ptr
                                                 %t2 = load i64, ptr %t1 ...

Every local variable is a stack slot; LLVM turns slots into registers. Statements: assignment, `if`,
`while`, `for … in range(…)`, `break`, `continue`, `return`, calls. A condition made of constants is
decided here, and the branch not taken is not translated, so that a minor's artifact never names a
symbol that the minor does not have.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Set
from types import ModuleType

from pyvorin.backend.layouts import Layout
from pyvorin.backend.text import Text, double

MEMORY = {"i64": "i64", "f64": "double"}
MEMORY |= {f"{sign}{bits}": f"i{bits}" for sign in "iu" for bits in (8, 16, 32)}
ANNOTATIONS = {"int": "i64", "float": "double", "bool": "i64", "None": "void"}
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "slt",
    ast.LtE: "sle",
    ast.Gt: "sgt",
    ast.GtE: "sge",
}
FLOAT_COMPARISONS = {
    "eq": "oeq",
    "ne": "une",
    "slt": "olt",
    "sle": "ole",
    "sgt": "ogt",
    "sge": "oge",
}
PREFIX = "pyv."  # of support functions
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "ashr",
    ast.FloorDiv: "sdiv",  # operands are never negative
    ast.Mod: "srem",
}
# Functions of the process that answer a C int or a double; every other answers a word.
INT_RESULTS = frozenset(
    [
        "PyDict_SetItem",
        "PyDict_SetItemString",
        "PyObject_IsTrue",
        "PyObject_RichCompareBool",
        "PyGC_Disable",
        "PyGC_Enable",
        "PyModule_AddObjectRef",
        "PyObject_SetAttrString",
        "PyObject_SetAttr",
        "PyUnicode_CompareWithASCIIString",
        "strcmp",
        "strncmp",
        "Py_AddPendingCall",
        "Py_GetRecursionLimit",
        "pthread_getattr_np",
        "pthread_attr_getstack",
        "pthread_attr_destroy",
        "PyDict_Next",
        "PyList_Append",
        "PyList_SetSlice",
        "PyList_Insert",
        "PyList_Reverse",
        "PyList_Sort",
        "PyObject_SetItem",
        "PyObject_DelItem",
        "Py_EnterRecursiveCall",
        "memcmp",
        "PyType_IsSubtype",
        "PyErr_ExceptionMatches",
        "PyUnicode_Compare",
        "_PyDict_SetItem_KnownHash",
        "_PyDict_DelItem_KnownHash",
        "PySet_Add",
        "PySet_Discard",
        "PySet_Clear",
        "_PySet_Update",
        "PyUnicode_Contains",
        "PyDict_Update",
        "PyByteArray_Resize",
        "PySequence_Contains",
        "PySequence_SetSlice",
    ]
)
DOUBLE_RESULTS = frozenset(["pow", "fmod", "floor", "ceil", "PyFloat_AsDouble", "PyLong_AsDouble"])


def translate(
    module: ModuleType,
    layout: Layout,
    text: Text,
    hot: bool,
    linkage: str = "hidden",
    names: Set[str] | None = None,
) -> None:
    """Add the functions of a support module to `text`, or only those with these names. LLVM spends
    no time on those of a module that is not `hot`.
    """
    tree = ast.parse(inspect.getsource(module))
    constants = {
        name: value for name, value in vars(module).items() if isinstance(value, int | float)
    }
    scope: dict[str, object] = {**constants, "layout": layout}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and (names is None or node.name in names):
            text.define(_Function(node, scope, text).translate(hot, linkage))


class DialectError(Exception):
    """Support code uses something that is not in the subset."""


class _Function:
    """One function's translation: the text so far, and the names of values and blocks."""

    def __init__(self, node: ast.FunctionDef, scope: Mapping[str, object], text: Text) -> None:
        self.node = node
        self.scope = scope
        self.text = text
        self.slots: dict[str, str] = {}  # local variable -> its type
        self.head: list[str] = []
        self.body: list[str] = []
        self.count = 0
        self.loops: list[tuple[str, str]] = []  # (continue, break) labels
        self.done = False  # the current block has its terminator
        self.result = ANNOTATIONS[ast.unparse(node.returns) if node.returns else "None"]

    def translate(self, hot: bool, linkage: str) -> str:
        """The definition."""
        parameters = []
        for argument in self.node.args.args:
            kind = ANNOTATIONS[ast.unparse(argument.annotation)] if argument.annotation else "i64"
            parameters.append(f"{kind} %a.{argument.arg}")
            self.slot(argument.arg, kind)
            self.line(f"store {kind} %a.{argument.arg}, ptr %v.{argument.arg}")
        self.statements(self.node.body)
        if not self.done:
            self.line("ret void" if self.result == "void" else "unreachable")
        marks = {ast.unparse(mark) for mark in self.node.decorator_list}
        attributes = "alwaysinline" if "inline" in marks else "" if hot else "noinline optnone"
        if hot and "apart" in marks:
            attributes = "noinline"
        if hot and "cold" in marks:
            attributes = "cold noinline minsize optsize"
        signature = f"{self.result} @{PREFIX}{self.node.name}({', '.join(parameters)})"
        lines = ["entry:", *self.head, *self.body]
        return (
            f"define {linkage} {signature} nounwind {attributes} {{\n" + "\n".join(lines) + "\n}\n"
        )

    # ---- text ----

    def line(self, text: str) -> None:
        if not self.done:
            self.body.append("  " + text)

    def value(self, text: str) -> str:
        self.count += 1
        self.line(f"%t{self.count} = {text}")
        return f"%t{self.count}"

    def label(self, hint: str) -> str:
        self.count += 1
        return f"{hint}{self.count}"

    def start(self, label: str) -> None:
        self.done = False
        self.body.append(f"{label}:")

    def jump(self, label: str) -> None:
        self.line(f"br label %{label}")
        self.done = True

    def slot(self, name: str, kind: str) -> None:
        if name not in self.slots:
            self.slots[name] = kind
            self.head.append(f"  %v.{name} = alloca {kind}")
        if self.slots[name] != kind:
            raise DialectError(f"{self.node.name}: `{name}` is {self.slots[name]} and {kind}")

    # ---- statements ----

    def statements(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if not self.done:
                self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, result in zip(targets, [*map(self.expression, values)], strict=True):
                    self.assign(target, *result)
            case ast.Assign(targets=[target], value=value):
                self.assign(target, *self.expression(value))
            case ast.AugAssign(target=target, op=op, value=value):
                read = ast.parse(ast.unparse(target), mode="eval").body
                self.assign(target, *self.expression(ast.BinOp(read, op, value)))
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.Expr(value=value):
                self.expression(value)
            case ast.Return(value=value):
                self.give(value)
            case ast.If():
                self.choose(node)
            case ast.While():
                self.loop(node)
            case ast.For():
                self.count_up(node)
            case ast.Break():
                self.jump(self.loops[-1][1])
            case ast.Continue():
                self.jump(self.loops[-1][0])
            case _:
                raise DialectError(f"{self.node.name}: {ast.unparse(node)}")

    def assign(self, target: ast.expr, kind: str, value: str) -> None:
        if isinstance(target, ast.Name):
            self.slot(target.id, kind)
            self.line(f"store {kind} {value}, ptr %v.{target.id}")
            return
        width, address = self.memory(target)
        if width not in ("i64", "double"):
            value = self.value(f"trunc i64 {value} to {width}")
        self.line(f"store {width} {value}, ptr {address}")

    def give(self, value: ast.expr | None) -> None:
        if value is None:
            self.line("ret void")
        else:
            kind, result = self.expression(value)
            self.line(f"ret {kind} {result}")
        self.done = True

    def choose(self, node: ast.If) -> None:
        known = self.constant(node.test)
        if known is not None:
            self.statements(node.body if known else node.orelse)
            return
        yes, no, end = self.label("then"), self.label("else"), self.label("end")
        self.branch(node.test, yes, no)
        self.start(yes)
        self.statements(node.body)
        self.jump(end)
        self.start(no)
        self.statements(node.orelse)
        self.jump(end)
        self.start(end)

    def loop(self, node: ast.While) -> None:
        test, body, end = self.label("test"), self.label("body"), self.label("end")
        self.jump(test)
        self.start(test)
        self.branch(node.test, body, end)
        self.start(body)
        self.loops.append((test, end))
        self.statements(node.body)
        self.loops.pop()
        self.jump(test)
        self.start(end)

    def count_up(self, node: ast.For) -> None:
        """`for i in range(…)`; the limit is computed once."""
        assert isinstance(node.iter, ast.Call)
        assert isinstance(node.target, ast.Name)
        *first, limit = (self.expression(bound)[1] for bound in node.iter.args)
        self.assign(node.target, "i64", first[0] if first else "0")
        test, body, step, end = (self.label(hint) for hint in ("test", "body", "step", "end"))
        self.jump(test)
        self.start(test)
        at = self.value(f"load i64, ptr %v.{node.target.id}")
        more = self.value(f"icmp slt i64 {at}, {limit}")
        self.line(f"br i1 {more}, label %{body}, label %{end}")
        self.start(body)
        self.loops.append((step, end))
        self.statements(node.body)
        self.loops.pop()
        self.jump(step)
        self.start(step)
        at = self.value(f"load i64, ptr %v.{node.target.id}")
        self.assign(node.target, "i64", self.value(f"add i64 {at}, 1"))
        self.jump(test)
        self.start(end)

    # ---- expressions: (type, operand) ----

    def constant(self, node: ast.expr) -> int | float | None:
        """The value of an expression made of constants and layout numbers, else None."""
        if isinstance(node, ast.BoolOp):
            known = [self.constant(part) for part in node.values]
            for value in known:
                if value is not None and bool(value) == isinstance(node.op, ast.Or):
                    return int(bool(value))
        for part in ast.walk(node):
            if isinstance(part, ast.Call | ast.Subscript):
                return None
            if isinstance(part, ast.Name) and (part.id not in self.scope or part.id in self.slots):
                return None
        value = eval(compile(ast.Expression(node), "<support>", "eval"), dict(self.scope))
        return value if isinstance(value, int | float) else None

    def expression(self, node: ast.expr) -> tuple[str, str]:
        known = self.constant(node)
        if isinstance(known, float):
            return "double", double(known)
        if known is not None:
            return "i64", str(int(known))
        match node:
            case ast.Constant(value=str(value)):
                return "i64", f"ptrtoint (ptr {self.text.string(value)} to i64)"
            case ast.Name(id=name) if name in self.slots:
                return self.slots[name], self.value(f"load {self.slots[name]}, ptr %v.{name}")
            case ast.Name(id=name):  # the address of a support function
                return "i64", f"ptrtoint (ptr @{PREFIX}{name} to i64)"
            case ast.Attribute(value=ast.Name(id="c"), attr=name):
                self.text.external(name)
                return "i64", f"ptrtoint (ptr @{name} to i64)"
            case ast.Attribute(value=ast.Name(id="data"), attr=name):
                self.text.word(f"data.{name}")
                return "i64", f"ptrtoint (ptr @data.{name} to i64)"
            case ast.Subscript():
                return self.load(node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                kind, value = self.expression(operand)
                return kind, self.value(
                    f"fneg double {value}" if kind == "double" else f"sub i64 0, {value}"
                )
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return "i64", self.value(f"xor i64 {self.expression(operand)[1]}, -1")
            case ast.BinOp(left=left, op=op, right=right):
                return self.arithmetic(left, op, right)
            case ast.Call(func=ast.Name(id="below")):
                return "i64", self.value(f"zext i1 {self.condition(node)} to i64")
            case ast.Call():
                return self.call(node)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                return "i64", self.value(f"zext i1 {self.condition(node)} to i64")
        raise DialectError(f"{self.node.name}: {ast.unparse(node)}")

    def memory(self, node: ast.expr) -> tuple[str, str]:
        """The width and the address of `i64[p]`."""
        assert isinstance(node, ast.Subscript), ast.unparse(node)
        assert isinstance(node.value, ast.Name)
        address = self.expression(node.slice)[1]
        return MEMORY[node.value.id], self.value(f"inttoptr i64 {address} to ptr")

    def load(self, node: ast.Subscript) -> tuple[str, str]:
        width, address = self.memory(node)
        value = self.value(f"load {width}, ptr {address}")
        if width in ("i64", "double"):
            return width, value
        assert isinstance(node.value, ast.Name)
        extend = "sext" if node.value.id.startswith("i") else "zext"
        return "i64", self.value(f"{extend} {width} {value} to i64")

    def arithmetic(self, left: ast.expr, op: ast.operator, right: ast.expr) -> tuple[str, str]:
        kind, a = self.expression(left)
        other, b = self.expression(right)
        if kind != other:
            raise DialectError(f"{self.node.name}: {ast.unparse(left)} and {ast.unparse(right)}")
        if kind == "double":
            name = {"Add": "fadd", "Sub": "fsub", "Mult": "fmul", "Div": "fdiv"}[type(op).__name__]
            return kind, self.value(f"{name} double {a}, {b}")
        return kind, self.value(f"{ARITHMETIC[type(op)]} i64 {a}, {b}")

    def call(self, node: ast.Call) -> tuple[str, str]:
        if isinstance(node.func, ast.Name) and node.func.id == "room":
            size = self.constant(node.args[0])
            self.count += 1
            self.head.append(f"  %r{self.count} = alloca [{size} x i8], align 16")
            return "i64", self.value(f"ptrtoint ptr %r{self.count} to i64")
        arguments = [self.expression(argument) for argument in node.args]
        listed = ", ".join(f"{kind} {value}" for kind, value in arguments)
        match node.func:
            case ast.Name(id="call"):
                target = self.value(f"inttoptr i64 {arguments[0][1]} to ptr")
                listed = ", ".join(f"{kind} {value}" for kind, value in arguments[1:])
                return "i64", self.value(f"call i64 {target}({listed})")
            case ast.Name(id="text" | "address"):
                return arguments[0]
            case ast.Name(id="cycles"):
                self.text.declare("llvm.readcyclecounter", "i64", [])
                return "i64", self.value("call i64 @llvm.readcyclecounter()")
            case ast.Name(id="copysign" | "fabs" as name):
                self.text.declare(f"llvm.{name}.f64", "double", [kind for kind, _ in arguments])
                return "double", self.value(f"call double @llvm.{name}.f64({listed})")
            case ast.Attribute(value=ast.Name(id="c"), attr=name):
                return self.external(name, arguments, listed)
            case ast.Name(id=name):
                result = self.text.results[name]
                if result == "void":
                    self.line(f"call void @{PREFIX}{name}({listed})")
                    return "void", ""
                return result, self.value(f"call {result} @{PREFIX}{name}({listed})")
        raise DialectError(f"{self.node.name}: {ast.unparse(node)}")

    def external(self, name: str, arguments: list[tuple[str, str]], listed: str) -> tuple[str, str]:
        kinds = [kind for kind, _ in arguments]
        if name in DOUBLE_RESULTS:
            self.text.declare(name, "double", kinds)
            return "double", self.value(f"call double @{name}({listed})")
        result = "i32" if name in INT_RESULTS else "i64"
        self.text.declare(name, result, kinds)
        value = self.value(f"call {result} @{name}({listed})")
        return "i64", self.value(f"sext i32 {value} to i64") if result == "i32" else value

    # ---- conditions ----

    def condition(self, node: ast.expr) -> str:
        """An i1, without short circuits."""
        match node:
            case ast.Compare(left=left, ops=[ast.In()], comparators=[ast.Tuple(elts=choices)]):
                tests = [ast.Compare(left, [ast.Eq()], [choice]) for choice in choices]
                return self.merged(ast.BoolOp(ast.Or(), [*tests]))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                kind, a = self.expression(left)
                _, b = self.expression(right)
                name = "eq" if isinstance(op, ast.Is) else COMPARISONS[type(op)]
                if kind == "double":
                    return self.value(f"fcmp {FLOAT_COMPARISONS[name]} double {a}, {b}")
                return self.value(f"icmp {name} i64 {a}, {b}")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.value(f"xor i1 {self.condition(operand)}, true")
            case ast.Call(func=ast.Name(id="below"), args=[left, right]):
                a, b = self.expression(left)[1], self.expression(right)[1]
                return self.value(f"icmp ult i64 {a}, {b}")
            case ast.BoolOp():
                return self.merged(node)
            case _:
                return self.value(f"icmp ne i64 {self.expression(node)[1]}, 0")

    def merged(self, node: ast.BoolOp) -> str:
        yes, no, end = self.label("yes"), self.label("no"), self.label("end")
        self.branch(node, yes, no)
        self.start(yes)
        self.jump(end)
        self.start(no)
        self.jump(end)
        self.start(end)
        return self.value(f"phi i1 [ true, %{yes} ], [ false, %{no} ]")

    def branch(self, node: ast.expr, yes: str, no: str) -> None:
        """Go to one of two labels, with short circuits."""
        known = self.constant(node)
        if known is not None:
            self.jump(yes if known else no)
            return
        match node:
            case ast.BoolOp(op=op, values=values):
                for part in values[:-1]:
                    further = self.label("next")
                    if isinstance(op, ast.And):
                        self.branch(part, further, no)
                    else:
                        self.branch(part, yes, further)
                    self.start(further)
                self.branch(values[-1], yes, no)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.branch(operand, no, yes)
            case _:
                self.line(f"br i1 {self.condition(node)}, label %{yes}, label %{no}")
                self.done = True


def functions(module: ModuleType) -> Iterator[tuple[str, str]]:
    """The names of a support module's functions and what they answer (an LLVM type)."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, ANNOTATIONS[ast.unparse(node.returns) if node.returns else "None"]


def declarations(module: ModuleType, without: Set[str]) -> Iterator[str]:
    """The lines that declare a support module's functions for code that is compiled apart."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef) and node.name not in without:
            kinds = [
                ANNOTATIONS[ast.unparse(a.annotation)] if a.annotation else "i64"
                for a in node.args.args
            ]
            result = ANNOTATIONS[ast.unparse(node.returns) if node.returns else "None"]
            marks = {ast.unparse(mark) for mark in node.decorator_list}
            facts = " nounwind willreturn memory(read)" if "reads" in marks else ""
            yield f"declare hidden {result} @{PREFIX}{node.name}({', '.join(kinds)}){facts}"
