"""Names that every engine takes, from names of branches."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from dbmimic.errors import UsageError

_DIGEST = 4  # bytes: eight characters tell apart what is cut or folded alike
_MOST = 255
_PROJECT = 20  # characters of the golden copy's name that a database's name begins with


def checked(name: str) -> str:
    """
    Give the name of a sandbox as it may be.

    Raises:
        UsageError: DM101, it is empty, too long or holds a control character.
    """
    if not name.strip() or len(name) > _MOST or any(unicodedata.category(letter)[0] == "C" for letter in name):
        message = f"a sandbox's name has 1 to {_MOST} characters, none of them a control character"
        raise UsageError("DM101", message, place="NAME", hint="give the name of the branch")
    return name


def database_name(project: str, name: str, longest: int) -> str:
    """
    Give the name of a sandbox's database: lower-case letters, digits and `_`, at most `longest` of them.

    It begins with the project's name and ends with a hash of project and name, always: two names that fold or shorten
    alike are two databases.
    """
    return _joined(f"{_folded(project)[:_PROJECT]}_dbmimic_{_folded(name)}", project, name, longest)


def account_name(project: str, name: str, longest: int) -> str:
    """Give the name of a sandbox's account, made in the same way but for the project's name."""
    return _joined(f"sandbox_{_folded(name)}", project, name, longest)


def _joined(readable: str, project: str, name: str, longest: int) -> str:
    digest = hashlib.blake2b(f"{project}\0{name}".encode(), digest_size=_DIGEST).hexdigest()
    return f"{readable[: longest - len(digest) - 1].rstrip('_')}_{digest}"


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
