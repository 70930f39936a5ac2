"""What can be pasted into a configuration."""

from __future__ import annotations

import json

from dbmimic.model.suggestion import Suggestion, Suggestions


def suggestions_yaml(suggestions: Suggestions) -> str:
    """Give the section `slice.virtual_keys`, each key with what speaks for it and what share of its rows dangle."""
    if not suggestions.keys:
        return "# no key seems to be missing"
    lines = ["slice:", "  virtual_keys:"]
    for key in suggestions.keys:
        when = f", when: {_quoted(key.when)}" if key.when else ""
        lines += [
            f"    # {_reason(key)}",
            f"    - {{child: {_quoted(key.child)}, parent: {_quoted(key.parent)}{when}}}",
        ]
    return "\n".join(lines)


def _reason(key: Suggestion) -> str:
    tested = f"{key.orphan_share:.1%} of {key.tested:,} rows dangle" if key.tested else "no row holds anything"
    return f"{key.why}; {tested}".replace("\n", " ")


def _quoted(text: str) -> str:
    """Give a text in double quotes: what JSON writes, YAML reads."""
    return json.dumps(text, ensure_ascii=False)
