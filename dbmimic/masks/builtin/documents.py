"""`json`: values inside of documents, masked by path and by key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
from dbmimic.masks.layout import Positions, byte_layout
from dbmimic.masks.skeleton import LITERAL, Flags, Skeletons
from dbmimic.model.types import Kind

# A key with its colon or a sign, or else a scalar; what stands between them is blank.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_PIECE = re.compile(rf'({_STRING}\s*:|[{{}}\[\],])|({_STRING}|[^\s{{}}\[\],":]+)', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WHOLE_NUMBER = rf"^(?:{_NUMBER.pattern})$"
_LITERAL = rf"^(?:{_NUMBER.pattern}|true|false|null)$"
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which JSON can spell and no text can hold
_SIMPLE = re.compile(r"[\w @.+-]*", re.ASCII)  # text that JSON writes as it is
_SIMPLE_BYTES = np.array([_SIMPLE.fullmatch(chr(byte)) is not None for byte in range(256)])
_PATH = re.compile(r"\.(\*|[\w$-]+)|\[(\*|\d+)\]|\[(?:'([^']*)'|\"([^\"]*)\")\]")
_REST = "scramble"
_REST_PART = "rest"
_INVALID = "invalid"

Step = str | int
_ANY = "*"  # a pattern's step that fits every key
_AT_ONCE = 1024  # texts, so that their pieces do not fill the memory
_BYTES_AT_ONCE = 1 << 20
_ENOUGH = 16  # documents of one skeleton that are worth a column for each of its scalars
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
        self._of_skeletons: dict[str, Sequence[tuple[int, str]] | None] = {}

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

    def of_skeleton(self, skeleton: str) -> Sequence[tuple[int, str]] | None:
        """Give which scalars of all documents with this skeleton are masked by which part; None if it is no JSON."""
        if skeleton not in self._of_skeletons:
            if len(self._of_skeletons) >= _MOST_KEYS:
                self._of_skeletons.clear()
            self._of_skeletons[skeleton] = self._masked_scalars(skeleton.replace(LITERAL, "0"))
        return self._of_skeletons[skeleton]

    def _masked_scalars(self, text: str) -> Sequence[tuple[int, str]] | None:
        if not _is_json(text):
            return None
        pieces, plan = self.pieces(text)
        scalars = [3 * number + 2 for number, sign in enumerate(pieces[1::3]) if sign is None]
        numbers = dict(zip(scalars, range(len(scalars)), strict=True))
        return [(numbers[at], part) for at, part in plan]

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
    return _SURROGATE.sub("\ufffd", str(json.loads(token))) if "\\" in token else token[1:-1]


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
    return {**parts, _INVALID: Part(_REST, {}, unread=True)}


def _compose_json(_keyed: KeyedFunction, options: Options, context: ColumnContext, build: PartBuild) -> MaskFunction:
    masks = {where: build(part) for where, part in _json_parts(options).items()}
    chooser = _Chooser(
        [(_path(path) or (), f"paths: {path}") for path in _named(options, "paths")],
        [(key.casefold(), f"keys: {key}") for key in _named(options, "keys")],
        _REST_PART if options["rest"] == _REST else None,
    )
    column = _Documents(masks, _Plans(chooser), str(options["invalid"]), nullable=context.nullable)
    return lambda values, _entity: column.masked(values)


class _Documents:
    """Masks documents: those of common skeletons as columns of their scalars, the others one by one."""

    def __init__(self, masks: Mapping[str, MaskFunction], plans: _Plans, invalid: str, *, nullable: bool) -> None:
        self._masks = masks
        self._plans = plans
        self._invalid = invalid
        self._nullable = nullable

    def masked(self, values: pa.Array) -> pa.Array:
        """Give the documents masked; each different one is looked at once."""
        encoded = values.dictionary_encode()
        texts = encoded.dictionary
        made = [self._together(texts.slice(*portion)) for portion in _portions(texts)]
        return pa.concat_arrays([*made, pa.array([], pa.string())]).take(encoded.indices)

    def _together(self, texts: pa.Array) -> pa.Array:
        rows, made = self._alike(texts)
        if len(rows) == len(texts):
            return made
        others = np.setdiff1d(np.arange(len(texts)), rows)
        single = [
            document
            for start in range(0, len(others), _AT_ONCE)
            for document in self._one_by_one(texts.take(pa.array(others[start : start + _AT_ONCE])).to_pylist())
        ]
        order = np.argsort(np.concatenate([rows, others]))
        return pa.concat_arrays([made, pa.array(single, pa.string())]).take(pa.array(order))

    def _one_by_one(self, made: list[str | None]) -> list[str | None]:
        documents: list[tuple[int, list[str], Sequence[tuple[int, str]]]] = []
        wrong = []
        for row, text in enumerate(made):
            if not text:
                continue
            if _is_json(text):
                documents.append((row, *self._plans.pieces(text)))
            else:
                wrong.append(row)
        _mask_pieces([document[1:] for document in documents], self._masks)
        for row, pieces, _plan in documents:
            made[row] = "".join(filter(None, pieces))
        for row, text in zip(wrong, self._no_json([str(made[row]) for row in wrong]) if wrong else [], strict=True):
            made[row] = text
        return made

    def _no_json(self, texts: list[str]) -> list[str | None]:
        """Give what stands for texts that are no JSON."""
        if self._invalid == "fail" or (self._invalid == "null" and not self._nullable):
            raise MaskError("a value is no JSON")
        scrambled: list[str | None] = self._masks[_INVALID](pa.array(texts), None).to_pylist()
        return [None] * len(texts) if self._invalid == "null" else scrambled

    def _alike(self, texts: pa.Array) -> tuple[Positions, pa.Array]:
        """Give the rows of documents that share their skeleton with enough others, and what those become."""
        filled = np.flatnonzero(byte_layout(texts)[1])
        if len(filled) < _ENOUGH:
            return np.zeros(0, dtype=np.int64), pa.array([], pa.string())
        found = Skeletons.of(texts if len(filled) == len(texts) else texts.take(pa.array(filled)))
        known, places = self._planned(found)
        numbers, spelt = [np.zeros(0, dtype=np.int64)], [pa.array([], pa.string())]
        for part, several in places.items():
            scalars = np.sort(np.concatenate([*several, numbers[0]]))
            plain = found.texts(scalars)
            wanted = known[found.row_of(scalars)]
            if not found.is_string[scalars].all():
                wanted &= found.is_string[scalars] | pc.not_equal(plain, "null").to_numpy(zero_copy_only=False)
            if not wanted.all():
                scalars, plain = scalars[wanted], plain.filter(pa.array(wanted))
            if len(scalars):
                made = self._masks[part](plain, None)
                nothing = pc.is_null(made).to_numpy(zero_copy_only=False)
                known[found.row_of(scalars[nothing])] = False  # the quotes go, too
                numbers.append(scalars)
                spelt.append(_spelt(plain, made.fill_null(""), found.is_string[scalars]))
        every = np.concatenate(numbers)
        order = np.argsort(every, kind="stable")
        documents = found.replaced(every[order], pa.concat_arrays(spelt).take(pa.array(order)))
        rows = filled[found.rows]
        return (rows, documents) if known.all() else (rows[known], documents.filter(pa.array(known)))

    def _planned(self, found: Skeletons) -> tuple[Flags, dict[str, list[Positions]]]:
        """Give which texts are JSON of a skeleton that enough have, and their scalars by the part that masks them."""
        known = np.zeros(len(found.rows), dtype=np.bool_)
        places: dict[str, list[Positions]] = {part: [] for part in self._masks}
        for skeleton, rows in _groups(found):
            plan = self._plans.of_skeleton(skeleton)
            if plan is not None:
                known[rows] = True
                for number, part in plan:
                    places[part].append(found.first[rows] + number)
        literals = np.flatnonzero(~found.is_string)
        odd = pc.invert(pc.match_substring_regex(found.texts(literals), _LITERAL)).to_numpy(zero_copy_only=False)
        known[found.row_of(literals[odd])] = False
        return known, places


def _portions(texts: pa.Array) -> Iterator[tuple[int, int]]:
    """Give where portions of about as many bytes as the processor's cache holds start, and how long they are."""
    starts, _, data = byte_layout(texts)
    cuts = np.searchsorted(starts, np.arange(0, len(data), _BYTES_AT_ONCE))
    edges = np.unique(np.concatenate([np.zeros(1, dtype=np.int64), cuts, np.array([len(texts)])]))
    yield from zip(edges[:-1].tolist(), np.diff(edges).tolist(), strict=True)


def _groups(found: Skeletons) -> Iterator[tuple[str, Positions]]:
    """Give the skeletons that enough texts have, and the rows of each."""
    encoded = found.skeletons.dictionary_encode()
    codes = encoded.indices.to_numpy()
    counts = np.bincount(codes, minlength=len(encoded.dictionary))
    rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    for code in np.flatnonzero(counts >= _ENOUGH):
        yield encoded.dictionary[int(code)].as_py(), rows[code]


def _spelt(plain: pa.Array, made: pa.Array, is_string: Flags) -> pa.Array:
    """Give masked scalars as `_spell` does, strings without their quotes."""
    spelt = made
    if not is_string.all():
        is_flag = pc.is_in(plain, pa.array(["true", "false"]))
        quoted = pc.binary_join_element_wise('"', made, '"', "")
        other = pc.if_else(is_flag, "false", pc.if_else(pc.match_substring_regex(made, _WHOLE_NUMBER), made, quoted))
        spelt = pc.if_else(pa.array(is_string), made, other)
    starts, _, data = byte_layout(made)
    signs = np.flatnonzero(~_SIMPLE_BYTES.take(data))
    if not len(signs):
        return spelt
    odd = np.unique(np.searchsorted(starts, signs, side="right") - 1)
    which = np.zeros(len(made), dtype=np.bool_)
    which[odd] = True
    pairs = zip(
        plain.take(pa.array(odd)).to_pylist(), made.take(pa.array(odd)).to_pylist(), is_string[odd], strict=True
    )
    texts = [_spell(value, f'"{text}"')[1:-1] if string else _spell(value, text) for text, value, string in pairs]
    return pc.replace_with_mask(spelt, pa.array(which), pa.array(texts, pa.string()))


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
        outgrows=True,
    ),
)
