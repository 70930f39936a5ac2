"""Read late the secret that a configuration refers to."""

from __future__ import annotations

from collections.abc import Mapping

from dbmimic.config.resolve import followed
from dbmimic.errors import ConfigError
from dbmimic.masks.keyed import SecretError, parse_secret
from dbmimic.model.address import Secret
from dbmimic.model.settings import Named


def secret(named: Named | None, environ: Mapping[str, str]) -> Secret:
    """
    Give the secret that a reference leads to.

    Errors: ConfigError DM209 where there is none or it is unfit (short, not random, an example), DM210 where a
    variable, file or command gives nothing. No message holds any of it.
    """
    hint = "run `dbmimic key new` and put what it prints into the environment as DBMIMIC_SECRET"
    if named is None:
        raise ConfigError("DM209", "there is no secret to key the masks with", place="secret", hint=hint)
    text = followed(named, environ)
    if not text.strip():
        raise ConfigError("DM209", "the secret is empty", place=named.place, hint=hint)
    try:
        return parse_secret(text)
    except SecretError as error:
        raise ConfigError("DM209", str(error), place=named.place, hint=hint) from None
