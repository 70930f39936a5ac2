"""`location`: a place near by, for columns of coordinates in degrees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, decimals
from dbmimic.masks.decimals import Whole
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
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import keep_blank
from dbmimic.model.types import Kind

_METERS = 1000
_MOST_METERS = 100_000
_A_DEGREE = 111_700.0  # metres of latitude, at most (WGS 84)
_SIDE = 0.7071  # of a square whose corners are as far away as the furthest shift
_HALF = np.uint64(32)
_NUMBER = r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,14})?"
_PAIR = (
    rf"^(?P<before>[ (\[]*)(?P<latitude>{_NUMBER})(?P<between> *[ ,;/] *)(?P<longitude>{_NUMBER})(?P<after>[ )\]]*)$"
)
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
        wide = np.minimum(reach / _width(latitude[0] / 10.0 ** latitude[1]), float(_HALF_TURN))
        north = _moved(latitude[0], latitude[1], _draw(bits, np.uint64(0)) * reach, _POLE)
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
        build=needs_parts,
        compose=_compose,
        parts=lambda _options: _PARTS,
    ),
)
