"""The shape of the configuration file and of rule packs: what may stand where, and of which type."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from dbmimic.config.document import Blank
from dbmimic.config.form import Form, Size, Text, complaint, empty_list, empty_mapping, word_null
from dbmimic.config.nightly_forms import NetworkForm, RetentionForm, RetryForm, ThrottleForm
from dbmimic.config.refresh_forms import HooksForm, LogsForm, MetricsForm, NotifyForm
from dbmimic.config.slice_forms import SliceForm
from dbmimic.model.names import split_name
from dbmimic.model.ruleset import ColumnTrait, Undecided
from dbmimic.model.sandbox import Lifetime
from dbmimic.model.types import Kind

_MOST_PARTS = 3


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
        raise complaint("keeping a column needs a reason", 'write {keep: "why nothing personal stands there"}')
    return value


class MaskForm(Form):
    """Mask the column; further keys are the mask's own options."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    mask: Annotated[
        Text, BeforeValidator(_mask_name), BeforeValidator(word_null), Field(description="The mask's name.")
    ]
    domain: Annotated[Text | None, Field(description="Columns of one domain are masked alike.")] = None
    types: Types | None = None

    @model_validator(mode="after")
    def _options_have_values(self) -> MaskForm:
        for key, value in (self.model_extra or {}).items():
            if _holds_blank(value):
                raise complaint("this option has no value", within=(key,))
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
        raise complaint(
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
    BeforeValidator(word_null),
]
Columns = Annotated[
    dict[Annotated[str, AfterValidator(_pattern)], Decision],
    BeforeValidator(empty_mapping),
    Field(
        description="A decision for each pattern: up to three dotted parts (schema, table, column) matched from the "
        "right, with * and ?."
    ),
]
Extends = Annotated[
    list[Text],
    BeforeValidator(empty_list),
    Field(description="Rule packs by name, or paths of rule files; the last one named is the strongest."),
]


def _says_time(text: str) -> str:
    try:
        Lifetime.read(text)
    except ValueError as error:
        raise complaint(str(error)) from None
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
        BeforeValidator(word_null),
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
    slice: Annotated[SliceForm, BeforeValidator(empty_mapping)] = SliceForm()
    rules: Annotated[RulesForm, BeforeValidator(empty_mapping)] = RulesForm()
    sandbox: Annotated[SandboxForm, BeforeValidator(empty_mapping)] = SandboxForm()
    runs: Annotated[RunsForm, BeforeValidator(empty_mapping)] = RunsForm()
    hooks: Annotated[HooksForm, BeforeValidator(empty_mapping)] = HooksForm()
    logs: Annotated[LogsForm, BeforeValidator(empty_mapping)] = LogsForm()
    metrics: Annotated[MetricsForm, BeforeValidator(empty_mapping)] = MetricsForm()
    notify: Annotated[NotifyForm | None, Field(description="Who is told how a run ended.")] = None
    throttle: Annotated[ThrottleForm, BeforeValidator(empty_mapping)] = ThrottleForm()
    retry: Annotated[RetryForm, BeforeValidator(empty_mapping)] = RetryForm()
    network: Annotated[NetworkForm, BeforeValidator(empty_mapping)] = NetworkForm()
    retention: Annotated[RetentionForm, BeforeValidator(empty_mapping)] = RetentionForm()
    on_encoding_error: Annotated[
        Literal["fail", "replace"],
        Field(description="PostgreSQL: what becomes of a text with bytes that are none in its encoding."),
    ] = "fail"


class PackForm(Form):
    """A rule file that others extend."""

    description: Annotated[Text | None, Field(description="What the pack decides, in a sentence.")] = None
    extends: Extends = []
    traits: Annotated[
        dict[Annotated[ColumnTrait, Field(strict=False)], Decision],
        BeforeValidator(empty_mapping),
        Field(description="Decisions by what the catalogue alone says of a column."),
    ] = {}
    columns: Columns = {}

    @model_validator(mode="after")
    def _traits_without_types(self) -> PackForm:
        for trait, decision in self.traits.items():
            if not isinstance(decision, str) and decision.types is not None:
                message = "'types' has no meaning for a trait"
                raise complaint(message, "leave it out", within=("traits", trait.value, "types"), at_key=True)
        return self
