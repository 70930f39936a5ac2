"""What lies between a server and us: whether somebody on the way could read along."""

from __future__ import annotations

import ipaddress

from dbmimic.model.findings import Finding, Severity


def in_clear(host: str, place: str, hint: str) -> tuple[Finding, ...]:
    """Give the finding that rows come from this host as anybody on the way can read them, unless it is this machine."""
    if _is_here(host):
        return ()
    reason = "rows come over the network as they are in production, in clear text"
    return (Finding("DM409", Severity.WARNING, place, reason, hint),)


def _is_here(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":  # a socket of this machine's
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
