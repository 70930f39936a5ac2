"""
A YAML file as plain values that know their places.

Scalars follow YAML 1.2's core schema: `NO` and `on` are text, dates stay text, `012` is twelve. Keys are always text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from yaml.composer import Composer, ComposerError
from yaml.error import Mark, MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from dbmimic.config.interpolate import fill
from dbmimic.errors import ConfigError, Problem

KeyPath = tuple[str | int, ...]

_DEEPEST = 50
_MOST_ALIASED = 10_000
_TAG = "tag:yaml.org,2002:"

# What PyYAML's messages begin with (they may go on with a piece of the file), and what we say instead.
_SENTENCES = (
    ("mapping values are not allowed", "a ':' stands where no value can begin; a text that holds ': ' needs quotes"),
    ("could not find expected ':'", "a key is not followed by ':'"),
    ("found unexpected end of stream", "a quote that opens before here is not closed"),
    ("found character '\\t'", "a tab stands where YAML wants blanks"),
    ("found undefined alias", "an alias names an anchor that is not defined"),
    ("found duplicate anchor", "an anchor is defined twice"),
    ("but found another document", "a second document begins; one file holds one"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("did not find expected", "the indentation or a bracket does not fit what stands before"),
    ("nested too deeply", "lists and mappings are nested too deeply"),
)


class Blank(Enum):
    """What stands after a key that has nothing after it."""

    BLANK = auto()


class _Tree(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML up to the node tree, with the scalars of YAML 1.2's core schema."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ComposerError(None, None, "nested too deeply", self.get_mark())
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
):
    _Tree.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


def _integer(text: str) -> int:
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text, 10)


def _float(text: str) -> float:
    return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))


_SCALARS: Mapping[str, Callable[[str], object]] = {
    _TAG + "null": lambda text: None if text else Blank.BLANK,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": _integer,
    _TAG + "float": _float,
}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an entry's key and its value stand, as `file:line:column`; in a list both are the entry itself."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its `content` as dicts, lists and scalars, and the place of everything in it."""

    name: str
    content: object
    spots: Mapping[KeyPath, Spot]

    def path(self, location: KeyPath) -> KeyPath:
        """Give the path that `location` names; parts of it that are not in the file are passed over."""
        path: KeyPath = ()
        for part in location:
            if (*path, part) in self.spots:
                path = (*path, part)
        return path

    def key_place(self, location: KeyPath) -> str:
        """Give the place of the key at `location`, or of the closest thing around it."""
        return self.spots[self.path(location)].key

    def value_place(self, location: KeyPath) -> str:
        """Give the place of the value at `location`; where it is blank, its key's."""
        return self.spots[self.path(location)].value


def _place(name: str, mark: Mark | None) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else f"{name}:1:1"


def _place_after(before: str, name: str) -> str:
    line, last = before.count("\n") + 1, before.rpartition("\n")[2]
    return f"{name}:{line}:{len(last) + 1}"


def _sentence(problem: str | None) -> str:
    known = (ours for theirs, ours in _SENTENCES if theirs in (problem or ""))
    return next(known, "something stands here that YAML does not allow")


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_after(data[: error.start].decode("utf-8-sig"), name)
        raise ConfigError("DM201", "the file is not UTF-8 text", place=place, hint="save it as UTF-8") from None


def _composed(text: str, name: str) -> Node | None:
    hint = "correct the line, or the one above it"
    try:
        tree = _Tree(text)
    except ReaderError as error:
        place = _place_after(text[: error.position], name)
        raise ConfigError("DM201", "a control character stands in the file", place=place, hint="take it out") from None
    try:
        return tree.get_single_node()
    except MarkedYAMLError as error:
        place = _place(name, error.problem_mark or error.context_mark)
        message = _sentence(f"{error.context or ''} {error.problem or ''}")
        raise ConfigError("DM201", message, place=place, hint=hint) from None
    except (ValueError, OverflowError):  # escapes and directives with absurd numbers
        raise ConfigError("DM201", _sentence(None), place=_place(name, tree.get_mark()), hint=hint) from None


@dataclass
class _Construction:
    """The walk from nodes to values, collecting spots and problems on its way."""

    name: str
    environ: Mapping[str, str]
    late: Collection[KeyPath]
    problems: list[Problem]
    spots: dict[KeyPath, Spot] = field(default_factory=dict)
    _open: set[int] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)
    _aliased: int = 0

    def value(self, node: Node, path: KeyPath) -> object:
        self._guard(node)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._open.add(id(node))
        if isinstance(node, MappingNode):
            result: object = self._mapping(node, path)
        else:
            result = self._sequence(node, path)
        self._open.remove(id(node))
        return result

    def _guard(self, node: Node) -> None:
        if id(node) in self._open:
            place = _place(self.name, node.start_mark)
            raise ConfigError("DM201", "an alias stands inside what it names", place=place, hint="write it out")
        self._aliased += id(node) in self._seen
        self._seen.add(id(node))
        if self._aliased > _MOST_ALIASED:
            place = _place(self.name, node.start_mark)
            raise ConfigError("DM201", "aliases in this file expand to far too much", place=place, hint="use fewer")

    def _problem(self, code: str, message: str, node: Node, hint: str) -> None:
        self.problems.append(Problem(code, message, _place(self.name, node.start_mark), hint))

    def _scalar(self, node: ScalarNode, path: KeyPath) -> object:
        if node.tag in _SCALARS:
            try:
                return _SCALARS[node.tag](node.value)
            except ValueError:
                self._problem(
                    "DM204", "this is not a number that can be read", node, "put it in quotes if it is a text"
                )
                return Blank.BLANK
        if node.tag != _TAG + "str":
            self._problem("DM204", "tags ('!...') have no meaning here", node, "leave the tag out")
            return Blank.BLANK
        return self._text(node, path)

    def _text(self, node: ScalarNode, path: KeyPath) -> str:
        if any("\ud800" <= char <= "\udfff" or char == "\0" for char in node.value):
            self._problem("DM204", "this text holds an escape that is no character", node, "take it out")
            return ""
        if path in self.late:
            return str(node.value)
        filled = fill(node.value, self.environ)
        for complaint in filled.complaints:
            self._problem("DM210", complaint, node, "set the variable, or write '$${' for a plain '${'")
        return filled.text

    def _sequence(self, node: Node, path: KeyPath) -> object:
        if not isinstance(node, SequenceNode) or node.tag != _TAG + "seq":
            self._problem("DM204", "tags ('!...') have no meaning here", node, "leave the tag out")
            return Blank.BLANK
        items = []
        for index, child in enumerate(node.value):
            here = _place(self.name, child.start_mark)
            self.spots[(*path, index)] = Spot(here, here)
            items.append(self.value(child, (*path, index)))
        return items

    def _mapping(self, node: MappingNode, path: KeyPath) -> object:
        if node.tag != _TAG + "map":
            self._problem("DM204", "tags ('!...') have no meaning here", node, "leave the tag out")
            return Blank.BLANK
        result: dict[str, object] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, ScalarNode):
                self._problem("DM204", "a key must be text, not a list or a mapping", key_node, "write one word")
                continue
            key = key_node.value
            here = _place(self.name, key_node.start_mark)
            if key in result:
                first = self.spots[(*path, key)].key
                self._problem("DM202", f"this key stands at {first} already", key_node, "keep one of the two")
                continue
            blank = isinstance(child, ScalarNode) and not child.value and child.tag == _TAG + "null"
            self.spots[(*path, key)] = Spot(here, here if blank else _place(self.name, child.start_mark))
            result[key] = self.value(child, (*path, key))
        return result


def read(
    data: bytes,
    name: str,
    environ: Mapping[str, str],
    *,
    problems: list[Problem],
    late: Collection[KeyPath] = (),
) -> Document:
    """
    Give the file's content with `${NAME}` filled in, but for the paths in `late`, whose text is left as written.

    What is wrong inside the tree (repeated keys, missing variables) is added to `problems`. Errors: DM201 where there
    is no tree. No message holds a piece of the file.
    """
    node = _composed(_decoded(data, name), name)
    construction = _Construction(name, environ, late, problems)
    start = f"{name}:1:1"
    construction.spots[()] = Spot(start, start if node is None else _place(name, node.start_mark))
    content = Blank.BLANK if node is None else construction.value(node, ())
    return Document(name, content, construction.spots)
