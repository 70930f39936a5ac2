"""Rule packs: where they are found, how they extend each other, which one is stronger."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from dbmimic.config.complaints import complain
from dbmimic.config.document import Blank, Document, read
from dbmimic.config.models import PackForm
from dbmimic.config.suggest import suggestion
from dbmimic.config.translate import layer
from dbmimic.errors import ConfigError, Problem
from dbmimic.model.ruleset import RuleLayer
from dbmimic.model.settings import Named

_SUFFIXES = (".yaml", ".yml")


def shipped() -> dict[str, Traversable]:
    """Give the packs that come with dbmimic by name, as `structure` or `apps/wordpress`."""
    inside = importlib.resources.files("dbmimic").joinpath("rules", "packs")
    root: Traversable = inside if inside.is_dir() else Path(__file__).parents[2] / "rules"
    return dict(sorted(_below(root, "")))


def _below(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found.extend(_below(entry, f"{prefix}{entry.name}/"))
        elif entry.name.endswith(".yaml"):
            found.append((prefix + entry.name.removesuffix(".yaml"), entry))
    return found


@dataclass(frozen=True, slots=True)
class _Pack:
    """A rule file that was found: `name` tells it apart from others, `folder` is where its own paths start from."""

    name: str
    shown: str
    file: Traversable
    folder: Path | None


@dataclass
class _Extending:
    """The walk over packs that extend packs: each is visited once, after all that it extends."""

    environ: Mapping[str, str]
    problems: list[Problem]
    packs: Mapping[str, Traversable] = field(default_factory=shipped)
    weakest_first: list[RuleLayer] = field(default_factory=list)
    _entered: set[str] = field(default_factory=set)
    _left: set[str] = field(default_factory=set)

    def visit(self, names: Sequence[Named], folder: Path | None) -> None:
        for name in names:
            pack = self._find(name, folder)
            if pack is None or pack.name in self._left:
                continue
            if pack.name in self._entered:
                self._complain(name, "this rule file extends itself, through others or directly", "break the loop")
                continue
            self._entered.add(pack.name)
            found, extends = self._load(pack, name)
            self.visit(extends, pack.folder)
            self._left.add(pack.name)
            self.weakest_first.append(found)

    def _complain(self, name: Named, message: str, hint: str) -> None:
        self.problems.append(Problem("DM211", message, name.place, hint))

    def _find(self, name: Named, folder: Path | None) -> _Pack | None:
        if name.text in self.packs:
            return _Pack(f"pack {name.text}", f"dbmimic/rules/{name.text}.yaml", self.packs[name.text], None)
        if not name.text.endswith(_SUFFIXES):
            self._complain(name, "unknown rule pack", suggestion(name.text, self.packs))
            return None
        if folder is None:
            self._complain(name, "a shipped pack cannot extend a path", "name a shipped pack")
            return None
        file = folder / name.text
        return _Pack(_identity(file), str(file), file, file.parent)

    def _load(self, pack: _Pack, name: Named) -> tuple[RuleLayer, tuple[Named, ...]]:
        nothing = RuleLayer(pack.shown), ()
        if isinstance(pack.file, Path) and (pack.file.is_fifo() or pack.file.is_char_device()):  # it may have no end
            self._complain(name, "this rule file cannot be read: it is a device or a pipe", "name a file")
            return nothing
        try:
            data = pack.file.read_bytes()
        except OSError as error:
            self._complain(name, f"this rule file cannot be read: {error.strerror}", "correct the path")
            return nothing
        try:
            document = read(data, pack.shown, self.environ, problems=self.problems)
            form = PackForm.model_validate({} if document.content is Blank.BLANK else document.content)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return nothing
        except ValidationError as error:
            complain(error, document, PackForm, self.problems)
            return nothing
        return self._translated(form, document, pack)

    def _translated(self, form: PackForm, document: Document, pack: _Pack) -> tuple[RuleLayer, tuple[Named, ...]]:
        rules = layer(pack.shown, document, (), columns=form.columns, traits=form.traits)
        extends = tuple(
            Named(text, document.value_place(("extends", index))) for index, text in enumerate(form.extends)
        )
        return rules, extends


def _identity(file: Path) -> str:
    try:
        return str(file.resolve())
    except (OSError, RuntimeError):  # a loop of symbolic links; reading it tells why it fails
        return str(file.absolute())


def pack_layers(
    names: Sequence[Named], folder: Path, environ: Mapping[str, str], problems: list[Problem]
) -> tuple[RuleLayer, ...]:
    """
    Give the layers of the packs in `names`, strongest first: the last named, what it extends, then the one before.

    A pack that is reached twice takes the weakest of its places, so that it never overrides what extends it. `folder`
    is where relative paths start from. Unknown packs and loops (DM211) and what is wrong in them go to `problems`.
    """
    extending = _Extending(environ, problems)
    extending.visit(names, folder)
    return tuple(reversed(extending.weakest_first))
