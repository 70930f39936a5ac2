"""The shape of a configuration's `slice`: which rows come, and along which foreign keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from dbmimic.config.form import Form, Size, Text, complaint, empty_list, empty_mapping, word_null
from dbmimic.model.request import Children, Enter, Parent


def _id_item(value: object) -> object:
    parts = value if isinstance(value, list) else [value]
    if not parts or any(isinstance(part, bool) or not isinstance(part, int | str) for part in parts):
        raise complaint("an id must be a whole number, a text, or a list of them for a key of several columns")
    if any(isinstance(part, int) and not -(2**63) <= part < 2**64 for part in parts):
        raise complaint("an id must fit into 64 bits; write a longer one in quotes")
    return value


Id = Annotated[int | str | list[int | str], BeforeValidator(_id_item)]


class SeedForm(Form):
    """Rows that the slice starts from: a table and exactly one of `where`, `percent` and `ids`."""

    table: Annotated[Text, Field(description="The table, as schema.table or table.")]
    where: Annotated[Text | None, Field(description="A condition in the source's SQL.")] = None
    percent: Annotated[
        float | None,
        Field(gt=0, le=100, allow_inf_nan=False, description="A share of the rows, chosen by the secret: stable."),
    ] = None
    ids: Annotated[
        list[Id] | None,
        Field(min_length=1, description="Values of the primary key; lists of values where it has several columns."),
    ] = None

    @model_validator(mode="after")
    def _one_choice(self) -> SeedForm:
        if [self.where, self.percent, self.ids].count(None) != 2:  # noqa: PLR2004 (two of the three)
            raise complaint("a seed needs exactly one of 'where', 'percent' and 'ids'")
        lengths = {len(item) if isinstance(item, list) else 1 for item in self.ids or ()}
        if len(lengths) > 1:
            raise complaint("all ids of a seed must have the same number of values")
        return self


class EdgeForm(Form):
    """The policy of one foreign key."""

    edge: Annotated[Text, Field(description="The constraint's name, or child(columns), or child(columns) -> parent.")]
    parent: Annotated[
        Parent | None,
        Field(
            strict=False,
            description="What happens where the parent is not in the slice. follow (the default): it comes along; "
            "null: the reference becomes NULL; drop-child: the row leaves; stop: nothing, and the copy is refused if "
            "one is missing.",
        ),
        BeforeValidator(word_null),
    ] = None
    children: Annotated[
        Children | None, Field(strict=False, description="Whether the children of rows asked for come along.")
    ] = None
    limit: Annotated[int | None, Field(ge=0, description="At most so many children of each parent.")] = None
    ratio: Annotated[
        float | None, Field(gt=0, le=1, allow_inf_nan=False, description="The share of the children that comes along.")
    ] = None
    where: Annotated[Text | None, Field(description="A condition on the child, in the source's SQL.")] = None

    @model_validator(mode="after")
    def _says_something(self) -> EdgeForm:
        thinned = [word for word in ("limit", "ratio", "where") if getattr(self, word) is not None]
        if self.parent is None and self.children is None and not thinned:
            raise complaint("this policy says nothing", "add 'parent', 'children', 'limit', 'ratio' or 'where'")
        if self.children is Children.STOP and thinned:
            message = f"children do not come along over this edge, so '{thinned[0]}' has no meaning"
            raise complaint(message, "keep one of the two", code="DM212", within=(thinned[0],))
        return self


class VirtualKeyForm(Form):
    """A foreign key that the database does not declare."""

    child: Annotated[Text, Field(description="The columns that reference, as table(columns).")]
    parent: Annotated[Text, Field(description="The columns that are referenced, as table(columns).")]
    when: Annotated[
        Text | None,
        Field(description="The child's rows that it holds for: a condition in the source's SQL."),
    ] = None
    path: Annotated[
        Text | None,
        Field(description="Where the reference stands in the child's column, a JSON document: userId, or user.ids[0]."),
    ] = None


class TableForm(Form):
    """How one table is sliced, where it is not as the rest."""

    table: Annotated[Text, Field(description="The table, as schema.table or table.")]
    mode: Annotated[
        Literal["closure", "restrict"] | None,
        Field(description="restrict keeps every row that does not lose a parent; closure only what is asked for."),
    ] = None
    enter: Annotated[
        Enter,
        Field(
            strict=False,
            description="Which rows come along with their parents, where several foreign keys lead here. any (the "
            "default): one of them does; all: all do that are not NULL; owner: the one does that 'owner' names.",
        ),
    ] = Enter.ANY
    owner: Annotated[Text | None, Field(description="The foreign key that rows come along over.")] = None

    @model_validator(mode="after")
    def _says_something(self) -> TableForm:
        if (self.enter is Enter.OWNER) != (self.owner is not None):
            message = "'enter: owner' and 'owner' belong together"
            raise complaint(message, "write both, or none", code="DM212")
        if self.mode is None and self.enter is Enter.ANY:
            raise complaint("this says nothing of the table", "add 'mode' or 'enter'")
        return self


class CoverParentForm(Form):
    """Columns of a parent that the covered rows reference."""

    edge: Annotated[Text, Field(description="The foreign key, by its name or as child(columns).")]
    columns: Annotated[list[Text], Field(min_length=1, description="Columns of the parent.")]


class CoverTableForm(Form):
    """What of one table is covered."""

    table: Annotated[Text, Field(description="The table, as schema.table or table.")]
    columns: Annotated[
        list[Text] | None,
        Field(
            min_length=1,
            description="The columns that are covered. Default: all but keys, and how many children each row has.",
        ),
    ] = None
    parents: Annotated[
        list[CoverParentForm],
        BeforeValidator(empty_list),
        Field(description="Columns of parents that are covered as if they were the table's own."),
    ] = []
    children: Annotated[
        list[Text],
        BeforeValidator(empty_list),
        Field(description="Foreign keys to this table: covered are rows with no child, one, many and most of all."),
    ] = []


Covered = Annotated[
    list[
        Annotated[
            Annotated[Text, Tag("covered-name")] | Annotated[CoverTableForm, Tag("covered-table")],
            Discriminator(lambda value: "covered-name" if isinstance(value, str) else "covered-table"),
        ]
    ],
    BeforeValidator(empty_list),
]


class CoverForm(Form):
    """Values, and pairs of values, that the slice holds because the source does."""

    values: Annotated[Covered, Field(description="Tables of which every value of each column is held.")] = []
    pairs: Annotated[
        Covered, Field(description="Tables of which every value is held, and every pair of two columns' values.")
    ] = []
    min_count: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="Values and pairs that fewer rows hold are left out: they would single somebody out.",
        ),
    ] = 5

    @model_validator(mode="after")
    def _names_something(self) -> CoverForm:
        if not self.values and not self.pairs:
            raise complaint("this covers nothing", "name tables under 'values' or 'pairs'", code="DM212")
        return self


class BudgetForm(Form):
    """How large the slice is to be, within a tenth where the data allow it: exactly one of `rows` and `size`."""

    rows: Annotated[int | None, Field(ge=1, description="So many rows, of all tables together.")] = None
    size: Annotated[
        Size | None,
        Field(description="So many bytes, as the rows' values are written, without indexes: 2GB, 500 MB, 100MiB."),
    ] = None

    @model_validator(mode="after")
    def _one_choice(self) -> BudgetForm:
        if (self.rows is None) == (self.size is None):
            raise complaint("a budget needs exactly one of 'rows' and 'size'")
        return self


class SliceForm(Form):
    """Which rows are copied."""

    mode: Annotated[
        Literal["full", "closure", "restrict"] | None,
        Field(
            description="full copies every row (the default without seeds); closure copies the seeds, their parents "
            "and chosen children (the default with seeds); restrict copies every row, of tables with seeds those "
            "alone, and leaves out what then lost a parent."
        ),
    ] = None
    children: Annotated[
        Children, Field(strict=False, description="Whether children of the rows asked for come along.")
    ] = Children.FOLLOW
    seeds: Annotated[list[SeedForm], BeforeValidator(empty_list), Field(description="Where the slice starts.")] = []
    static: Annotated[
        list[Text], BeforeValidator(empty_list), Field(description="Tables that come whole, with their parents.")
    ] = []
    exclude: Annotated[
        list[Text], BeforeValidator(empty_list), Field(description="Tables that come without rows.")
    ] = []
    edges: Annotated[
        list[EdgeForm], BeforeValidator(empty_list), Field(description="Policies for single foreign keys.")
    ] = []
    tables: Annotated[
        list[TableForm], BeforeValidator(empty_list), Field(description="Tables that are sliced by another mode.")
    ] = []
    max_rows: Annotated[
        int | None, Field(ge=1, description="The most rows that the slice may have: a larger one is refused.")
    ] = None
    virtual_keys: Annotated[
        list[VirtualKeyForm],
        BeforeValidator(empty_list),
        Field(description="Foreign keys that are not declared; followed, masked and audited like those that are."),
    ] = []
    cover: Annotated[
        CoverForm | None,
        BeforeValidator(empty_mapping),
        Field(description="Values, and pairs of values, that the slice holds because the source does."),
    ] = None
    budget: Annotated[
        BudgetForm | None,
        BeforeValidator(empty_mapping),
        Field(description="How large the slice is to be: the percent seeds are scaled until it is."),
    ] = None

    @model_validator(mode="after")
    def _without_contradiction(self) -> SliceForm:
        nothing = not self.seeds and not self.static and not self.tables and not self.cover
        if self.mode is None and nothing and "seeds" in self.model_fields_set:
            message = "there is no seed in this list, and without one every row would be copied"
            raise complaint(message, "add seeds, or say so: 'mode: full'", code="DM212", within=("seeds",))
        if self.mode == "full" and (self.seeds or self.cover):
            message = (
                f"the mode 'full' takes every row, so {'seeds have' if self.seeds else 'cover has'} no meaning in it"
            )
            raise complaint(message, "use 'closure', or leave that out", code="DM212", within=("mode",))
        if self.mode == "closure" and nothing:
            message = "the mode 'closure' has nothing to start from"
            raise complaint(message, "add 'seeds', 'cover' or 'static', or use 'full'", code="DM212", within=("mode",))
        if self.mode == "restrict" and not self.seeds:
            message = "the mode 'restrict' has nothing to restrict by"
            raise complaint(message, "add 'seeds', or use 'full'", code="DM212", within=("mode",))
        if self.mode == "full" and (self.edges or self.tables):
            message = "the mode 'full' takes every row, so there is nothing to choose by edge or table"
            raise complaint(message, "use 'closure' or 'restrict'", code="DM212", within=("mode",))
        if self.budget is not None and not any(seed.percent is not None for seed in self.seeds):
            message = "no seed of this slice is a percent, so there is nothing that a budget could scale"
            hint = "add {table: ..., percent: 1} to the seeds, or leave the budget out"
            raise complaint(message, hint, code="DM223", within=("budget",))
        for index, table in enumerate(self.exclude):
            if table in self.static:
                message = "this table is excluded here and listed under 'static', too"
                raise complaint(message, "keep one of the two", code="DM212", within=("exclude", index))
        return self
