"""What masks hang on beside their value: the key, the keyed function, versions and pools; and what differs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib import metadata

from dbmimic.masks import locales, places
from dbmimic.masks.keyed import FUNCTION, key_id
from dbmimic.masks.pools import DIGESTS
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.lock import Lock

_FOLLOWS = {"faker": "faker"}  # masks that follow the release of a library


def pinned(registry: MaskRegistry, secret: Secret | None) -> Lock:
    """Give what masks hang on now; without a secret, all but the key."""
    return Lock(
        key="" if secret is None else key_id(secret),
        function=FUNCTION,
        masks={name: registry.get(name).version for name in registry.names()},
        pools={**DIGESTS, places.FILE: places.DIGEST, locales.FILE: locales.DIGEST},
        libraries={library: metadata.version(library) for library in _FOLLOWS.values()},
    )


def differences(lock: Lock, now: Lock, used: Collection[str]) -> Iterator[str]:
    """
    Give a sentence for each thing that makes the masks `used` mask otherwise than was pinned.

    A mask or a pool that is new is no difference: nothing was masked by it. Nor is a key that nobody gave.
    """
    if now.key in lock.retired:
        yield f"the secret is the key {now.key}, which was retired"
    elif now.key and now.key != lock.key:
        yield f"the secret is the key {now.key}, and {lock.key} is pinned"
    if now.function != lock.function:
        yield f"the keyed function is {now.function}, and {lock.function} is pinned"
    for name in sorted(lock.masks.keys() & used):
        if now.masks.get(name) != lock.masks[name]:
            yield f"mask {name} has version {now.masks.get(name, 'none')}, and {lock.masks[name]} is pinned"
        library = _FOLLOWS.get(name, "")
        if lock.libraries.get(library) != now.libraries.get(library):
            yield f"{library} has release {now.libraries[library]}, and {lock.libraries.get(library, 'none')} is pinned"
    held = {_stem(pool): pool for pool in now.pools}
    for pool in sorted(lock.pools):
        other = held.get(_stem(pool))
        if other is not None and other != pool:
            yield f"the pool {pool} is pinned, and this version has {other}"
        elif other is not None and lock.pools[pool] != now.pools[pool]:
            yield f"the pool {pool} is not the one that is pinned"


def _stem(pool: str) -> str:
    """Give the name of a pool without its version."""
    return pool.split(".", maxsplit=1)[0]
