"""From the forms of a file to the values that the rest of dbmimic works with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from dbmimic.config.document import Document, KeyPath
from dbmimic.config.models import KeepForm, MaskForm, SandboxForm
from dbmimic.config.slice_forms import CoverForm, CoverTableForm, EdgeForm, SliceForm, TableForm, VirtualKeyForm
from dbmimic.model.names import split_name
from dbmimic.model.request import Budget, Mode
from dbmimic.model.ruleset import ColumnRule, ColumnTrait, KeepRule, MaskRule, RuleLayer, TraitRule, Undecided
from dbmimic.model.sandbox import Lifetime, SandboxLimits
from dbmimic.model.settings import (
    CoverParentSpec,
    CoverSpec,
    EdgeSpec,
    Named,
    SeedSpec,
    SliceSpec,
    TableSpec,
    VirtualKeySpec,
)
from dbmimic.model.types import Kind


def named(document: Document, text: str, path: KeyPath) -> Named:
    """Give `text` with the place of the value at `path`."""
    return Named(text, document.value_place(path))


def slice_spec(form: SliceForm, document: Document) -> SliceSpec:
    """Give the slice as written."""
    seeds = tuple(
        SeedSpec(
            table=named(document, seed.table, ("slice", "seeds", index, "table")),
            where=seed.where,
            percent=seed.percent,
            ids=None
            if seed.ids is None
            else tuple(tuple(item) if isinstance(item, list) else (item,) for item in seed.ids),
        )
        for index, seed in enumerate(form.seeds)
    )
    return SliceSpec(
        mode=None if form.mode is None else Mode(form.mode),
        children=form.children,
        seeds=seeds,
        static=_listed(form.static, document, ("slice", "static")),
        exclude=_listed(form.exclude, document, ("slice", "exclude")),
        edges=tuple(_edge(edge, document, ("slice", "edges", index)) for index, edge in enumerate(form.edges)),
        tables=tuple(_table(each, document, ("slice", "tables", index)) for index, each in enumerate(form.tables)),
        max_rows=form.max_rows,
        virtual_keys=tuple(
            _virtual_key(key, document, ("slice", "virtual_keys", index)) for index, key in enumerate(form.virtual_keys)
        ),
        budget=None
        if form.budget is None
        else Budget(form.budget.rows, form.budget.size, document.key_place(("slice", "budget"))),
        cover=() if form.cover is None else tuple(_covers(form.cover, document)),
    )


def _covers(form: CoverForm, document: Document) -> Iterator[CoverSpec]:
    for word, tables in (("values", form.values), ("pairs", form.pairs)):
        for index, each in enumerate(tables):
            at: KeyPath = ("slice", "cover", word, index)
            if isinstance(each, CoverTableForm):
                yield _cover(each, document, at, pairs=word == "pairs", min_count=form.min_count)
            else:
                yield CoverSpec(named(document, each, at), word == "pairs", form.min_count)


def _cover(form: CoverTableForm, document: Document, at: KeyPath, *, pairs: bool, min_count: int) -> CoverSpec:
    return CoverSpec(
        table=named(document, form.table, (*at, "table")),
        pairs=pairs,
        min_count=min_count,
        columns=None if form.columns is None else _listed(form.columns, document, (*at, "columns")),
        parents=tuple(
            CoverParentSpec(
                named(document, each.edge, (*at, "parents", index, "edge")),
                _listed(each.columns, document, (*at, "parents", index, "columns")),
            )
            for index, each in enumerate(form.parents)
        ),
        children=_listed(form.children, document, (*at, "children")),
    )


def sandbox_limits(form: SandboxForm) -> SandboxLimits:
    """Give the limits as written."""
    return SandboxLimits(Lifetime.read(form.ttl), form.max_count, form.max_size)


def _virtual_key(form: VirtualKeyForm, document: Document, at: KeyPath) -> VirtualKeySpec:
    return VirtualKeySpec(
        child=named(document, form.child, (*at, "child")),
        parent=named(document, form.parent, (*at, "parent")),
        when=None if form.when is None else named(document, form.when, (*at, "when")),
        path=None if form.path is None else named(document, form.path, (*at, "path")),
    )


def _table(form: TableForm, document: Document, at: KeyPath) -> TableSpec:
    return TableSpec(
        table=named(document, form.table, (*at, "table")),
        mode=None if form.mode is None else Mode(form.mode),
        enter=form.enter,
        owner=None if form.owner is None else named(document, form.owner, (*at, "owner")),
    )


def _edge(form: EdgeForm, document: Document, at: KeyPath) -> EdgeSpec:
    return EdgeSpec(
        edge=named(document, form.edge, (*at, "edge")),
        parent=form.parent,
        children=form.children,
        limit=form.limit,
        ratio=form.ratio,
        where=None if form.where is None else named(document, form.where, (*at, "where")),
    )


def _listed(texts: Sequence[str], document: Document, at: KeyPath) -> tuple[Named, ...]:
    return tuple(named(document, text, (*at, index)) for index, text in enumerate(texts))


def layer(
    name: str,
    document: Document,
    at: KeyPath,
    *,
    columns: Mapping[str, str | KeepForm | MaskForm],
    traits: Mapping[ColumnTrait, str | KeepForm | MaskForm],
    own: bool = False,
) -> RuleLayer:
    """Give the rules of one file whose `columns` and `traits` stand under `at`."""
    rules = tuple(
        ColumnRule(split_name(text), _decision(decision), document.key_place((*at, "columns", text)), _types(decision))
        for text, decision in columns.items()
    )
    by_trait = tuple(
        TraitRule(trait, _decision(decision), document.key_place((*at, "traits", trait.value)))
        for trait, decision in traits.items()
    )
    return RuleLayer(name, rules, by_trait, own)


def _decision(form: str | KeepForm | MaskForm) -> KeepRule | MaskRule:
    if isinstance(form, str):
        return MaskRule(form)
    if isinstance(form, KeepForm):
        return KeepRule(form.keep)
    return MaskRule(form.mask, dict(form.model_extra or {}), form.domain)


def _types(form: str | KeepForm | MaskForm) -> frozenset[str]:
    kinds: Sequence[Kind] = [] if isinstance(form, str) else form.types or []
    return frozenset(kind.value for kind in kinds)


def fingerprint(layers: Sequence[RuleLayer], default: Undecided) -> str:
    """Give `sha256:...` over what the layers say, in their order; formatting, comments and places do not count."""
    content = [
        {
            "columns": [[rule.pattern, _said(rule.decision), sorted(rule.types)] for rule in one.columns],
            "traits": [[rule.trait.value, _said(rule.decision)] for rule in one.traits],
        }
        for one in layers
    ]
    text = json.dumps({"default": default.value, "layers": content}, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _said(decision: KeepRule | MaskRule) -> list[object]:
    if isinstance(decision, KeepRule):
        return ["keep", decision.reason]
    return ["mask", decision.mask, decision.options, decision.domain]
