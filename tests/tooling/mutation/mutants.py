# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every small change of meaning that a file of Python can suffer.

Left alone is what does not act: documentation, annotations, decorators, texts for people, and what type checkers read.
"""

from __future__ import annotations

import ast
import hashlib
import pathlib
import typing as t
from collections import Counter
from dataclasses import dataclass

#: What is written instead of an operator.
_OTHERWISE: t.Final[dict[type[ast.AST], str]] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.BitOr: "&",
    ast.BitAnd: "|",
}
#: What says the same of its arguments in any order; with a keyword, such as a key of comparison, the first may count.
_UNORDERED: t.Final = frozenset({"min", "max", "suppress", "update", "compare_digest"})
_PLAIN_CALLS: t.Final = frozenset({"field", "cast", "TypeVar", "NewType", "super", "warn"})


@dataclass(frozen=True)
class Mutant:
    """One change: where, of which kind, what stood there and what stands there instead."""

    path: str
    function: str
    kind: str
    before: str
    after: str
    #: Counts equal changes in one function, so that each has a name of its own which survives changes elsewhere.
    number: int
    line: int
    start: int
    end: int
    #: Whether it acts when the module is imported: then any test may depend on it, whichever imported it first.
    at_import: bool

    @property
    def key(self) -> str:
        """What it is called, whatever happens around it."""
        return f"{self.path}: {self.function}: {self.kind}: {self.before} -> {self.after} #{self.number}"

    def rank(self, seed: int) -> bytes:
        """Where it stands in the draw of a seed: adding code elsewhere does not draw others."""
        return hashlib.sha256(f"{seed} {self.key}".encode()).digest()

    def applied(self, source: str) -> str:
        """Return the text of the file with the change in it."""
        octets = source.encode()
        return (octets[: self.start] + self.after.encode() + octets[self.end :]).decode()


def of_file(root: pathlib.Path, path: str) -> list[Mutant]:
    """Return every mutant of a file."""
    source = (root / path).read_text(encoding="utf-8")
    found = _Finder(path, source)
    found.visit(ast.parse(source))
    return found.mutants


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: str) -> None:
        self.path = path
        self.source = source.encode()
        self.mutants: list[Mutant] = []
        self._starts = [0]
        for line in self.source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._names: list[str] = []
        self._seen: Counter[tuple[str, str, str, str]] = Counter()
        #: How deep within something that only people read.
        self._words = 0
        #: How deep within what runs when it is called.
        self._bodies = 0

    def _put(self, kind: str, node: ast.expr | ast.stmt | ast.excepthandler, after: str) -> None:
        start = self._starts[node.lineno - 1] + node.col_offset
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        before = " ".join(self.source[start:end].decode().split())
        function = ".".join(self._names) or "module"
        name = (function, kind, before, " ".join(after.split()))
        self._seen[name] += 1
        place = (node.lineno, start, end, not self._bodies)
        self.mutants.append(Mutant(self.path, function, kind, before, after, self._seen[name], *place))

    def _text(self, node: ast.AST) -> str:
        return ast.unparse(node)

    # -- Where not to look ---------------------------------------------------------------------------------------------

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Text for people; the places of its parts are not known on 3.11 either."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in [*node.defaults, *node.kw_defaults]:
            if default is not None:
                self.visit(default)

    def _definition(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        if node.name == "__repr__":
            return
        self._names.append(node.name)
        called = isinstance(node, ast.FunctionDef)
        if isinstance(node, ast.FunctionDef):
            self.visit(node.args)
        self._bodies += called
        for statement in node.body:
            self.visit(statement)
        self._bodies -= called
        self._names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._definition(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._definition(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        """Nothing relies on it."""

    # -- Statements ----------------------------------------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in self._text(node.test):
            return
        if not node.orelse and isinstance(node.body[-1], (ast.Raise, ast.Return, ast.Continue, ast.Break)):
            self._put("guard removed", node.test, "False")
        self._put("condition negated", node.test, f"not ({self._text(node.test)})")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._put("condition negated", node.test, f"not ({self._text(node.test)})")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._put("condition negated", node.test, f"not ({self._text(node.test)})")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        self._put("statement removed", node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._put("raise removed", node, "pass")
        self._words += 1
        self.generic_visit(node)
        self._words -= 1

    def visit_Delete(self, node: ast.Delete) -> None:
        self._put("statement removed", node, "pass")

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets):
            self._put("statement removed", node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._put("statement removed", node, "pass")
        self.visit(node.value)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self._put("return removed", node, "pass")
        elif not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._put("value removed", node.value, "None")
            self.visit(node.value)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            if item.optional_vars is None:
                self._put("context removed", item.context_expr, "__import__('contextlib').nullcontext()")
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        for handler in node.handlers:
            if not isinstance(handler.body[0], ast.Raise):
                self._put("handler lets it pass", handler.body[0], "raise")
        self.generic_visit(node)

    # -- Expressions ---------------------------------------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1:
            operator = _OTHERWISE[type(node.ops[0])]
            self._put("comparison", node, f"{self._text(node.left)} {operator} {self._text(node.comparators[0])}")
        for operand in [node.left, *node.comparators]:
            self._compared(operand)

    def _compared(self, node: ast.expr) -> None:
        """A text that something is compared with acts; elsewhere texts are for people, mostly."""
        inside = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
        for part in inside:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                self._put("text", part, repr(part.value + "~"))
            else:
                self.visit(part)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        word = " or " if isinstance(node.op, ast.And) else " and "
        self._put("boolean", node, word.join(f"({self._text(value)})" for value in node.values))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._put("not removed", node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        operator = _OTHERWISE.get(type(node.op))
        if operator and not self._words:
            self._put("arithmetic", node, f"({self._text(node.left)}) {operator} ({self._text(node.right)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._put("constant", node, repr(not node.value))
        elif isinstance(node.value, int) and not self._words:
            self._put("constant", node, repr(node.value + 1))

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            self._put("text", node.slice, repr(node.slice.value + "~"))
            self.visit(node.value)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if called in _PLAIN_CALLS:
            return
        for_people = called.endswith(("Error", "Refusal", "error"))
        self._words += for_people
        positional = [argument for argument in node.args if not isinstance(argument, ast.Starred)]
        ordered = called != "isinstance" and (called not in _UNORDERED or bool(node.keywords))
        if len(positional) == len(node.args) >= 2 and not self._words and ordered:
            swapped = [positional[1], positional[0], *positional[2:]]
            self._put("arguments swapped", node, self._call(node, swapped, node.keywords))
        for keyword in node.keywords if not self._words else []:
            if keyword.arg is not None and keyword.arg != "strict":
                rest = [other for other in node.keywords if other is not keyword]
                self._put("argument left out", node, self._call(node, node.args, rest))
        self.generic_visit(node)
        self._words -= for_people

    def _call(self, node: ast.Call, arguments: t.Sequence[ast.expr], keywords: list[ast.keyword]) -> str:
        return self._text(ast.Call(node.func, list(arguments), keywords))

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._put("condition dropped", condition, "True")
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        for statement in node.body:
            self.visit(statement)
