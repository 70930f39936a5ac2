"""
The keyed functions: the only home of cryptography.

The pseudo-random function is AES-256-CBC-MAC over a prefix-free encoding: the first block holds the value's byte length
(64 bits, little-endian, then zeros), the rest is the value, zero-padded to whole blocks. CBC-MAC is a pseudo-random
function on prefix-free messages (Bellare, Kilian, Rogaway, "The Security of the Cipher Block Chaining Message
Authentication Code", JCSS 61, 2000). Every domain has its own key, derived from the secret by keyed BLAKE2b.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from dbmimic.masks.layout import byte_layout, rows_of, windows
from dbmimic.model.address import Secret

SECRET_BYTES = 32
FUNCTION = "dbmimic-mask-v1"
"""The name of the keyed function and of how its keys are derived: another one would mask everything otherwise."""

_PERSON = FUNCTION.encode()
_KEY_ID = "key id"
_BLOCK = 16
_BLOCK_BITS = 4
_LONG = 1024  # from here on a value is worth a call of its own
_FEWEST_BYTES = 12  # different byte values; 32 random bytes have fewer than this once in 10**15
_LONGEST_PERIOD = 16
_TAIL_MASKS = np.tri(_BLOCK + 1, _BLOCK, -1, dtype=np.uint8) * np.uint8(255)

Words = npt.NDArray[np.uint64]


class SecretError(ValueError):
    """The secret is unfit. The message never holds any of it."""


def new_secret() -> str:
    """Give a new random secret as 64 hex digits."""
    return secrets.token_hex(SECRET_BYTES)


def parse_secret(text: str) -> Secret:
    """
    Give the secret that a text spells in hex or base64.

    Raises:
        SecretError: not hex or base64, shorter than 32 bytes, or plainly not random (one byte repeated, a short
            pattern, a count, readable text), as example keys are.
    """
    value = _decode(text.strip())
    if value is None:
        raise SecretError("the secret must be hex or base64 of at least 32 random bytes")
    if len(value) < SECRET_BYTES:
        raise SecretError(f"the secret must have at least {SECRET_BYTES} bytes, and this one has {len(value)}")
    if _looks_made_up(value):
        raise SecretError("the secret is not random: it looks like an example or like text")
    return Secret(value)


def key_id(secret: Secret) -> str:
    """Give 16 hex digits that tell one secret from another, and nothing of it."""
    return _derive(secret.value, _KEY_ID)[:8].hex()


def _decode(text: str) -> bytes | None:
    if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text):
        return bytes.fromhex(text)
    try:
        plain = text.replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _looks_made_up(value: bytes) -> bool:
    steps = {(after - before) % 256 for before, after in pairwise(value)}
    periodic = any(value[period:] == value[:-period] for period in range(1, _LONGEST_PERIOD + 1))
    readable = all(32 <= byte < 127 for byte in value)  # noqa: PLR2004  printable ASCII
    return len(steps) == 1 or periodic or readable or len(set(value)) < _FEWEST_BYTES


@dataclass(frozen=True)
class KeyedFunction:
    """A pseudo-random function of its own for one domain. `repr` does not show the key."""

    key: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: Secret, domain: str) -> KeyedFunction:
        """Give the function of a domain."""
        return cls(_derive(secret.value, domain))

    def sub(self, label: str) -> KeyedFunction:
        """Give a function that is independent of this one, for one named purpose inside a mask."""
        return KeyedFunction(_derive(self.key, label))

    def seal(self, values: Iterable[bytes]) -> list[bytes]:
        """
        Give each value encrypted, equal ones alike: AES-256-SIV (RFC 5297) without associated data.

        The values have a byte or more, and become 16 longer. Cost: about 3 us a value.
        """
        siv = self._siv()
        return [siv.encrypt(value, None) for value in values]

    def unseal(self, sealed: bytes) -> bytes | None:
        """Give what `seal` made this of, or None where it did not."""
        try:
            return self._siv().decrypt(sealed, None) if len(sealed) > _BLOCK else None
        except InvalidTag:
            return None

    def _siv(self) -> AESSIV:
        return AESSIV(self.sub("seal: authentication").key + self.sub("seal: encryption").key)

    def prf(self, values: pa.Array) -> Words:
        """
        Give 128 pseudo-random bits for each value of a string or binary array.

        Shape: (n, 2) uint64; what stands in the rows of nulls is arbitrary.
        Cost: about 50 ns a value of up to 16 bytes, 100 ns of up to 32.
        """
        rows = rows_of(values)
        if rows is not None and rows.shape[1] % _BLOCK == 0 and rows.shape[1] <= _LONG:
            return self._prf_rows(rows)
        starts, lengths, data = byte_layout(values)
        encryptor = self._encryptor()
        long = np.flatnonzero(lengths > _LONG)
        short = lengths
        if len(long):
            short = lengths.copy()
            short[long] = 0
        longest = int(short.max(initial=0))
        first = _encrypt(encryptor, _pairs(np.arange(longest + 1, dtype=np.uint64)))
        state = _as_pairs(_as_blocks(first).take(short))
        _chain(encryptor, state, starts, short, data)
        for row in long:
            value = data[starts[row] : starts[row] + lengths[row]]
            state[row] = self._mac(value.tobytes())
        return state

    def prf_integers(self, values: npt.NDArray[np.int64]) -> Words:
        """Give for each integer what `prf` gives for its eight bytes, little-endian. Shape: (n, 2) uint64."""
        encryptor = self._encryptor()
        start = _encrypt(encryptor, _pairs(np.array([8], dtype=np.uint64)))[0]
        blocks = np.empty((len(values), 2), dtype=np.uint64)
        np.bitwise_xor(values.astype(np.int64, copy=False).view(np.uint64), start[0], out=blocks[:, 0])
        blocks[:, 1] = start[1]
        return _encrypt(encryptor, blocks)

    def pairs(self, second: np.uint64, rows: int) -> Callable[[Words, np.uint64], Words]:
        """
        Give a function of up to `rows` numbers and a tag: 64 pseudo-random bits for each (number | tag, second).

        Cost: one AES block each, in memory that is used again: what it gave is gone when it is called again. This is
        another use of the key than `prf`, so a key serves one of the two (see `sub`).
        """
        blocks = np.empty((rows, 2), dtype=np.uint64)
        blocks[:, 1] = second
        plain = blocks.reshape(-1).view(np.uint8)
        made = np.empty(blocks.nbytes + _BLOCK, dtype=np.uint8)
        words = made.view(np.uint64)
        encryptor = self._encryptor()

        def encrypted(numbers: Words, tag: np.uint64) -> Words:
            count = len(numbers)
            np.bitwise_or(numbers, tag, out=blocks[:count, 0])
            encryptor.update_into(plain[: count * _BLOCK].data, made.data)
            return words[: 2 * count : 2]

        return encrypted

    def uniform(self, values: pa.Array) -> Words:
        """Give 64 pseudo-random bits for each value. Shape: (n,) uint64."""
        return self.prf(values)[:, 0]

    def stream(self, states: Words, blocks: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """
        Give so many blocks of sixteen pseudo-random bytes for each row of `prf`'s, all in one run.

        For a function made by `sub` and the states of another one: each block is the encrypted state with the block's
        number added.
        """
        total = int(blocks.sum())
        ends = np.cumsum(blocks)
        spread = _as_pairs(np.repeat(_as_blocks(np.ascontiguousarray(states)), blocks))
        numbers = np.arange(total) - np.repeat(ends - blocks, blocks)
        spread[:, 0] += numbers.view(np.uint64)
        return _encrypt(self._encryptor(), spread).reshape(-1).view(np.uint8)

    def _prf_rows(self, rows: npt.NDArray[np.uint8]) -> Words:
        """Give `prf` of values of one length in whole blocks, a row each."""
        encryptor = self._encryptor()
        state = _encrypt(encryptor, _pairs(np.array([rows.shape[1]], dtype=np.uint64)))
        items = rows.view(np.complex128)  # whole blocks, which are copied much faster than pairs of words
        for place in range(items.shape[1]):
            blocks = np.array(items[:, place]).view(np.uint64).reshape(-1, 2)
            if len(state) == len(blocks):
                blocks ^= state
            else:
                for word in range(2):
                    blocks[:, word] ^= state[0, word]
            state = _encrypt(encryptor, blocks)
        return state

    def _encryptor(self) -> CipherContext:
        return _block_cipher(self.key, threading.get_ident())

    def _mac(self, value: bytes) -> Words:
        cipher = Cipher(algorithms.AES(self.key), modes.CBC(bytes(_BLOCK))).encryptor()
        padded = len(value).to_bytes(_BLOCK, "little") + value + bytes(-len(value) % _BLOCK)
        return np.frombuffer(cipher.update(padded)[-_BLOCK:], dtype="<u8")


@lru_cache(maxsize=256)
def _block_cipher(key: bytes, thread: int) -> CipherContext:
    """Give the bare block cipher that the chaining is built from; setting one up takes as long as a thousand blocks."""
    del thread  # each has its own, since a cipher is not to be shared
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 -- whole blocks, chained by ourselves


def _derive(key: bytes, label: str) -> bytes:
    if len(key) > hashlib.blake2b.MAX_KEY_SIZE:
        key = hashlib.blake2b(key, person=_PERSON).digest()
    return hashlib.blake2b(label.encode(), digest_size=32, key=key, person=_PERSON).digest()


def _pairs(first: Words) -> Words:
    pairs = np.zeros((len(first), 2), dtype=np.uint64)
    pairs[:, 0] = first
    return pairs


def _as_blocks(pairs: Words) -> npt.NDArray[np.void]:
    """Give each pair of words as one item: those are gathered many times faster than rows are."""
    return pairs.view(f"V{_BLOCK}").reshape(-1)


def _as_pairs(blocks: npt.NDArray[np.void]) -> Words:
    return blocks.view(np.uint64).reshape(-1, 2)


def _encrypt(encryptor: CipherContext, blocks: Words) -> Words:
    out = np.empty(blocks.nbytes + _BLOCK, dtype=np.uint8)
    plain = np.ascontiguousarray(blocks).reshape(-1).view(np.uint8)
    encryptor.update_into(plain.data, out.data)
    return out[: blocks.nbytes].view(np.uint64).reshape(-1, 2)


def _chain(
    encryptor: CipherContext,
    state: Words,
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
) -> None:
    """
    Take the values into the state, block by block; each step does all rows that are not yet at their end.

    Rows with more blocks stand first, so that a step's rows lie together.
    """
    view = windows(data, _BLOCK)
    masks = _as_blocks(_TAIL_MASKS.view(np.uint64).reshape(-1, 2))
    counts = (lengths + (_BLOCK - 1)) >> _BLOCK_BITS
    most = int(counts.max(initial=0))
    alike = int(counts.min(initial=most)) == most
    begins, sizes, states = starts, lengths, state
    if not alike:
        order = np.argsort((most - counts).astype(np.uint8), kind="stable")
        begins, sizes = starts.take(order), lengths.take(order)
        states = _as_pairs(_as_blocks(state).take(order))
    active = len(counts) - np.cumsum(np.bincount(counts, minlength=most + 1))
    for step in range(most):
        live, going_on = int(active[step]), int(active[step + 1])
        position = step * _BLOCK
        blocks = _as_pairs(view[begins[:live] + position])
        blocks[going_on:] &= _as_pairs(masks.take(sizes[going_on:live] - position))
        blocks ^= states[:live]
        states[:live] = _encrypt(encryptor, blocks)
    if not alike:
        _as_blocks(state)[order] = _as_blocks(states)
