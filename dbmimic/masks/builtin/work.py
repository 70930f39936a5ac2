"""Where somebody works and as what: `company` and `job_title`."""

from __future__ import annotations

import pyarrow as pa

from dbmimic.masks import canonical, pools
from dbmimic.masks.builtin.person import build_drawn, has_room
from dbmimic.masks.definition import Build, ColumnContext, MaskDefinition, MaskFunction, Options, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import concatenated, keep_blank, same_text
from dbmimic.masks.pools import Pool
from dbmimic.model.types import Kind

_BITS = 32
_FORMS = Pool(pa.array(["and Sons", "Group", "GmbH", "Holding", "Inc", "Ltd", "Partners", "plc", "SA", "Works"]))
_LEVELS = Pool(
    pa.array(
        [
            "Assistant",
            "Associate",
            "Chief",
            "Deputy",
            "Junior",
            "Lead",
            "Principal",
            "Senior",
            "Trainee",
        ]
    )
)
_FIELDS = Pool(
    pa.array(
        [
            "Accountant",
            "Actuary",
            "Analyst",
            "Archivist",
            "Auditor",
            "Baker",
            "Buyer",
            "Carpenter",
            "Chemist",
            "Clerk",
            "Controller",
            "Cook",
            "Dentist",
            "Designer",
            "Developer",
            "Dispatcher",
            "Editor",
            "Electrician",
            "Engineer",
            "Florist",
            "Geologist",
            "Inspector",
            "Interpreter",
            "Librarian",
            "Machinist",
            "Mechanic",
            "Nurse",
            "Optician",
            "Painter",
            "Pharmacist",
            "Photographer",
            "Pilot",
            "Planner",
            "Plumber",
            "Researcher",
            "Secretary",
            "Surveyor",
            "Tailor",
            "Teacher",
            "Technician",
            "Translator",
            "Welder",
            "Writer",
        ]
    )
)
_FEWEST = 10  # characters for a beginning of two


def _build_pair(first_of: str | None, second: Pool) -> Build:
    """Give the builder of a mask that draws an entry of a pool (or a level) and one of a small list after it."""

    def build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
        limit = context.type.length
        if limit is not None and limit < _FEWEST + second.longest:
            return _build_one(first_of, second)(keyed, options, context)
        room = None if limit is None else limit - second.longest - 1
        firsts = (pools.load(first_of) if first_of is not None else _LEVELS).fitting(room)
        beginnings = firsts.followed_by(" ")

        def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
            seen = canonical.folded(values)
            bits = keyed.uniform(seen)
            first, last = firsts.index(bits, 0, _BITS), second.index(bits, _BITS, _BITS)
            made = concatenated(beginnings.take(first), second.cells.take(last))
            same = same_text(made, seen)
            if len(same):
                last[same] = second.next(last[same])
                made = concatenated(beginnings.take(first), second.cells.take(last))
            return keep_blank(values, made)

        return mask

    return build


def _build_one(first_of: str | None, second: Pool) -> Build:
    """Give the builder for a column that has no room for both."""
    if first_of is not None:
        return build_drawn(first_of)

    def build(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
        pool = second.fitting(context.type.length)

        def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
            seen = canonical.folded(values)
            return keep_blank(values, pool.drawn(pool.index(keyed.uniform(seen), 0, _BITS), seen))

        return mask

    return build


_DRAWN = Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL

DEFINITIONS = (
    MaskDefinition(
        name="company",
        summary="A company's name, as `Miller Ltd`.",
        kinds=frozenset({Kind.TEXT}),
        promises=_DRAWN,
        parameters=(),
        domain="company",
        build=_build_pair("last_names", _FORMS),
        drawn=True,
        fits=has_room,
    ),
    MaskDefinition(
        name="job_title",
        summary="What somebody works as, as `Senior Surveyor`.",
        kinds=frozenset({Kind.TEXT}),
        promises=_DRAWN,
        parameters=(),
        domain="job_title",
        build=_build_pair(None, _FIELDS),
        drawn=True,
        fits=has_room,
    ),
)
