"""The shape of the configuration file and of rule packs: what may stand where, and of which type."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from dbmimic.config.document import Blank
from dbmimic.model.names import split_name
from dbmimic.model.request import Children, Enter, Parent
from dbmimic.model.ruleset import ColumnTrait, Undecided
from dbmimic.model.sandbox import Lifetime
from dbmimic.model.size import byte_count
from dbmimic.model.types import Kind

_MOST_PARTS = 3


def _complaint(
    message: str, hint: str = "", *, code: str = "DM204", within: tuple[str | int, ...] = (), at_key: bool = False
) -> PydanticCustomError:
    """Give an error of ours; `within` is the way on from the validated value to the one that is wrong."""
    context = {"sentence": message, "hint": hint, "code": code, "within": within, "at_key": at_key}
    return PydanticCustomError("ours", "{sentence}", context)


def _empty_list(value: object) -> object:
    return [] if value is Blank.BLANK else value


def _empty_mapping(value: object) -> object:
    return {} if value is Blank.BLANK else value


def _not_blank(text: object) -> object:
    if isinstance(text, str) and not text.strip():
        raise _complaint("this text is empty")
    return text


def _word_null(value: object) -> object:
    return "null" if value is None else value


Text = Annotated[str, BeforeValidator(_not_blank), Field(json_schema_extra={"minLength": 1})]


class Form(BaseModel):
    """The base of all forms: no type is converted and no key is passed over."""

    model_config: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


Types = Annotated[
    list[Annotated[Kind, Field(strict=False)]],
    Field(min_length=1, description="Limit the rule to columns of these families of types."),
]


class KeepForm(Form):
    """Copy the column as it is, and say why."""

    keep: Annotated[Text, Field(description="Why nothing personal stands there.")]
    types: Types | None = None


def _mask_name(value: object) -> object:
    if value == "keep":
        raise _complaint("keeping a column needs a reason", 'write {keep: "why nothing personal stands there"}')
    return value


class MaskForm(Form):
    """Mask the column; further keys are the mask's own options."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    mask: Annotated[
        Text, BeforeValidator(_mask_name), BeforeValidator(_word_null), Field(description="The mask's name.")
    ]
    domain: Annotated[Text | None, Field(description="Columns of one domain are masked alike.")] = None
    types: Types | None = None

    @model_validator(mode="after")
    def _options_have_values(self) -> MaskForm:
        for key, value in (self.model_extra or {}).items():
            if _holds_blank(value):
                raise _complaint("this option has no value", within=(key,))
        return self


def _holds_blank(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_blank(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_blank(item) for item in value)
    return value is Blank.BLANK


def _pattern(text: str) -> str:
    parts = split_name(text)
    if len(parts) > _MOST_PARTS or not all(parts):
        raise _complaint(
            "a pattern has one to three parts with dots between them; a part may stand in double quotes",
            "write schema.table.column, table.column or column",
        )
    return text


def _decision_kind(value: object) -> str | None:
    if isinstance(value, str):
        return "decision-name"
    if not isinstance(value, dict) or ("mask" in value and isinstance(value.get("keep"), str)):
        return None
    if "mask" in value:
        return "decision-mask"  # where `keep` is no reason, it is an option of the mask
    return "decision-keep" if "keep" in value else None


Decision = Annotated[
    Annotated[Text, BeforeValidator(_mask_name), Field(description="A mask's name."), Tag("decision-name")]
    | Annotated[KeepForm, Tag("decision-keep")]
    | Annotated[MaskForm, Tag("decision-mask")],
    Discriminator(
        _decision_kind,
        custom_error_type="decision",
        custom_error_message="decision",
    ),
    BeforeValidator(_word_null),
]
Columns = Annotated[
    dict[Annotated[str, AfterValidator(_pattern)], Decision],
    BeforeValidator(_empty_mapping),
    Field(
        description="A decision for each pattern: up to three dotted parts (schema, table, column) matched from the "
        "right, with * and ?."
    ),
]
Extends = Annotated[
    list[Text],
    BeforeValidator(_empty_list),
    Field(description="Rule packs by name, or paths of rule files; the last one named is the strongest."),
]


def _id_item(value: object) -> object:
    parts = value if isinstance(value, list) else [value]
    if not parts or any(isinstance(part, bool) or not isinstance(part, int | str) for part in parts):
        raise _complaint("an id must be a whole number, a text, or a list of them for a key of several columns")
    if any(isinstance(part, int) and not -(2**63) <= part < 2**64 for part in parts):
        raise _complaint("an id must fit into 64 bits; write a longer one in quotes")
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
            raise _complaint("a seed needs exactly one of 'where', 'percent' and 'ids'")
        lengths = {len(item) if isinstance(item, list) else 1 for item in self.ids or ()}
        if len(lengths) > 1:
            raise _complaint("all ids of a seed must have the same number of values")
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
        BeforeValidator(_word_null),
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
            raise _complaint("this policy says nothing", "add 'parent', 'children', 'limit', 'ratio' or 'where'")
        if self.children is Children.STOP and thinned:
            message = f"children do not come along over this edge, so '{thinned[0]}' has no meaning"
            raise _complaint(message, "keep one of the two", code="DM212", within=(thinned[0],))
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
            raise _complaint(message, "write both, or none", code="DM212")
        if self.mode is None and self.enter is Enter.ANY:
            raise _complaint("this says nothing of the table", "add 'mode' or 'enter'")
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
        BeforeValidator(_empty_list),
        Field(description="Columns of parents that are covered as if they were the table's own."),
    ] = []
    children: Annotated[
        list[Text],
        BeforeValidator(_empty_list),
        Field(description="Foreign keys to this table: covered are rows with no child, one, many and most of all."),
    ] = []


Covered = Annotated[
    list[
        Annotated[
            Annotated[Text, Tag("covered-name")] | Annotated[CoverTableForm, Tag("covered-table")],
            Discriminator(lambda value: "covered-name" if isinstance(value, str) else "covered-table"),
        ]
    ],
    BeforeValidator(_empty_list),
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
            raise _complaint("this covers nothing", "name tables under 'values' or 'pairs'", code="DM212")
        return self


def _size(value: object) -> object:
    """Give bytes for a text such as 2GB; a number is bytes already."""
    if not isinstance(value, str):
        return value
    try:
        return byte_count(value)
    except ValueError as error:
        raise _complaint(str(error), "write 2GB") from None


Size = Annotated[
    int, BeforeValidator(_size), Field(ge=1), WithJsonSchema({"type": ["integer", "string"], "minimum": 1})
]


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
            raise _complaint("a budget needs exactly one of 'rows' and 'size'")
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
    seeds: Annotated[list[SeedForm], BeforeValidator(_empty_list), Field(description="Where the slice starts.")] = []
    static: Annotated[
        list[Text], BeforeValidator(_empty_list), Field(description="Tables that come whole, with their parents.")
    ] = []
    exclude: Annotated[
        list[Text], BeforeValidator(_empty_list), Field(description="Tables that come without rows.")
    ] = []
    edges: Annotated[
        list[EdgeForm], BeforeValidator(_empty_list), Field(description="Policies for single foreign keys.")
    ] = []
    tables: Annotated[
        list[TableForm], BeforeValidator(_empty_list), Field(description="Tables that are sliced by another mode.")
    ] = []
    max_rows: Annotated[
        int | None, Field(ge=1, description="The most rows that the slice may have: a larger one is refused.")
    ] = None
    virtual_keys: Annotated[
        list[VirtualKeyForm],
        BeforeValidator(_empty_list),
        Field(description="Foreign keys that are not declared; followed, masked and audited like those that are."),
    ] = []
    cover: Annotated[
        CoverForm | None,
        BeforeValidator(_empty_mapping),
        Field(description="Values, and pairs of values, that the slice holds because the source does."),
    ] = None
    budget: Annotated[
        BudgetForm | None,
        BeforeValidator(_empty_mapping),
        Field(description="How large the slice is to be: the percent seeds are scaled until it is."),
    ] = None

    @model_validator(mode="after")
    def _without_contradiction(self) -> SliceForm:
        if self.mode == "full" and (self.seeds or self.cover):
            message = (
                f"the mode 'full' takes every row, so {'seeds have' if self.seeds else 'cover has'} no meaning in it"
            )
            raise _complaint(message, "use 'closure', or leave that out", code="DM212", within=("mode",))
        if self.mode == "closure" and not self.seeds and not self.static and not self.tables and not self.cover:
            message = "the mode 'closure' has nothing to start from"
            raise _complaint(message, "add 'seeds', 'cover' or 'static', or use 'full'", code="DM212", within=("mode",))
        if self.mode == "restrict" and not self.seeds:
            message = "the mode 'restrict' has nothing to restrict by"
            raise _complaint(message, "add 'seeds', or use 'full'", code="DM212", within=("mode",))
        if self.mode == "full" and (self.edges or self.tables):
            message = "the mode 'full' takes every row, so there is nothing to choose by edge or table"
            raise _complaint(message, "use 'closure' or 'restrict'", code="DM212", within=("mode",))
        if self.budget is not None and not any(seed.percent is not None for seed in self.seeds):
            message = "no seed of this slice is a percent, so there is nothing that a budget could scale"
            hint = "add {table: ..., percent: 1} to the seeds, or leave the budget out"
            raise _complaint(message, hint, code="DM223", within=("budget",))
        for index, table in enumerate(self.exclude):
            if table in self.static:
                message = "this table is excluded here and listed under 'static', too"
                raise _complaint(message, "keep one of the two", code="DM212", within=("exclude", index))
        return self


def _says_time(text: str) -> str:
    try:
        Lifetime.read(text)
    except ValueError as error:
        raise _complaint(str(error)) from None
    return text


class SandboxForm(Form):
    """What sandboxes may take."""

    ttl: Annotated[
        Text, AfterValidator(_says_time), Field(description="How long a sandbox lives, as 12h, 3d or 2w; or never.")
    ] = "7d"
    max_count: Annotated[int, Field(ge=1, description="How many sandboxes there may be at a time.")] = 100
    max_size: Annotated[
        Size | None, Field(description="How large all sandboxes may be together, as 500MB or 20GB.")
    ] = None


class RunsForm(Form):
    """What is remembered of runs."""

    folder: Annotated[
        Text | None, Field(description="Where: a path, relative to this file. Default: the user's state folder.")
    ] = None
    keep: Annotated[int, Field(ge=1, description="How many runs are remembered.")] = 200


class RulesForm(Form):
    """What happens to each column."""

    extends: Extends = []
    default: Annotated[
        Undecided,
        Field(strict=False, description="What happens to a column that nothing decides."),
        BeforeValidator(_word_null),
    ] = Undecided.FAIL
    columns: Columns = {}


class ConfigForm(Form):
    """One copy: from where, to where, which rows, and what happens to each column."""

    source: Annotated[
        Text | None,
        Field(description="URL of the database to read: ${NAME}, file:PATH and cmd:COMMAND are followed."),
    ] = None
    target: Annotated[
        Text | None,
        Field(description="URL of the database to replace: ${NAME}, file:PATH and cmd:COMMAND are followed."),
    ] = None
    secret: Annotated[
        Text | None,
        Field(description="32 bytes or more, hex or base64; never written here, but ${NAME}, file:PATH, cmd:COMMAND."),
    ] = None
    slice: Annotated[SliceForm, BeforeValidator(_empty_mapping)] = SliceForm()
    rules: Annotated[RulesForm, BeforeValidator(_empty_mapping)] = RulesForm()
    sandbox: Annotated[SandboxForm, BeforeValidator(_empty_mapping)] = SandboxForm()
    runs: Annotated[RunsForm, BeforeValidator(_empty_mapping)] = RunsForm()


class PackForm(Form):
    """A rule file that others extend."""

    description: Annotated[Text | None, Field(description="What the pack decides, in a sentence.")] = None
    extends: Extends = []
    traits: Annotated[
        dict[Annotated[ColumnTrait, Field(strict=False)], Decision],
        BeforeValidator(_empty_mapping),
        Field(description="Decisions by what the catalogue alone says of a column."),
    ] = {}
    columns: Columns = {}

    @model_validator(mode="after")
    def _traits_without_types(self) -> PackForm:
        for trait, decision in self.traits.items():
            if not isinstance(decision, str) and decision.types is not None:
                message = "'types' has no meaning for a trait"
                raise _complaint(message, "leave it out", within=("traits", trait.value, "types"), at_key=True)
        return self
