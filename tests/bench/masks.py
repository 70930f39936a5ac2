"""What the benchmark masks: twelve columns in four tables. Everything else is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SECRET = "3b0c7e5d9a1f4826c8e0d2b4f6a81357904c6e8fab2d1c3e5f708192a4b6c8d0"
COLUMNS: dict[str, dict[str, Any]] = {
    "customers": {
        "first_name": "first_name",
        "last_name": "last_name",
        "email": "email",
        "phone": "phone",
        "street": "street_address",
        "dob": {"mask": "date_shift", "days": 30, "entity": "id"},
    },
    "addresses": {"street": "street_address", "city": "city"},
    "payments": {"card_holder": "full_name", "card_number": "code", "iban": "code"},
    "employees": {"full_name": "full_name"},
}


def write_config(path: Path, tables: tuple[str, ...]) -> Path:
    """Write a configuration that masks what there is to mask in these tables."""
    rules = {f"{table}.{column}": mask for table in tables for column, mask in COLUMNS.get(table, {}).items()}
    secret = path.with_suffix(".secret")
    secret.write_text(SECRET)
    document = {"secret": f"file:{secret}", "rules": {"default": "keep", "columns": rules}}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path
