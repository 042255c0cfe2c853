"""PromQL as a tree: substitution of Grafana's variables, and the walks that the checks share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatchOp,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

# Odd on purpose: a range that equals it in the tree was written as the variable.
RATE_INTERVAL = timedelta(seconds=54321)

SAMPLE = {
    "job": ".+",
    "instance": ".+",
    "segment": "all",
    "population": "dossiers",
    "window": "7d",
    "tickets": "created",
    "release": "contact_exporter_build_info",
    "datasource": "prometheus",
    "__interval": "5m",
    "__rate_interval": f"{RATE_INTERVAL.seconds}s",
    "__range": "1d",
}

VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::\w+)?\}|(?P<plain>\w+))")


def variables(text: str) -> set[str]:
    """Names of the Grafana variables in a text."""
    return {match["braced"] or match["plain"] for match in VARIABLE.finditer(text)}


def substitute(text: str, values: dict[str, str] = SAMPLE) -> str:
    """The text as Grafana would send it. A variable without value is an error."""
    return VARIABLE.sub(lambda match: values[match["braced"] or match["plain"]], text)


@dataclass(frozen=True)
class Found:
    """A selector, and what encloses it, outermost first."""

    selector: VectorSelector
    around: tuple[Expr, ...]

    @property
    def metric(self) -> str:
        named = [m.value for m in self.selector.matchers.matchers if m.name == "__name__"]
        return self.selector.name or named[0]

    def matcher(self, label: str):
        return next((m for m in self.selector.matchers.matchers if m.name == label), None)

    def pins(self, label: str) -> bool:
        """Whether one value of the label is chosen (or none, for series that may lack the label)."""
        found = self.matcher(label)
        if found is None:
            return False
        value = found.value.removesuffix("|")
        return found.op in (MatchOp.Equal, MatchOp.Re) and re.fullmatch(r"[\w ]+", value) is not None

    @property
    def aggregations(self) -> list[AggregateExpr]:
        """Enclosing aggregations, innermost first."""
        return [node for node in reversed(self.around) if isinstance(node, AggregateExpr)]

    @property
    def call(self) -> Call | None:
        """The function that is applied to the selector's own range, if any."""
        calls = [node for node in self.around if isinstance(node, Call)]
        return calls[-1] if calls else None


def children(node: Expr) -> list[Expr]:
    """Sub-expressions of a node."""
    match node:
        case BinaryExpr():
            return [node.lhs, node.rhs]
        case AggregateExpr():
            return [node.expr, *([node.param] if node.param is not None else [])]
        case Call():
            return list(node.args)
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            return [node.expr]
        case _:
            return []


def nodes(node: Expr) -> Iterator[Expr]:
    """Every node of a tree."""
    yield node
    for child in children(node):
        yield from nodes(child)


def selectors(node: Expr, around: tuple[Expr, ...] = ()) -> Iterator[Found]:
    """Every selector of a tree, with what encloses it."""
    if isinstance(node, VectorSelector):
        yield Found(node, around)
    elif isinstance(node, MatrixSelector):
        yield Found(node.vector_selector, (*around, node))
    for child in children(node):
        yield from selectors(child, (*around, node))


def keeps(aggregation: AggregateExpr, label: str) -> bool:
    """Whether an aggregation's result still has the label."""
    modifier = aggregation.modifier
    if modifier is None:
        return False
    return (label in modifier.labels) == (modifier.type == AggModifierType.By)


def unparen(node: Expr) -> Expr:
    """The node inside any parentheses."""
    while isinstance(node, ParenExpr):
        node = node.expr
    return node


def problems_of_meaning(tree: Expr, labels_of) -> list[str]:
    """What is wrong with a query whatever it is used for: see `grafana/boards/queries.py` for the reasons."""
    problems = []
    for found in selectors(tree):
        for label in ("window", "tickets"):
            if label not in labels_of(found.metric) or found.pins(label):
                continue
            if any(isinstance(node, Call) and node.func.name == "absent" for node in found.around):
                continue
            for aggregation in found.aggregations:
                if str(aggregation.op) != "count" and not keeps(aggregation, label):
                    problems.append(f"{found.metric}: `{label}` is neither pinned nor kept")
    for node in nodes(tree):
        if isinstance(node, BinaryExpr) and str(node.op) == "/":
            divisor = unparen(node.rhs)
            constant = type(divisor).__name__ == "NumberLiteral"
            positive = isinstance(divisor, BinaryExpr) and str(divisor.op) == ">"
            counted = isinstance(divisor, AggregateExpr) and str(divisor.op) == "count"
            if not (constant or positive or counted):
                problems.append(f"divides by something that may be zero: {divisor.prettify()}")
        if (
            isinstance(node, AggregateExpr)
            and any(isinstance(inner, BinaryExpr) and str(inner.op) == "/" for inner in nodes(node.expr))
            and str(node.op) not in ("min", "max")
        ):
            problems.append(f"divides before it aggregates: {node.prettify()}")
    return problems
