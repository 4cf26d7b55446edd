"""What a text may be made of: words, variables of the whitelist, two filters and `if ... is defined`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.template_values import FIGURES, SAMPLE, day, money

#: What a filter is given, and what stands in its brackets.
_FILTERS: Final = {"day": ("due_on", ()), "money": ("amount_due", ("currency",))}
#: Digits of every script, numbers written in characters, and signs of money.
_FIGURE: Final = re.compile(
    r"\d|[\u2460-\u249b\u24ea-\u24ff]|[¥￥$€£₹]"
    r"|[〇零一二两三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟]+(?:元|块钱|圆|万|千|百|月|号|日)"
)
#: How many conditions may stand in each other; `elif` counts as one more.
_DEEPEST: Final = 4
#: Characters of a text that nobody sees.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


@dataclass(slots=True)
class Parts:
    """What a text is made of: its own words, the variables it names, those it asks for first, and the faults."""

    words: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    always: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def environment(locale: str) -> ImmutableSandboxedEnvironment:
    """A sandbox with nothing in it but the two filters."""
    made = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)
    made.globals.clear()
    made.filters.clear()
    made.filters.update(day=partial(day, locale=locale), money=partial(money, locale=locale))
    defined = made.tests["defined"]
    made.tests.clear()
    made.tests["defined"] = defined
    return made


def parts_of(text: str) -> Parts:
    """Walks the whole syntax tree: whatever is not known to be harmless is a fault."""
    parts = Parts()
    if "{#" in text:
        parts.faults.append("a comment has no place in a text: write it into the file")
    try:
        tree = environment("en").parse(text)
    except jinja2.TemplateSyntaxError as error:
        parts.faults.append(f"cannot be read: {error.message}")
        return parts
    except RecursionError:
        parts.faults.append("cannot be read: nested too deeply")
        return parts
    for node in tree.body:
        _walk(node, parts, sure=True, depth=0)
    return parts


def _walk(node: nodes.Node, parts: Parts, *, sure: bool, depth: int) -> None:
    match node:
        case nodes.Output():
            for child in node.nodes:
                _walk(child, parts, sure=sure, depth=depth)
        case nodes.TemplateData():
            if "{" in node.data or "}" in node.data:
                parts.faults.append("braces stand for variables only")
            parts.words.append(node.data)
        case nodes.Name():
            _name(node.name, parts, sure=sure)
        case nodes.Filter():
            _filter(node, parts, sure=sure)
        case nodes.If() if depth == _DEEPEST:
            parts.faults.append(f"conditions stand in each other more than {_DEEPEST} deep")
        case nodes.If():
            _condition(node.test, parts)
            below: list[nodes.Node] = [*node.body, *node.elif_, *node.else_]
            for inner in below:
                _walk(inner, parts, sure=False, depth=depth + 1)
        case _:
            parts.faults.append(f"{_called(node)} has no place in a text")


def _name(name: str, parts: Parts, *, sure: bool) -> None:
    if name not in SAMPLE:
        parts.faults.append(f"no such variable: {name}")
    parts.used.add(name)
    if sure:
        parts.always.add(name)


def _filter(node: nodes.Filter, parts: Parts, *, sure: bool) -> None:
    given, brackets = _FILTERS.get(node.name, ("", ()))
    args = tuple(arg.name if isinstance(arg, nodes.Name) else "" for arg in node.args)
    named = isinstance(node.node, nodes.Name) and node.node.name == given
    if not named or args != brackets or node.kwargs or node.dyn_args or node.dyn_kwargs:
        known = ", ".join(f"{v} | {n}{f'({a[0]})' if a else ''}" for n, (v, a) in _FILTERS.items())
        parts.faults.append(f"no such filter: {node.name} as it is used here; there are {known}")
        return
    for name in (given, *brackets):
        _name(name, parts, sure=sure)


def _condition(test: nodes.Node, parts: Parts) -> None:
    inner: nodes.Node = test.node if isinstance(test, nodes.Not) else test
    if isinstance(inner, nodes.Test) and inner.name == "defined" and isinstance(inner.node, nodes.Name):
        name = inner.node.name
        if name not in SAMPLE:
            parts.faults.append(f"no such variable: {name}")
        parts.asked.add(name)
        return
    parts.faults.append("a condition asks only whether a variable is defined")


def _called(node: nodes.Node) -> str:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        return f"a call of {node.node.name}"
    return {"Getattr": "an attribute", "Getitem": "an item", "Call": "a call", "Const": "a constant"}.get(
        type(node).__name__, f"{type(node).__name__.lower()}"
    )


def faults_of_words(words: str, *, figures: bool) -> Iterator[str]:
    """What is wrong with the words of a text themselves."""
    unseen = sorted({c for c in words if c != "\n" and unicodedata.category(c) in _UNSEEN})
    if unseen:
        yield f"a character nobody sees: {', '.join(f'U+{ord(c):04X}' for c in unseen)}"
    if not figures and (found := _FIGURE.search(words)):
        yield f"the text carries a figure: {found.group()}"


def faults_of_use(parts: Parts, *, figures: bool) -> Iterator[str]:
    """What is wrong with the variables a text names."""
    if not figures and parts.used & FIGURES:
        yield f"a template without figures uses {', '.join(sorted(parts.used & FIGURES))}"
    for name, why in (("institution", "who writes"), ("hotline", "where somebody can be reached")):
        if name not in parts.always:
            yield f"{{{{ {name} }}}} is missing: every text says {why}"
