"""What pydantic found, in our words, at its place, and without the value that it was found in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dbmimic.config.document import Document, KeyPath
from dbmimic.config.form import Form
from dbmimic.config.models import ConfigForm, KeepForm, MaskForm, PackForm, RulesForm, RunsForm, SandboxForm
from dbmimic.config.nightly_forms import NetworkForm, RetentionForm, RetryForm, ThrottleForm
from dbmimic.config.refresh_forms import HookForm, HooksForm, LogsForm, MetricsForm, NotifyForm
from dbmimic.config.slice_forms import (
    BudgetForm,
    CoverForm,
    CoverParentForm,
    CoverTableForm,
    EdgeForm,
    SeedForm,
    SliceForm,
    TableForm,
    VirtualKeyForm,
)
from dbmimic.config.suggest import suggestion
from dbmimic.errors import Problem
from dbmimic.model.names import nearest
from dbmimic.model.ruleset import ColumnTrait

_EXPECTED: Mapping[str, str] = {
    "string_type": "a text; in quotes if it looks like something else",
    "float_type": "a number",
    "finite_number": "a number that is finite",
    "int_type": "a whole number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "too_short": "a list that is not empty",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
}
_FORM_HINT = "`dbmimic schema` prints what may stand where"
_DECISION = 'a mask\'s name, {mask: NAME, ...} or {keep: "why"}'
_HOOK = "a command (a text or a list of words), {run: COMMAND}, {sql: TEXT} or {sql_file: PATH}"
_CHOICES = {"decision": ("DM204", f"a decision must be {_DECISION}"), "hook": ("DM224", f"a hook must be {_HOOK}")}
_SECTIONS: Mapping[str | int, type[Form]] = {
    "slice": SliceForm,
    "seeds": SeedForm,
    "edges": EdgeForm,
    "tables": TableForm,
    "virtual_keys": VirtualKeyForm,
    "cover": CoverForm,
    "budget": BudgetForm,
    "values": CoverTableForm,
    "pairs": CoverTableForm,
    "parents": CoverParentForm,
    "rules": RulesForm,
    "sandbox": SandboxForm,
    "runs": RunsForm,
    "hooks": HooksForm,
    "before": HookForm,
    "after": HookForm,
    "on_failure": HookForm,
    "logs": LogsForm,
    "metrics": MetricsForm,
    "notify": NotifyForm,
    "throttle": ThrottleForm,
    "retry": RetryForm,
    "retention": RetentionForm,
    "network": NetworkForm,
}
_FORMS: tuple[type[Form], ...] = (ConfigForm, PackForm, *_SECTIONS.values(), KeepForm, MaskForm)
_WORDS = frozenset(word for form in _FORMS for word in form.model_fields)


def complain(error: ValidationError, document: Document, form: type[Form], problems: list[Problem]) -> None:
    """
    Add one problem for each thing that does not fit `form`, with the place of the key or value concerned.

    Where a place has a problem already, a value could not be read there, and that it does not fit says nothing new.
    """
    told = {problem.place for problem in problems}
    found = [_problem(detail, document, form) for detail in error.errors(include_url=False)]
    problems.extend(problem for problem in found if problem.place not in told)


def _problem(detail: ErrorDetails, document: Document, form: type[Form]) -> Problem:
    path = document.path(detail["loc"])
    match detail["type"]:
        case "ours":
            return _ours(detail, document)
        case "extra_forbidden":
            known = _form_at(path[:-1], form).model_fields
            return Problem(
                "DM203", "this key is not known here", document.key_place(path), suggestion(str(path[-1]), known)
            )
        case "missing":
            return Problem("DM204", f"'{detail['loc'][-1]}' is missing here", document.value_place(path), _FORM_HINT)
        case "decision" | "hook" as what:
            code, message = _CHOICES[what]
            return Problem(code, message, document.value_place(path), _FORM_HINT)
    if detail["loc"][-1:] == ("[key]",):
        return Problem(
            "DM203", "this trait is not known", document.key_place(path), suggestion(str(path[-1]), set(ColumnTrait))
        )
    expected = _EXPECTED.get(detail["type"], "of another type").format(**detail.get("ctx", {}))
    message = f"{_subject(path)} must be {expected}"
    return Problem("DM204", message, document.value_place(path), _meant(detail) or _FORM_HINT)


def _meant(detail: ErrorDetails) -> str:
    """Give the word that a misspelt one was meant to be; the misspelt one itself is not shown."""
    words = re.findall(r"'(\w+)'", detail.get("ctx", {}).get("expected", ""))
    close = nearest(detail["input"], words) if isinstance(detail["input"], str) else None
    return "" if close is None else f"did you mean '{close}'?"


def _ours(detail: ErrorDetails, document: Document) -> Problem:
    context = detail["ctx"]
    path = document.path((*detail["loc"], *context["within"]))
    at_key = context["at_key"] or detail["loc"][-1:] == ("[key]",)
    place = document.key_place(path) if at_key else document.value_place(path)
    return Problem(context["code"], context["sentence"], place, context["hint"] or _FORM_HINT)


def _form_at(path: KeyPath, form: type[Form]) -> type[Form]:
    names = [part for part in path if not isinstance(part, int)]
    if not names:
        return form
    return _SECTIONS.get(names[-1], KeepForm) if "columns" not in names and "traits" not in names else KeepForm


def _subject(path: KeyPath) -> str:
    if not path:
        return "the file"
    name = next(part for part in reversed(path) if not isinstance(part, int))
    if name not in _WORDS:
        return "this"
    return f"'{name}'" if name == path[-1] else f"an entry of '{name}'"
