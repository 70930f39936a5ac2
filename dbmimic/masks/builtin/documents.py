"""Values inside of other values: `json` by path and by key, `free_text` by what they look like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from operator import attrgetter

import pyarrow as pa

from dbmimic.masks import pools
from dbmimic.masks.definition import (
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Part,
    PartBuild,
    Promise,
    needs_parts,
)
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.spans import Span, replaced
from dbmimic.model.types import Kind

# A key with its colon or a sign, or else a scalar; what stands between them is blank.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_PIECE = re.compile(rf'({_STRING}\s*:|[{{}}\[\],])|({_STRING}|[^\s{{}}\[\],":]+)', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SIMPLE = re.compile(r"[\w @.+-]*", re.ASCII)  # text that JSON writes as it is
_PATH = re.compile(r"\.(\*|[\w$-]+)|\[(\*|\d+)\]|\[(?:'([^']*)'|\"([^\"]*)\")\]")
_REST = "scramble"
_REST_PART = "rest"
_INVALID = "invalid"

Step = str | int
_ANY = "*"  # a pattern's step that fits every key
_AT_ONCE = 1024  # texts, so that their pieces do not fill the memory
_MOST_KEYS = 10_000  # remembered
_EACH = -1  # a pattern's step that fits every place of an array


def _path(text: str) -> tuple[Step, ...] | None:
    """Give the steps of a path as `$.items[*].email`, or None where it is none."""
    steps: list[Step] = []
    at = 1 if text.startswith("$") else 0
    if at == 0:
        text = f".{text}"
    while at < len(text):
        found = _PATH.match(text, at)
        if found is None:
            return None
        if found[2] is not None:
            steps.append(_EACH if found[2] == _ANY else int(found[2]))
        else:
            steps.append(next(name for name in (found[1], found[3], found[4]) if name is not None))
        at = found.end()
    return tuple(steps)


def _fits_step(pattern: Step, step: Step) -> bool:
    if isinstance(step, int):
        return pattern in {_EACH, step}
    return pattern in {_ANY, step}


class _Chooser:
    """Which part masks what stands at a place: that of a path which leads there, that of its key, or what is above."""

    def __init__(
        self, paths: Sequence[tuple[tuple[Step, ...], str]], keys: Sequence[tuple[str, str]], rest: str | None
    ) -> None:
        self.rest = rest
        self._paths = paths
        self._keys = keys
        self._by_key: dict[str, str | None] = {}

    def entered(self, place: list[Step], above: str | None) -> str | None:
        """Give the part for a place, if the place above it has that part."""
        for pattern, part in self._paths:
            if len(pattern) == len(place) and all(map(_fits_step, pattern, place)):
                return part
        step = place[-1] if place else 0
        if isinstance(step, int):
            return above
        if step not in self._by_key and len(self._by_key) < _MOST_KEYS:
            self._by_key[step] = self._of_key(step)
        found = self._by_key[step] if step in self._by_key else self._of_key(step)
        return above if found is None else found

    def _of_key(self, key: str) -> str | None:
        return next((part for pattern, part in self._keys if fnmatchcase(key.casefold(), pattern)), None)


class _Plans:
    """Where the masked scalars of a document stand, worked out once for all documents of one structure."""

    def __init__(self, chooser: _Chooser) -> None:
        self._chooser = chooser
        self._known: dict[tuple[str | None, ...], tuple[tuple[int, str], ...]] = {}

    def pieces(self, text: str) -> tuple[list[str], Sequence[tuple[int, str]]]:
        """Give a valid document in pieces, and which of them are masked by which part."""
        pieces = _PIECE.split(text)
        structure = tuple(pieces[1::3])
        plan = self._known.get(structure)
        if plan is None:
            plan = tuple(self._plan(structure))
            if len(self._known) < _MOST_KEYS:
                self._known[structure] = plan
        rest = self._chooser.rest
        if rest is None:
            return pieces, plan
        return pieces, [(at, part or rest) for at, part in plan if part or pieces[at].startswith('"')]

    def _plan(self, structure: Sequence[str | None]) -> Iterator[tuple[int, str]]:
        """Give the place and the part of each scalar; the part is empty where none is named, and the rest is masked."""
        place: list[Step] = []
        parts: list[str | None] = [None]  # of each container that is open
        for number, sign in enumerate(structure):
            if sign is None:
                part = self._chooser.entered(place, parts[-1])
                if part is not None or self._chooser.rest is not None:
                    yield 3 * number + 2, part or ""
            elif sign in {"{", "["}:
                parts.append(self._chooser.entered(place, parts[-1]))
                place.append("" if sign == "{" else 0)
            elif sign in {"}", "]"}:
                place.pop()
                parts.pop()
            elif sign != ",":
                place[-1] = str(json.loads(sign[:-1]))
            elif isinstance(place[-1], int):
                place[-1] += 1


def _plain(token: str) -> str:
    if not token.startswith('"'):
        return token
    return str(json.loads(token)) if "\\" in token else token[1:-1]


def _spell(masked: str | None, token: str) -> str:
    """Give a masked value as JSON: a number stays a number where it can, a truth value becomes false."""
    if masked is None:
        return "null"
    if token in {"true", "false"}:
        return "false"
    if not token.startswith('"') and _NUMBER.fullmatch(masked):
        return masked
    if _SIMPLE.fullmatch(masked):
        return f'"{masked}"'
    return json.dumps(masked, ensure_ascii=token.isascii())


def _named(options: Options, option: str) -> Mapping[str, object]:
    found = options[option]
    return found if isinstance(found, Mapping) else {}


def _json_parts(options: Options) -> dict[str, Part]:
    """Give the parts that the options name, by where they are named."""
    parts = {
        f"{option}: {where}": Part.read(option, str(where), written)
        for option in ("paths", "keys")
        for where, written in _named(options, option).items()
    }
    if options["rest"] == _REST:
        parts[_REST_PART] = Part(_REST, {})
    return {**parts, _INVALID: Part(_REST, {})}


def _compose_json(_keyed: KeyedFunction, options: Options, context: ColumnContext, build: PartBuild) -> MaskFunction:
    masks = {where: build(part) for where, part in _json_parts(options).items()}
    chooser = _Chooser(
        [(_path(path) or (), f"paths: {path}") for path in _named(options, "paths")],
        [(key.casefold(), f"keys: {key}") for key in _named(options, "keys")],
        _REST_PART if options["rest"] == _REST else None,
    )
    plans = _Plans(chooser)
    invalid = str(options["invalid"])

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        encoded = values.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        made = [text for start in range(0, len(texts), _AT_ONCE) for text in some(texts[start : start + _AT_ONCE])]
        return pa.array(made, pa.string()).take(encoded.indices)

    def some(made: list[str | None]) -> list[str | None]:
        documents: list[tuple[int, list[str], Sequence[tuple[int, str]]]] = []
        wrong = []
        for row, text in enumerate(made):
            if not text:
                continue
            if _is_json(text):
                documents.append((row, *plans.pieces(text)))
            else:
                wrong.append(row)
        _mask_pieces([document[1:] for document in documents], masks)
        for row, pieces, _plan in documents:
            made[row] = "".join(filter(None, pieces))
        for row, text in zip(wrong, others([str(made[row]) for row in wrong]) if wrong else [], strict=True):
            made[row] = text
        return made

    def others(texts: list[str]) -> list[str | None]:
        """Give what stands for texts that are no JSON."""
        if invalid == "fail" or (invalid == "null" and not context.nullable):
            raise MaskError("a value is no JSON")
        return [None] * len(texts) if invalid == "null" else masks[_INVALID](pa.array(texts), None).to_pylist()

    return mask


def _mask_pieces(
    documents: Sequence[tuple[list[str], Sequence[tuple[int, str]]]], masks: Mapping[str, MaskFunction]
) -> None:
    """Mask in place the pieces that the plans name; each mask runs once, over all documents."""
    places: dict[str, list[tuple[list[str], int]]] = {name: [] for name in masks}
    for pieces, plan in documents:
        for at, part in plan:
            if pieces[at] != "null":
                places[part].append((pieces, at))
    for name, found in places.items():
        if found:
            plain = pa.array([_plain(pieces[at]) for pieces, at in found], pa.string())
            for (pieces, at), value in zip(found, masks[name](plain, None).to_pylist(), strict=True):
                pieces[at] = _spell(value, pieces[at])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json_fits(options: Options, _context: ColumnContext) -> str | None:
    for option in ("paths", "keys"):
        if options[option] is not None and not isinstance(options[option], Mapping):
            return f"option {option!r} must name a mask for each of some {option}"
    if not any(_named(options, option) for option in ("paths", "keys")) and options["rest"] != _REST:
        return "mask 'json' needs `paths` or `keys` to mask, or `rest: scramble`"
    odd = next((path for path in _named(options, "paths") if not _path(path)), None)
    return None if odd is None else f"{odd!r} is no path; write it as $.customer.email or $.items[*].name"


_NO_DATE = r"(?<![0-9](?=[0-9]{3}-[0-9]{2}-[0-9]{2}\b))(?<![0-9](?=[0-9]?[./-][0-9]{1,2}[./-][0-9]{2,4}\b))"

# What is looked for in text, the first in this order where two overlap. Each begins with a set of characters, so that a
# text is searched as fast as they are rare in it; an e-mail is found from its @.
_FINDERS: Mapping[str, re.Pattern[str]] = {
    "emails": re.compile(r"@[\w-]+(?:\.[\w-]+)+"),
    "ibans": re.compile(r"[A-Z](?<!\w[A-Z])[A-Z][0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "cards": re.compile(r"[0-9](?<!\w[0-9])(?:[ -]?[0-9]){11,18}\b"),
    "phones": re.compile(r"[0-9+(](?<![\w.].)" + _NO_DATE + r"(?:[ ()./-]{0,2}[0-9]){6,15}(?!\w)"),
    "names": re.compile(r"[A-Z](?<!\w[A-Z])[a-z]+\b"),
}
_LOCAL_PART = re.compile(r"[\w.+-]+")
_LONGEST_LOCAL_PART = 64
_FOUND: Mapping[str, str] = {
    "emails": "email",
    "ibans": "iban",
    "cards": "payment_card",
    "phones": "phone",
    "first": "first_name",
    "last": "last_name",
}


def _text_parts(_options: Options) -> dict[str, Part]:
    return {found: Part(mask, {}) for found, mask in _FOUND.items()}


@cache
def _known(pool: str) -> frozenset[str]:
    return frozenset(pools.load(pool).entries.to_pylist())


def _matches(text: str, kind: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Give what has a form."""
    for match in pattern.finditer(text):
        start = match.start()
        if kind == "emails":
            backwards = _LOCAL_PART.match(text[max(0, start - _LONGEST_LOCAL_PART) : start][::-1])
            if backwards is None:
                continue
            start -= backwards.end()
        yield Span(start, match.end(), text[start : match.end()], kind)


def _names(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Give the words that are names: a known first name, what follows one, and known last names."""
    firsts, lasts = _known("first_names"), _known("last_names")
    after_first = -2  # where a first name ended
    for match in pattern.finditer(text):
        word, follows = match[0], match.start() == after_first + 1
        if word in firsts and not follows:
            after_first = match.end()
            yield Span(match.start(), match.end(), word, "first")
        elif follows or word in lasts:
            yield Span(match.start(), match.end(), word, "last")


def _compose_text(_keyed: KeyedFunction, options: Options, context: ColumnContext, build: PartBuild) -> MaskFunction:
    wanted = options["find"] if isinstance(options["find"], list | tuple) else tuple(_FINDERS)
    masks = {found: build(part) for found, part in _text_parts(options).items()}
    limit = context.type.length

    def find(text: str) -> list[Span]:
        spans: list[Span] = []
        for kind, pattern in _FINDERS.items():
            if kind in wanted:
                looked_at = _names(text, pattern) if kind == "names" else _matches(text, kind, pattern)
                spans += [one for one in looked_at if all(one.end <= s.start or s.end <= one.start for s in spans)]
        return sorted(spans, key=attrgetter("start"))

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        encoded = values.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        made = [
            text
            for start in range(0, len(texts), _AT_ONCE)
            for text in replaced(texts[start : start + _AT_ONCE], find, masks)
        ]
        cut = [text if text is None else text[:limit] for text in made] if limit is not None else made
        return pa.array(cut, pa.string()).take(encoded.indices)

    return mask


def _text_fits(options: Options, _context: ColumnContext) -> str | None:
    wanted = options["find"]
    if isinstance(wanted, list | tuple) and (not wanted or not set(wanted) <= _FINDERS.keys()):
        return f"option 'find' takes some of: {', '.join(_FINDERS)}"
    return None


_LOSSY = Promise.LOSSY | Promise.KEEPS_NULL

DEFINITIONS = (
    MaskDefinition(
        name="json",
        summary="The same document with the values at some paths, or under some keys at any depth, masked.",
        kinds=frozenset({Kind.JSON, Kind.TEXT}),
        promises=_LOSSY,
        parameters=(
            Parameter("paths", "any", summary="a mask for each path, as `$.items[*].email: email`"),
            Parameter("keys", "any", summary='a mask for each key at any depth, with * and ?, as `"*_phone": phone`'),
            Parameter("rest", "text", default="keep", choices=("keep", _REST), summary="all other texts"),
            Parameter("invalid", "text", default=_REST, choices=(_REST, "null", "fail"), summary="what is no JSON"),
        ),
        domain="json",
        build=needs_parts,
        compose=_compose_json,
        parts=_json_parts,
        fits=_json_fits,
    ),
    MaskDefinition(
        name="free_text",
        summary="The same text with e-mails, accounts, cards, telephone numbers and names in it masked as in columns.",
        kinds=frozenset({Kind.TEXT}),
        promises=_LOSSY,
        parameters=(Parameter("find", "list", summary=f"some of {', '.join(_FINDERS)}; all, if not told"),),
        domain="free_text",
        build=needs_parts,
        compose=_compose_text,
        parts=_text_parts,
        fits=_text_fits,
    ),
)
