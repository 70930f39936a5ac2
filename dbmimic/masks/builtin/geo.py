"""Where things are: `location` is a place near by, `place` a column of a table of towns, one town for each entity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, decimals, places
from dbmimic.masks.builtin.address import build_street_address
from dbmimic.masks.decimals import Whole
from dbmimic.masks.definition import (
    PERSONA,
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Part,
    PartBuild,
    Promise,
    matching,
    needs_parts,
)
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import keep_blank
from dbmimic.masks.pools import Pool
from dbmimic.model.types import Kind, LogicalType

_METERS = 1000
_MOST_METERS = 100_000
_A_DEGREE = 111_700.0  # metres of latitude, at most (WGS 84)
_SIDE = 0.7071  # of a square whose corners are as far away as the furthest shift
_HALF = np.uint64(32)
_NUMBER = r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,14})?"
_PAIR = (
    rf"^(?P<before>[ (\[]*)(?P<latitude>{_NUMBER})(?P<between> *[ ,;/] *)(?P<longitude>{_NUMBER})(?P<after>[ )\]]*)$"
)
_ANY_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
_POLE = 90
_HALF_TURN = 180

Floats = npt.NDArray[np.float64]


def _draw(bits: Words, shift: np.uint64) -> Floats:
    """Give a number from -1 to 1 from 32 bits of each word."""
    part = (bits >> shift) & np.uint64(0xFFFFFFFF)
    return part.astype(np.float64) * 0.5**31 - 1.0


def _width(latitude: Floats) -> Floats:
    """
    Give how wide a degree of longitude is, as a share of one at the equator, and never too little.

    Bhaskara's approximation of the cosine, plus its error: sums and products alone are the same on every machine.
    """
    square = latitude * latitude
    return np.maximum(4 * (8100 - square) / (32400 + square), 0.0) + 0.002


def _moved(units: Whole, places: Whole, degrees: Floats, most: int) -> Whole:
    """Give coordinates moved by so many degrees; one beyond the pole comes back, one beyond 180 goes on at -180."""
    one = 10**places
    shift = np.trunc(degrees * one).astype(np.int64)
    made = units + shift
    edge = most * one
    if most == _POLE:
        return np.where(np.abs(made) > edge, units - shift, made)
    return np.where(made > edge, made - 2 * edge, np.where(made < -edge, made + 2 * edge, made))


def _compose(keyed: KeyedFunction, options: Options, context: ColumnContext, build: PartBuild) -> MaskFunction:
    reach = float(str(options["meters"])) * _SIDE / _A_DEGREE
    most = _POLE if options["axis"] == "latitude" else _HALF_TURN
    by_value, by_entity = keyed.sub("value"), keyed.sub("entity")
    column, other = context.type, build(_PARTS["other"])

    def bits_of(values: pa.Array, entity: pa.Array | None) -> Words:
        if entity is None:
            return by_value.uniform(canonical.by_kind(values, column).cast(pa.binary()))
        return by_entity.uniform(canonical.text(entity.fill_null(""), padded=True))

    def pairs(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        fields = pc.extract_regex(values, _PAIR)
        bits = bits_of(values, entity)
        latitude, longitude = (decimals.parse(fields.field(axis).fill_null("0"), None) for axis in _AXES)
        north = _moved(latitude[0], latitude[1], _draw(bits, np.uint64(0)) * reach, _POLE)
        nearest = np.minimum(np.abs(latitude[0]), np.abs(north))  # to the equator, where a degree is widest
        wide = np.minimum(reach / _width(nearest / 10.0 ** latitude[1]), float(_HALF_TURN))
        east = _moved(longitude[0], longitude[1], _draw(bits, _HALF) * wide, _HALF_TURN)
        made = pc.binary_join_element_wise(
            fields.field("before"),
            decimals.spell(north, latitude[1]),
            fields.field("between"),
            decimals.spell(east, longitude[1]),
            fields.field("after"),
            "",
        )
        if fields.null_count:
            made = pc.if_else(pc.is_valid(fields), made, other(values, entity))
        return keep_blank(values, made)

    def numbers(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        scale = column.scale if column.kind is Kind.DECIMAL and column.precision is not None else None
        units, places, valid = decimals.parse(values, scale)
        if not pc.all(pc.or_kleene(pa.array(valid), pc.fill_null(pc.equal(values, ""), True)), min_count=0).as_py():
            raise MaskError("a value is no number of degrees")
        drawn = _draw(bits_of(values, entity), np.uint64(0) if most == _POLE else _HALF)
        made = decimals.spell(_moved(units, places, drawn * reach, most), places)
        return pc.if_else(pa.array(valid), made, values)

    return pairs if column.kind is Kind.TEXT else numbers


_PLACE_BITS = 32
_COORDINATES = "coordinates"
_STREET = "street"  # no column of the table
_PAIR_OF = "{}, {}"


def _column(part: str) -> pa.Array:
    table = places.load()
    if part == _COORDINATES:
        return pa.array(map(_PAIR_OF.format, table["latitude"], table["longitude"]), pa.string())
    return pa.array(table[part], pa.string())


def _build_street(keyed: KeyedFunction, context: ColumnContext) -> MaskFunction:
    """Give the mask that makes a house number and a street of each entity: such as stand in many towns."""
    street = build_street_address(keyed, {}, context)

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        who = canonical.text((values if entity is None else entity).fill_null(""), padded=True)
        made = street(pc.binary_join_element_wise(_STREET, who, ""), None)
        return keep_blank(values, pc.if_else(pc.is_valid(values), made, pa.scalar(None, pa.string())))

    return mask


def _build_place(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    if options.get(PERSONA.name) is not None:
        keyed = keyed.sub("place")  # a person's names are drawn by the other one
    if options["part"] == _STREET:
        return _build_street(keyed.sub(_STREET), context)
    column, limit = _column(str(options["part"])), context.type.length
    entries = column if limit is None else pc.utf8_slice_codeunits(column, 0, limit)
    if context.type.kind is Kind.DECIMAL and context.type.scale is not None:
        units, given, _ = decimals.parse(entries, None)
        scale = np.full(len(units), context.type.scale, dtype=np.int64)
        lost = 10 ** np.maximum(given - scale, 0)
        entries = decimals.spell(np.sign(units) * (np.abs(units) // lost) * 10 ** np.maximum(scale - given, 0), scale)
    pool = Pool(entries)

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        who = values if entity is None else entity
        bits = keyed.uniform(canonical.text(who.fill_null(""), padded=True))
        made = pool.take(pool.index(bits, 0, _PLACE_BITS))
        return keep_blank(values, pc.if_else(pc.is_valid(values), made, pa.scalar(None, pa.string())))

    return mask


def _place_fits(options: Options, context: ColumnContext) -> str | None:
    column, part = context.type, str(options["part"])
    if options.get("entity") is None and options.get(PERSONA.name) is None:
        return "say whose place it is (`entity: COLUMN`, or `persona: COLUMN`), or its columns would not agree"
    if column.kind is Kind.TEXT:
        needed = 1 if part in {"city", _STREET} else int(pc.max(pc.utf8_length(_column(part))).as_py())
        if column.length is not None and column.length < needed:
            return f"what is drawn has up to {needed} characters, and the column holds {column.length}"
        return None
    if part not in _AXES:
        return f"the column holds numbers, so option 'part' must be one of: {', '.join(_AXES)}"
    return _degrees_fit(column)


def _degrees_fit(column: LogicalType) -> str | None:
    if not column.signed:
        return "degrees are below 0 on half of the earth, and the column holds nothing below"
    if column.precision is not None and column.precision - (column.scale or 0) < _WHOLE_DIGITS:
        return f"degrees have up to {_WHOLE_DIGITS} digits before the point, and the column holds fewer"
    return None


_WHOLE_DIGITS = 3
_AXES = ("latitude", "longitude")
_PARTS = {"other": Part("scramble", {})}

DEFINITIONS = (
    MaskDefinition(
        name="location",
        summary="A place near by: `latitude, longitude` as text, or one of the two as a number.",
        kinds=frozenset({Kind.TEXT, Kind.DECIMAL, Kind.FLOAT}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("meters", "integer", default=_METERS, minimum=1, maximum=_MOST_METERS, summary="the furthest"),
            Parameter("axis", "text", default="latitude", choices=_AXES, summary="what a column of numbers holds"),
            Parameter("entity", "column", summary="the column that says whose place it is"),
        ),
        domain="location",
        version=2,
        build=needs_parts,
        compose=_compose,
        parts=lambda _options: _PARTS,
        reads=matching(f"{_PAIR}|{_ANY_NUMBER}"),
    ),
    MaskDefinition(
        name="place",
        summary="A column of a table of real towns: all columns of one entity are of one town, so they agree.",
        kinds=frozenset({Kind.TEXT, Kind.DECIMAL, Kind.FLOAT}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter(
                "part",
                "text",
                required=True,
                choices=(*places.COLUMNS, _COORDINATES, _STREET),
                summary="its column",
            ),
            Parameter("entity", "column", summary="the column that says whose place it is, if it is no `persona`'s"),
        ),
        domain="place",
        build=_build_place,
        fits=_place_fits,
    ),
)
