"""The errors for a peer from which nothing comes though something should, and no network tells that it is gone."""

from __future__ import annotations

import fcntl
import struct
import termios

from dbmimic.errors import TryAgainError

ANSWER_SECONDS = 20.0  # for another connection to say what became of the first one


def unheard(side: str, place: str, seconds: float) -> TryAgainError:
    """Give the error for a server of which nothing is heard any more, by no connection."""
    message = f"the {side} sent nothing for {seconds:g} s, and another connection to it gets no answer either"
    hint = (
        "see whether its server hangs, and whether what stands between (a proxy, a tunnel, a firewall) passes anything"
        " on; then run again. network.stall_timeout is the patience"
    )
    return TryAgainError("DM711", message, place=place, hint=hint)


def cut_off(side: str, place: str, seconds: float) -> TryAgainError:
    """Give the error for a connection that is dead while its server answers others."""
    message = f"the {side} sent nothing for {seconds:g} s, and its server says that the session is gone or waits for us"
    hint = "run again; what stands between (a proxy, a tunnel, a firewall) lost the connection without a word"
    return TryAgainError("DM712", message, place=place, hint=hint)


def unsent(socket: int) -> int:
    """Give how many bytes of what was written to a socket are not yet taken at its other end; 0 where nobody tells."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(socket, termios.TIOCOUTQ, bytes(4)))[0])
    except OSError:
        return 0


def blink(patience: float) -> float:
    """Give how many seconds to look for what was on its way when the server was asked."""
    return max(1.0, patience / 10)
