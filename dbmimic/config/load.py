"""Load a configuration: file, environment and flags, one laid over the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from dbmimic.config.complaints import complain
from dbmimic.config.document import Blank, Document, read
from dbmimic.config.interpolate import literal
from dbmimic.config.models import ConfigForm, RulesForm
from dbmimic.config.packs import pack_layers
from dbmimic.config.refreshing import hooks, metrics, notify
from dbmimic.config.translate import fingerprint, layer, named, sandbox_limits, slice_spec
from dbmimic.errors import ConfigError, Problem, UsageError
from dbmimic.model.ruleset import RuleLayer, Ruleset, Undecided
from dbmimic.model.settings import Named, RunsSpec, Settings

DEFAULT = Path("dbmimic.yaml")
STARTING_PACKS = ("structure", "people")

_REFERENCES = (("source",), ("target",), ("secret",), ("metrics", "push"), ("notify", "webhook"))


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the caller gave by flag or argument; it wins over the environment and the file."""

    source: str | None = None
    target: str | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        return "Overrides(...)"


def load(path: Path | None, *, overrides: Overrides, environ: Mapping[str, str]) -> Settings:
    """
    Give the settings of the configuration at `path`, with the environment and then `overrides` laid over it.

    Without `path` it is `dbmimic.yaml` in the working folder; where there is none, the settings hold only what the
    environment and `overrides` say. `source`, `target` and `secret` are left as written and read late (see
    `dbmimic.config.resolve`), so nothing fails here for a database that a command does not need.

    Errors: UsageError DM102 where `path` names no file; ConfigError with every problem of the file and its packs.
    """
    chosen = path if path is not None else DEFAULT
    try:
        data = chosen.read_bytes()
    except FileNotFoundError:
        if path is not None:
            hint = "correct the path, or run `dbmimic init` to write a first configuration"
            raise UsageError("DM102", "there is no configuration file", place=str(path), hint=hint) from None
        settings = Settings(place="", rules=Ruleset(layers=(), fingerprint=fingerprint((), Undecided.FAIL)))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its path holds a NUL"
        message = f"the configuration file cannot be read: {reason}"
        raise ConfigError("DM210", message, place=str(chosen), hint="give a file that can be read with -c") from None
    else:
        settings = _from_file(data, chosen, environ)
    return _overlaid(settings, overrides, environ)


def starting(*, overrides: Overrides, environ: Mapping[str, str]) -> Settings:
    """Give the settings that a first configuration starts from: the shipped packs, and no file."""
    problems: list[Problem] = []
    layers = tuple(pack_layers([Named(pack, "") for pack in STARTING_PACKS], Path(), environ, problems))
    if problems:
        raise ConfigError.of(problems)
    settings = Settings(place="", rules=Ruleset(layers, fingerprint=fingerprint(layers, Undecided.FAIL)))
    return _overlaid(settings, overrides, environ)


def _from_file(data: bytes, path: Path, environ: Mapping[str, str]) -> Settings:
    problems: list[Problem] = []
    document = read(data, str(path), environ, problems=problems, late=_REFERENCES)
    try:
        form = ConfigForm.model_validate({} if document.content is Blank.BLANK else document.content)
    except ValidationError as error:
        complain(error, document, ConfigForm, problems)
        form = ConfigForm()
    packs = pack_layers(_extended(document), path.parent, environ, problems)
    if problems:
        raise ConfigError.of(sorted(problems, key=lambda problem: _position(problem.place)))
    return Settings(
        place=str(path),
        source=_reference(form.source, "source", document, path),
        target=_reference(form.target, "target", document, path),
        secret=_reference(form.secret, "secret", document, path),
        slice=slice_spec(form.slice, document),
        rules=_ruleset(form.rules, packs, document),
        sandbox=sandbox_limits(form.sandbox),
        runs=RunsSpec("" if form.runs.folder is None else str(path.parent / form.runs.folder), form.runs.keep),
        hooks=hooks(form.hooks, document, path.parent),
        log_format=form.logs.format,
        metrics=metrics(form.metrics, document, path.parent),
        notify=None if form.notify is None else notify(form.notify, document, path.parent),
        throttle=form.throttle.spec(),
        retry=form.retry.spec(),
        network=form.network.spec(),
        retention=form.retention.spec(
            document.value_place(("retention", "copies")) if form.retention.copies > 1 else ""
        ),
        mends_text=form.on_encoding_error == "replace",
    )


def _position(place: str) -> tuple[str, int, int]:
    name, line, column = place.rsplit(":", 2)
    return name, int(line), int(column)


def _extended(document: Document) -> list[Named]:
    """Give the packs that are named, from the content itself: they are looked at even where the form is wrong."""
    rules = document.content.get("rules") if isinstance(document.content, dict) else None
    extends = rules.get("extends") if isinstance(rules, dict) else None
    items = enumerate(extends if isinstance(extends, list) else ())
    return [named(document, item, ("rules", "extends", index)) for index, item in items if isinstance(item, str)]


def _reference(text: str | None, key: str, document: Document, path: Path) -> Named | None:
    return None if text is None else Named(text, document.value_place((key,)), str(path.parent))


def _ruleset(form: RulesForm, packs: tuple[RuleLayer, ...], document: Document) -> Ruleset:
    own = layer(document.name, document, ("rules",), columns=form.columns, traits={}, own=True)
    layers = (own, *packs)
    return Ruleset(layers, form.default, fingerprint(layers, form.default))


def _overlaid(settings: Settings, overrides: Overrides, environ: Mapping[str, str]) -> Settings:
    given: dict[str, Named] = {}
    for key, flag in (("source", overrides.source), ("target", overrides.target), ("secret", overrides.secret)):
        variable = f"DBMIMIC_{key.upper()}"
        if flag is not None:
            given[key] = Named(literal(flag), f"--{key}")
        elif environ.get(variable):
            given[key] = Named(literal(environ[variable]), variable)
    return replace(
        settings,
        source=given.get("source", settings.source),
        target=given.get("target", settings.target),
        secret=given.get("secret", settings.secret),
    )
