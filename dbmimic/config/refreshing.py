"""What surrounds a run, from its forms to settings; SQL files and addresses are read late."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from dbmimic.config.document import Document, KeyPath
from dbmimic.config.refresh_forms import USUAL_SECONDS, HookForm, HooksForm, MetricsForm, NotifyForm
from dbmimic.config.resolve import followed
from dbmimic.errors import ConfigError
from dbmimic.model.settings import CommandSpec, HooksSpec, MetricsSpec, Named, NotifySpec, SqlSpec
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


def metrics(form: MetricsForm, document: Document, folder: Path) -> MetricsSpec:
    """Give where metrics go."""
    textfile = "" if form.textfile is None else str(folder / form.textfile)
    return MetricsSpec(textfile, _named(form.push, document, ("metrics", "push"), folder))


def notify(form: NotifyForm, document: Document, folder: Path) -> NotifySpec:
    """Give who is told of which ends."""
    place = document.key_place(("notify", "run"))
    command = None if form.run is None else CommandSpec(_words(form.run), place, str(folder), form.timeout)
    webhook = _named(form.webhook, document, ("notify", "webhook"), folder)
    return NotifySpec(form.on, command, webhook, form.timeout)


def _named(text: str | None, document: Document, at: KeyPath, folder: Path) -> Named | None:
    return None if text is None else Named(text, document.value_place(at), str(folder))


def url(named: Named, environ: Mapping[str, str]) -> str:
    """
    Give the address that a reference leads to.

    Raises:
        ConfigError: DM210, a variable, file or command gives nothing; DM226, it is no URL of HTTP. Neither shows it.
    """
    text = followed(named, environ)
    try:
        parts = urlsplit(text)
        fit = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        fit = False
    if not fit or not text.isascii() or any(sign <= " " for sign in text):
        message = "this is not a URL of HTTP"
        raise ConfigError("DM226", message, place=named.place, hint="write https://host/path")
    return text


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
