"""A document sent to somebody's address by POST."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from dbmimic.outside.reasons import told


def post(url: str, document: Mapping[str, object], seconds: float) -> str:
    """Send a JSON document, and give why it was not taken, or nothing; the address is told to nobody else."""
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "dbmimic"}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = Request(bare, json.dumps(document).encode(), headers, method="POST")  # noqa: S310 -- HTTP, as was checked
    try:
        with urlopen(request, timeout=seconds):  # noqa: S310 -- the same
            return ""
    except HTTPError as error:
        error.close()
        return f"it answered {error.code}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return told(error)
