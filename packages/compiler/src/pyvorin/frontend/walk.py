"""The findings of one function, by a walk over its syntax tree."""

from __future__ import annotations

import ast
import math

from pyvorin_wire.diagnostic import Diagnostic, Severity, Suggestion

from pyvorin.diagnostics import CODES
from pyvorin.frontend.native import (
    ADVICE,
    ALIASES,
    DYNAMIC_BUILTINS,
    MATH_OF_ITERABLES,
    NATIVE_BUILTINS,
    NATIVE_METHODS,
    NATIVE_OF_MODULES,
)
from pyvorin.frontend.page import Page
from pyvorin.frontend.scope import FunctionNode, ModuleNames, local_names
from pyvorin.ir.consumer import CONSUMERS


class FunctionFindings(ast.NodeVisitor):
    """Walks one function of the module."""

    def __init__(self, function: FunctionNode, names: ModuleNames, page: Page) -> None:
        self.function = function
        self.names = names
        self.page = page
        self.locals = local_names(function)
        self.found: list[Diagnostic] = []
        self.loops = 0
        self.leaving = 0  # inside a part that the interpreter does anyhow: only errors count
        self.yields = False

    def run(self) -> list[Diagnostic]:
        """The findings of the function, in the order of the walk."""
        function = self.function
        if isinstance(function, ast.AsyncFunctionDef):
            message = f"`async def {function.name}` cannot be compiled"
            self._find("PYV111", function, message, "move what computes to an ordinary function")
        for star, kind in ((function.args.vararg, "*"), (function.args.kwarg, "**")):
            if star is not None:
                message = f"parameter `{kind}{star.arg}` takes any number of arguments"
                self._find("PYV119", star, message, "name the parameters")
        for decorator in function.decorator_list:
            message = f"`{function.name}` is compiled only if its decorator returns it unchanged"
            self._find("PYV135", decorator, message, "decorate a second name: `g = decorator(f)`")
        for statement in function.body:
            self.visit(statement)
        return self.found

    def _find(
        self,
        code: str,
        node: ast.AST,
        message: str,
        help: str,
        suggestion: Suggestion | None = None,
    ) -> None:
        severity = CODES[code].severity
        if self.leaving and severity is not Severity.ERROR:
            return
        name, result, notes = self.function.name, "", ()
        if severity is Severity.ERROR:
            result = f"`{name}` is not compiled"
        elif severity is Severity.WARNING:
            result = "left to the interpreter; native code goes on at the next pass of a loop"
            if self.loops:
                result = "left to the interpreter on each pass of the loop"
        self.found.append(
            self.page.finding(
                code,
                self.page.span(node, first_line=isinstance(node, ast.stmt | ast.ExceptHandler)),
                message,
                function=name,
                result=result,
                notes=notes,
                help=(help,),
                suggestions=(suggestion,) if suggestion else (),
            )
        )

    # ---- statements ----
    def visit_For(self, node: ast.For) -> None:
        if not _is_constant_display(node.iter):
            self.visit(node.iter)
        self.visit(node.target)
        self._loop(node)

    def visit_While(self, node: ast.While) -> None:
        self.loops += 1
        self.visit(node.test)
        self.loops -= 1
        self._loop(node)

    def _loop(self, node: ast.For | ast.While) -> None:
        self.loops += 1
        for statement in node.body:
            self.visit(statement)
        self.loops -= 1
        for statement in node.orelse:
            self.visit(statement)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._without_warnings(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        self.visit(node.test)
        if node.msg is not None:
            self._without_warnings(node.msg)

    def _without_warnings(self, node: ast.AST) -> None:
        self.leaving += 1
        self.generic_visit(node)
        self.leaving -= 1

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_Try(self, node: ast.Try) -> None:
        self._try(node)

    def visit_TryStar(self, node: ast.AST) -> None:
        self._try(node)

    def _try(self, node: ast.AST) -> None:
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        message = "what this `except` does is left to the interpreter"
        self._find("PYV115", node, message, "where it is raised often, test before instead")
        self.leaving += 1
        for statement in node.body:
            self.visit(statement)
        self.leaving -= 1

    def visit_With(self, node: ast.With) -> None:
        message = "entering and leaving this `with` is left to the interpreter"
        self._find("PYV116", node, message, "in a hot loop, enter the context around the loop")
        for item in node.items:
            self._without_warnings(item)
        for statement in node.body:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._nested(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._nested(node)

    def _nested(self, node: FunctionNode) -> None:
        message = f"`{node.name}` is made anew in each call of `{self.function.name}`"
        self._find("PYV113", node, message, "define it at module level and pass what it uses")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        message = f"class `{node.name}` is made anew in each call of `{self.function.name}`"
        self._find("PYV114", node, message, "define it at module level")

    def visit_Global(self, node: ast.Global) -> None:
        names = ", ".join(f"`{name}`" for name in node.names)
        message = f"assigning to module variable {names} is left to the interpreter"
        self._find("PYV121", node, message, "pass the value in and return the new one")

    def visit_Import(self, node: ast.Import) -> None:
        self._import(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._import(node)

    def _import(self, node: ast.stmt) -> None:
        message = "`import` inside a function is left to the interpreter"
        self._find("PYV126", node, message, "import at the top of the module")

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                message = f"`del {ast.unparse(target)}` is left to the interpreter"
                self._find("PYV123", target, message, "store None instead")
            else:
                self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._matrix(node, node.op)
        self.generic_visit(node)

    # ---- patterns ----
    def _pattern(self, node: ast.pattern) -> None:
        message = "this pattern looks into an object, and is left to the interpreter"
        self._find("PYV134", node, message, "compare values with `if` and `==`")

    def visit_MatchSequence(self, node: ast.MatchSequence) -> None:
        self._pattern(node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._pattern(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        self._pattern(node)

    # ---- scopes in expressions ----
    def visit_Lambda(self, node: ast.Lambda) -> None:
        message = "this `lambda` is made, and called, by the interpreter"
        self._find("PYV112", node, message, "define a function at module level")

    def _comprehension(self, node: ast.expr) -> None:
        self.loops += 1
        self.generic_visit(node)
        self.loops -= 1

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        message = "a generator expression is made, and run, by the interpreter"
        help = "give it to sum, min, max, any, all, list, tuple, sorted or join, or write the loop"
        self._find("PYV118", node, message, help)
        self.visit(node.generators[0].iter)  # the only part that runs in the function's own scope

    def visit_Yield(self, node: ast.Yield) -> None:
        self._generator(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self._generator(node)

    def _generator(self, node: ast.expr) -> None:
        if not self.yields and isinstance(self.function, ast.FunctionDef):
            message = f"`{self.function.name}` is a generator, which cannot be compiled yet"
            self._find("PYV110", node, message, "store the items in a list that the caller passes")
        self.yields = True
        self.generic_visit(node)

    # ---- expressions ----
    def visit_Call(self, node: ast.Call) -> None:
        starred = [item for item in node.args if isinstance(item, ast.Starred)]
        doubled = [item.value for item in node.keywords if item.arg is None]
        for item in (*starred, *doubled):
            message = f"`{ast.unparse(node.func)}` is called with a starred argument"
            self._find("PYV125", item, message, "write the arguments one by one")
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format" and node.keywords:
            message = "`.format()` with names is left to the interpreter"
            self._find("PYV124", node, message, "number the places, or use an f-string")
        self._callee(node)
        if self._consumes(node):
            self._comprehension(node.args[0])
            return
        for argument in (*node.args, *node.keywords):
            value = argument.value if isinstance(argument, ast.Starred | ast.keyword) else argument
            self.visit(value)

    def _consumes(self, node: ast.Call) -> bool:
        """Is a generator expression consumed in place (`frontend.consumers`)?"""
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.GeneratorExp() as made], keywords=[]):
                known = name not in self.locals and self.names.kind(name) == "builtin"
            case ast.Call(
                func=ast.Attribute(attr=attribute), args=[ast.GeneratorExp() as made], keywords=[]
            ):
                known, name = True, f".{attribute}"
            case _:
                return False
        outside = any(isinstance(item, ast.NamedExpr | ast.Lambda) for item in ast.walk(made))
        return known and name in CONSUMERS and not outside and not _is_asynchronous(made)

    def _callee(self, node: ast.Call) -> None:
        match node.func:
            case ast.Name(id=name):
                self._named_callee(node.func, name)
            case ast.Attribute(value=ast.Name(id=base), attr=name) if base not in self.locals:
                self._attribute_callee(node.func, base, name)
            case ast.Attribute(value=base_node, attr=name):
                self._method(node.func, name)
                self.visit(base_node)
            case other:
                text = ast.unparse(other)
                message = f"what `{text}` calls is known only at run time"
                self._find("PYV132", other, message, "call a function of this module by its name")
                self.visit(other)

    def _named_callee(self, node: ast.Name, name: str) -> None:
        kind = "local" if name in self.locals else self.names.kind(name)
        if name in DYNAMIC_BUILTINS:
            message = f"`{name}` needs code or a frame that exists only at run time"
            self._find("PYV101", node, message, "choose among functions of this module")
        elif kind == "builtin" and name not in NATIVE_BUILTINS:
            advice = ADVICE.get(name, "call it in the caller and pass the result in")
            self._find("PYV131", node, f"`{name}` is left to the interpreter", advice)
        elif kind == "math function":
            self._math(node, self.names.math_functions[name])
        elif kind == "import" and self._is_native(*self.names.imported.get(name, ("", "")), True):
            pass
        elif kind in _FOREIGN:
            message = f"`{name}` is {_FOREIGN[kind]}: the call is left to the interpreter"
            self._find("PYV132", node, message, "call a function of this module by its name")
        else:
            self.visit(node)

    def _attribute_callee(self, node: ast.Attribute, base: str, name: str) -> None:
        kind = self.names.kind(base)
        if kind == "math":
            self._math(node, name)
        elif kind == "module" and self._is_native(self.names.imported[base][0], name, False):
            pass
        elif kind == "module":
            message = f"`{base}.{name}` is not in this module: the call is left to the interpreter"
            self._find("PYV132", node, message, "call it in the caller and pass the result in")
        else:
            self._method(node, name)
            self.visit(node.value)

    def _is_native(self, module: str, name: str, by_name: bool) -> bool:
        """Has a function of a module a native form? Under another name only if imported by it."""
        known = NATIVE_OF_MODULES.get(module, frozenset())
        return name in known or (by_name and ALIASES.get((module, name)) in known)

    def _math(self, node: ast.expr, name: str) -> None:
        if not hasattr(math, name):
            self._find("PYV133", node, f"`math` has no `{name}`", "correct the name")
        elif name in MATH_OF_ITERABLES:
            message = f"`math.{name}` is left to the interpreter"
            self._find("PYV131", node, message, "compute it from the differences")

    def _method(self, node: ast.Attribute, name: str) -> None:
        if name in NATIVE_METHODS:
            return
        message = f"method `.{name}()` is left to the interpreter"
        help = "call it outside of the loop, or work on indices of a list that exists"
        self._find("PYV130", node, message, help)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        match node.value:
            case ast.Name(id=base) if base not in self.locals and self.names.kind(base) == "math":
                self._math(node, node.attr)
            case ast.Name(id=base) if base not in self.locals:
                self._foreign_attribute(node, f"attribute `.{node.attr}` of `{base}`")
            case _ if node.attr.startswith("__") and node.attr.endswith("__"):
                self._foreign_attribute(node, f"attribute `.{node.attr}`")
            case _:  # an instance may have it
                self.visit(node.value)

    def _foreign_attribute(self, node: ast.Attribute, what: str) -> None:
        self._find("PYV129", node, f"{what} is left to the interpreter", "pass it as a parameter")
        self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        known = node.id in self.locals or self.names.open or self.names.kind(node.id) is not None
        if isinstance(node.ctx, ast.Load) and not known:
            message = f"`{node.id}` is not defined in this module and is no builtin"
            self._find("PYV133", node, message, "correct the name, or import it")

    def visit_Compare(self, node: ast.Compare) -> None:
        self.visit(node.left)
        for op, item in zip(node.ops, node.comparators, strict=True):
            if not (isinstance(op, ast.In | ast.NotIn) and _is_constant_display(item)):
                self.visit(item)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._matrix(node, node.op)
        self.generic_visit(node)

    def _matrix(self, node: ast.AST, op: ast.operator) -> None:
        if isinstance(op, ast.MatMult):
            message = "the operator `@` is left to the interpreter"
            self._find("PYV137", node, message, "call a function that loops over the elements")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        if any(isinstance(item, ast.Starred) for item in node.elts):
            self._display(node, "set", "add the items in a loop")
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        if None in node.keys:
            self._display(node, "dict", "use `.update()` or a loop")
        self.generic_visit(node)

    def _display(self, node: ast.expr, kind: str, help: str) -> None:
        message = f"building a {kind} out of another is left to the interpreter"
        self._find("PYV127", node, message, help)


def _is_asynchronous(node: ast.GeneratorExp) -> bool:
    return any(generator.is_async for generator in node.generators) or any(
        isinstance(item, ast.Await) for item in ast.walk(node)
    )


_FOREIGN = {
    "local": "a local variable",
    "class": "a class",
    "import": "imported from another module",
    "module": "a module",
    "math": "a module",
    "variable": "a variable of the module",
}


def _is_constant_display(node: ast.expr) -> bool:
    """A list or set of constants, which CPython turns into a constant where it is only read."""
    return isinstance(node, ast.List | ast.Set) and all(
        isinstance(item, ast.Constant) for item in node.elts
    )
