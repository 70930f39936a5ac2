"""Why the server refused a seed's condition, by its SQLSTATE."""

from __future__ import annotations

_REASONS = {
    "08P01": "it holds a parameter",
    "22P02": "a literal does not fit the type that it is compared with",
    "25006": "it would write to the source",
    "42501": "it needs a right that the role does not have",
    "42601": "it is not valid SQL",
    "42702": "it names a column in a way that fits several",
    "42703": "it names a column that the table does not have",
    "42704": "it names a type that does not exist",
    "42804": "it is not boolean",
    "42883": "it names a function or operator that does not exist for these types",
    "42P01": "it names a table that does not exist",
}
_OURS_TO_TELL = ("08P01", "22", "25", "2F", "38", "39", "42", "0A", "P0", "21")


def reason(state: str) -> str | None:
    """Give why the server refused a condition, or None where the condition is not to blame."""
    if not state.startswith(_OURS_TO_TELL):
        return None
    return f"{_REASONS.get(state, 'the server refused it')} (SQLSTATE {state})"
