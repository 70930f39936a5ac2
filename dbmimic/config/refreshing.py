"""What surrounds a run, from its forms to settings; SQL files are read late."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from dbmimic.config.document import Document, KeyPath
from dbmimic.config.refresh_forms import USUAL_SECONDS, HookForm, HooksForm
from dbmimic.errors import ConfigError
from dbmimic.model.settings import CommandSpec, HooksSpec, SqlSpec
from dbmimic.model.target import Amendment


def hooks(form: HooksForm, document: Document, folder: Path) -> HooksSpec:
    """Give the hooks as written; those of `after` apart, by when they run."""

    def listed(word: str, entries: Iterable[str | list[str] | HookForm]) -> list[CommandSpec | SqlSpec]:
        return [_hook(each, document, ("hooks", word, index), folder) for index, each in enumerate(entries)]

    after = listed("after", form.after)
    return HooksSpec(
        before=_commands(listed("before", form.before)),
        sql=tuple(each for each in after if isinstance(each, SqlSpec)),
        after=_commands(after),
        on_failure=_commands(listed("on_failure", form.on_failure)),
    )


def _commands(hooks: Iterable[CommandSpec | SqlSpec]) -> tuple[CommandSpec, ...]:
    return tuple(each for each in hooks if isinstance(each, CommandSpec))


def _hook(entry: str | list[str] | HookForm, document: Document, at: KeyPath, folder: Path) -> CommandSpec | SqlSpec:
    place = document.value_place(at)
    if not isinstance(entry, HookForm):
        return CommandSpec(_words(entry), place, str(folder), USUAL_SECONDS)
    if entry.run is not None:
        return CommandSpec(_words(entry.run), place, str(folder), entry.timeout)
    file = "" if entry.sql_file is None else str(folder / entry.sql_file)
    return SqlSpec(entry.sql or "", file, place, entry.timeout)


def _words(command: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(shlex.split(command) if isinstance(command, str) else command)


def amendments(hooks: HooksSpec) -> tuple[Amendment, ...]:
    """
    Give the SQL for the new copy, with what stands in files.

    Raises:
        ConfigError: DM225, a file cannot be read.
    """
    return tuple(Amendment(each.text or _read(each), each.place, each.seconds) for each in hooks.sql)


def _read(spec: SqlSpec) -> str:
    hint = "correct the path, which starts from the configuration's folder"
    try:
        text = Path(spec.file).read_text("utf-8-sig")
    except OSError as error:
        message = f"the SQL file {spec.file} cannot be read: {error.strerror}"
        raise ConfigError("DM225", message, place=spec.place, hint=hint) from None
    except ValueError:
        raise ConfigError(
            "DM225", f"the SQL file {spec.file} is not UTF-8 text", place=spec.place, hint="save it as UTF-8"
        ) from None
    if not text.strip() or "\0" in text:
        raise ConfigError("DM225", f"the SQL file {spec.file} holds no SQL", place=spec.place, hint=hint)
    return text
