"""The shape of what surrounds a run: hooks, log lines, metrics and notices."""

from __future__ import annotations

import shlex
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from dbmimic.config.form import Form, Text, complaint, empty_list
from dbmimic.model.events import LogFormat
from dbmimic.model.sandbox import Lifetime
from dbmimic.model.settings import Telling

USUAL_SECONDS = 300.0
_FOREVER = "a hook that never ends holds the run for ever"


def _seconds(value: object) -> object:
    """Give seconds for a text such as 90s, 5m or 1h."""
    if not isinstance(value, str):
        raise complaint("a time limit is a number and a unit", "write 90s, 5m or 1h")
    try:
        length = Lifetime.read(value).length
    except ValueError:
        raise complaint("a time limit is a number and a unit", "write 90s, 5m or 1h") from None
    if length is None:
        raise complaint(_FOREVER, "write 90s, 5m or 1h")
    return length.total_seconds()


Seconds = Annotated[float, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": "^[0-9]+[smhdw]$"})]


def _line(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError:
        raise complaint("the command has a quote that is not closed", code="DM224") from None
    if not words:
        raise complaint("there is no command here", code="DM224")
    return text


def _kind(value: object) -> str | None:
    if isinstance(value, str):
        return "command-line"
    if isinstance(value, list):
        return "command-words"
    return "hook-form" if isinstance(value, dict) else None


Line = Annotated[Text, AfterValidator(_line), Field(description="A command; it is split into words, and no shell runs")]
Words = Annotated[list[Text], Field(min_length=1, description="A command, word by word.")]
Command = Annotated[
    Annotated[Line, Tag("command-line")] | Annotated[Words, Tag("command-words")],
    Discriminator(_kind, custom_error_type="hook", custom_error_message="hook"),
]


class HookForm(Form):
    """A command, or SQL for the new copy."""

    run: Annotated[Command | None, Field(description="A command: a text, or a list of words.")] = None
    sql: Annotated[Text | None, Field(description="Statements that run in the new copy.")] = None
    sql_file: Annotated[Text | None, Field(description="A file with such statements, relative to this one.")] = None
    timeout: Annotated[
        Seconds, Field(description="How long it may take, as 90s or 5m.", json_schema_extra={"default": "5m"})
    ] = USUAL_SECONDS

    @model_validator(mode="after")
    def _one_of_them(self) -> HookForm:
        given = [word for word in ("run", "sql", "sql_file") if getattr(self, word) is not None]
        if len(given) != 1:
            message = "a hook has one of 'run', 'sql' and 'sql_file'"
            raise complaint(message, "leave out all but one" if given else "write a command or SQL", code="DM224")
        return self


Hook = Annotated[
    Annotated[Line, Tag("command-line")]
    | Annotated[Words, Tag("command-words")]
    | Annotated[HookForm, Tag("hook-form")],
    Discriminator(_kind, custom_error_type="hook", custom_error_message="hook"),
]
Hooks = Annotated[list[Hook], BeforeValidator(empty_list)]


def _only_commands(hooks: list[str | list[str] | HookForm]) -> list[str | list[str] | HookForm]:
    for index, hook in enumerate(hooks):
        if isinstance(hook, HookForm) and hook.run is None:
            message = "SQL runs in a new copy, and there is none at this time"
            raise complaint(message, "write it under 'after', or let a command do it", code="DM224", within=(index,))
    return hooks


class HooksForm(Form):
    """What is done around a run."""

    before: Annotated[
        Hooks,
        AfterValidator(_only_commands),
        Field(description="Commands that run when the target is held, before anything is read."),
    ] = []
    after: Annotated[
        Hooks,
        Field(
            description="SQL that runs in the verified new copy before it is put in place, and commands that run when "
            "it is."
        ),
    ] = []
    on_failure: Annotated[
        Hooks, AfterValidator(_only_commands), Field(description="Commands that run after a run that failed.")
    ] = []


class LogsForm(Form):
    """How a run is told on standard error."""

    format: Annotated[
        LogFormat,
        Field(
            strict=False,
            description="auto: bars on a terminal and lines elsewhere; text: lines; json: lines of JSON.",
        ),
    ] = LogFormat.AUTO


class MetricsForm(Form):
    """Where numbers of each run go, in Prometheus's text format."""

    textfile: Annotated[
        Text | None, Field(description="A file for node_exporter's textfile collector, relative to this one.")
    ] = None
    push: Annotated[
        Text | None, Field(description="URL of a push gateway: ${NAME}, file:PATH and cmd:COMMAND are followed.")
    ] = None


class NotifyForm(Form):
    """Who is told how a run ended."""

    on: Annotated[
        Telling,
        Field(
            strict=False,
            description="failure: of runs that failed; always; change: where one failed and the one before did not, or "
            "the other way round.",
        ),
    ] = Telling.FAILURE
    run: Annotated[Command | None, Field(description="A command, which is given the words on standard input.")] = None
    webhook: Annotated[
        Text | None,
        Field(description="URL that is sent JSON by POST: ${NAME}, file:PATH and cmd:COMMAND are followed."),
    ] = None
    timeout: Annotated[
        Seconds, Field(description="How long either may take, as 30s.", json_schema_extra={"default": "30s"})
    ] = 30.0

    @model_validator(mode="after")
    def _somebody(self) -> NotifyForm:
        if self.run is None and self.webhook is None:
            raise complaint("nobody is told: there is no 'run' and no 'webhook'", "write one of the two", code="DM226")
        return self
