"""What opens doors: `password`, `hash`, `api_key` and `ulid`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from dbmimic.masks import base32, canonical
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskFunction, Options, Parameter, Promise
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import Bytes, fixed_width, keep_blank
from dbmimic.model.types import Kind

_TEXT = frozenset({Kind.TEXT})
_TOKENS = Promise.UNIQUE | Promise.CHANGES | Promise.KEY_SAFE | Promise.KEEPS_NULL

_ITERATIONS = 10_000  # the password is known to everybody, so nothing is gained by more; Django counts up at a login
_SALT_CHARACTERS = 22
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26}


def _django(plain: bytes, salt: str) -> str:
    made = base64.b64encode(hashlib.pbkdf2_hmac("sha256", plain, salt.encode(), _ITERATIONS)).decode()
    return f"pbkdf2_sha256${_ITERATIONS}${salt}${made}"


def _werkzeug(plain: bytes, salt: str) -> str:
    made = hashlib.pbkdf2_hmac("sha256", plain, salt.encode(), _ITERATIONS).hex()
    return f"pbkdf2:sha256:{_ITERATIONS}${salt}${made}"


def _werkzeug_scrypt(plain: bytes, salt: str) -> str:
    made = hashlib.scrypt(plain, salt=salt.encode(), dklen=64, **_SCRYPT).hex()
    return f"scrypt:{_SCRYPT['n']}:{_SCRYPT['r']}:{_SCRYPT['p']}${salt}${made}"


def _passlib(plain: bytes, salt: str) -> str:
    def spelt(raw: bytes) -> str:
        return base64.b64encode(raw, b"./").decode().rstrip("=")

    made = hashlib.pbkdf2_hmac("sha256", plain, salt.encode(), _ITERATIONS)
    return f"$pbkdf2-sha256${_ITERATIONS}${spelt(salt.encode())}${spelt(made)}"


def _ldap(plain: bytes, salt: str) -> str:
    raw = salt.encode()
    return "{SSHA512}" + base64.b64encode(hashlib.sha512(plain + raw).digest() + raw).decode()


_BCRYPT_ROUNDS = 10
_BCRYPT_MOST = 72  # bytes of a password
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT_CHARACTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PASSES, _LANES, _KIBIBYTES = 2, 1, 19 * 1024
_RAW = 16  # bytes of a salt


def _bcrypt(plain: bytes, salt: str) -> str:
    import bcrypt  # noqa: PLC0415 -- comes with an extra

    spelt = base64.b64encode(salt.encode()[:_RAW]).decode().rstrip("=")
    own = spelt.translate(str.maketrans(_BASE64, _BCRYPT_CHARACTERS))
    return bcrypt.hashpw(plain, f"$2b${_BCRYPT_ROUNDS}${own}".encode()).decode()


def _bcrypt_2y(plain: bytes, salt: str) -> str:
    return _bcrypt(plain, salt).replace("$2b$", "$2y$", 1)  # PHP's name of the same


def _argon2(plain: bytes, salt: str) -> str:
    raw = salt.encode()[:_RAW]
    made = Argon2id(salt=raw, length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_KIBIBYTES).derive(plain)
    settings = f"m={_KIBIBYTES},t={_PASSES},p={_LANES}"
    return "$".join(
        ("", "argon2id", "v=19", settings, *(base64.b64encode(part).decode().rstrip("=") for part in (raw, made)))
    )


def _django_argon2(plain: bytes, salt: str) -> str:
    return "argon2" + _argon2(plain, salt)


_OF_BCRYPT = frozenset(("bcrypt", "bcrypt-2y"))  # need the extra `passwords`

_SCHEMES: Mapping[str, Callable[[bytes, str], str]] = {
    "django": _django,
    "werkzeug": _werkzeug,
    "werkzeug-scrypt": _werkzeug_scrypt,
    "passlib": _passlib,
    "ldap": _ldap,
    "bcrypt": _bcrypt,
    "bcrypt-2y": _bcrypt_2y,
    "argon2": _argon2,
    "django-argon2": _django_argon2,
}


@lru_cache(maxsize=64)
def _hashed(scheme: str, plain: str, salt: str) -> str:
    return _SCHEMES[scheme](plain.encode(), salt)


def _build_password(keyed: KeyedFunction, options: Options, _context: ColumnContext) -> MaskFunction:
    salt = base32.spell(keyed.prf(pa.array(["salt"])), _SALT_CHARACTERS).tobytes().decode()
    text = _hashed(str(options["scheme"]), str(options["plain"]), salt)

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        return keep_blank(values, pc.if_else(pc.is_valid(values), text, pa.scalar(None, pa.string())))

    return mask


def _password_fits(options: Options, context: ColumnContext) -> str | None:
    scheme, plain = str(options["scheme"]), str(options["plain"])
    if scheme in _OF_BCRYPT and find_spec("bcrypt") is None:
        return f"scheme {scheme!r} needs a package that is not installed: pip install 'dbmimic[passwords]'"
    if scheme in _OF_BCRYPT and len(plain.encode()) > _BCRYPT_MOST:
        return f"bcrypt takes passwords of up to {_BCRYPT_MOST} bytes"
    needed = len(_hashed(scheme, plain, "x" * _SALT_CHARACTERS))
    limit = context.type.length
    if limit is not None and limit < needed:
        return f"such a hash has {needed} characters, and the column holds {limit}"
    return None


_DIGITS = 64
_FEWEST_DIGITS = 20  # 80 bits: a chance of 10**-10 of any collision in 15 million values
_BLOCK = 16  # bytes


def _build_hash(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    width = _hash_width(options, context)
    states, bytes_of = keyed.sub("value"), keyed.sub("stream")
    blocks = -(-width // (2 * _BLOCK))
    column = context.type

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        form = canonical.by_kind(values, column)
        raw = bytes_of.stream(states.prf(form), np.full(len(values), blocks, dtype=np.int64))
        made = _hex(raw.reshape(len(values), blocks * _BLOCK))[:, :width]
        same = pc.fill_null(pc.equal(fixed_width(made), canonical.folded(values)), False).to_numpy(zero_copy_only=False)
        if same.any():
            made = made.copy()
            made[same, -1] = _NEXT_DIGIT.take(made[same, -1])
        return keep_blank(values, fixed_width(made))

    return mask


_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_PAIRS = np.ascontiguousarray(np.stack([np.repeat(_HEX, 16), np.tile(_HEX, 16)], axis=1)).view("<u2").reshape(-1)
_NEXT_DIGIT = np.zeros(256, dtype=np.uint8)
_NEXT_DIGIT[_HEX] = np.roll(_HEX, -1)


def _hex(raw: Bytes) -> Bytes:
    """Give two digits for each byte of each row."""
    spelt: Bytes = _PAIRS.take(raw).view(np.uint8).reshape(len(raw), 2 * raw.shape[1])
    return spelt


def _hash_width(options: Options, context: ColumnContext) -> int:
    if options["length"] is not None:
        return int(str(options["length"]))
    return _DIGITS if context.type.length is None else min(_DIGITS, context.type.length)


def _hash_fits(options: Options, context: ColumnContext) -> str | None:
    width, limit = _hash_width(options, context), context.type.length
    if limit is not None and width > limit:
        return f"the hash would have {width} digits, and the column holds {limit}"
    if width < 1:
        return "the column holds no characters"
    if context.unique and width < _FEWEST_DIGITS:
        return f"hashes that cannot collide need {_FEWEST_DIGITS} digits, and these have {width}"
    return None


_KEY_PREFIX = r"^(?P<prefix>(?:[A-Za-z][A-Za-z0-9]{0,15}[_-]){0,3})"  # as in sk_live_... or ghp_...
_KEY_WIDTH = 24


def _build_api_key(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
    limit = context.type.length

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        plain = canonical.text(values)
        bits = keyed.prf(plain)
        prefix = pc.extract_regex(plain, _KEY_PREFIX).field("prefix")
        if limit is not None:
            prefix = pc.if_else(pc.greater(pc.utf8_length(prefix), limit - _KEY_WIDTH), "", prefix)
        made = _joined(prefix, bits)
        same = pc.fill_null(pc.equal(pc.ascii_lower(made), canonical.folded(values)), False)
        if pc.any(same).as_py():
            made = pc.if_else(same, _joined(prefix, base32.other(bits)), made)
        return keep_blank(values, made)

    return mask


def _joined(prefix: pa.Array, bits: Words) -> pa.Array:
    return pc.binary_join_element_wise(prefix, fixed_width(base32.spell(bits, _KEY_WIDTH)), "")


def _api_key_fits(_options: Options, context: ColumnContext) -> str | None:
    limit = context.type.length
    if limit is not None and limit < _KEY_WIDTH:
        return f"a key has {_KEY_WIDTH} characters after its prefix, and the column holds {limit}"
    return None


_ULID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
_TIME_WIDTH, _REST_WIDTH = 10, 16  # characters of five bits: 48 bits of time and 80 that are random
_CROCKFORD = np.frombuffer(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", dtype=np.uint8)
_SPELT = np.zeros(256, dtype=np.uint8)
_SPELT[list(b"abcdefghijklmnopqrstuvwxyz234567")] = _CROCKFORD


def _build_ulid(keyed: KeyedFunction, options: Options, _context: ColumnContext) -> MaskFunction:
    keeps_time = options["time"] == "keep"

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        bits = keyed.prf(canonical.text(values))
        rest = fixed_width(_SPELT.take(base32.spell(bits, _REST_WIDTH)))
        time = fixed_width(_times(bits))
        if keeps_time:
            is_one = pc.fill_null(pc.match_substring_regex(values, _ULID), False)
            time = pc.if_else(is_one, pc.utf8_slice_codeunits(values, 0, _TIME_WIDTH), time)
        return keep_blank(values, pc.binary_join_element_wise(time, rest, ""))

    return mask


def _times(bits: Words) -> Bytes:
    """Give 48 bits that the rest does not use, the first three of them as one character."""
    numbers = (bits[:, 0] >> np.uint64(20)) | (bits[:, 1] >> np.uint64(60) << np.uint64(44))
    shifts = np.arange(5 * (_TIME_WIDTH - 1), -1, -5, dtype=np.uint64)
    return _CROCKFORD.take(((numbers[:, None] >> shifts) & np.uint64(31)).view(np.int64))


def _ulid_fits(_options: Options, context: ColumnContext) -> str | None:
    width, limit = _TIME_WIDTH + _REST_WIDTH, context.type.length
    if limit is not None and limit < width:
        return f"a ULID has {width} characters, and the column holds {limit}"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="password",
        summary="The valid hash of a password that everybody knows, so that logins work in a copy.",
        kinds=_TEXT,
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("plain", "text", default="staging", minimum=1, maximum=64, summary="the password"),
            Parameter("scheme", "text", default="django", choices=tuple(_SCHEMES), summary="who is to take the hash"),
        ),
        domain="password",
        build=_build_password,
        fits=_password_fits,
    ),
    MaskDefinition(
        name="hash",
        summary="Hexadecimal digits in the form of a digest, which nobody computes without the secret.",
        kinds=_TEXT,
        promises=_TOKENS,
        parameters=(Parameter("length", "integer", minimum=8, maximum=128, summary="digits; 64, or what fits"),),
        domain="hash",
        build=_build_hash,
        fits=_hash_fits,
    ),
    MaskDefinition(
        name="api_key",
        summary="Another key after the same prefix, as `sk_live_`.",
        kinds=_TEXT,
        promises=_TOKENS,
        parameters=(),
        domain="api_key",
        build=_build_api_key,
        fits=_api_key_fits,
    ),
    MaskDefinition(
        name="ulid",
        summary="Another ULID; its time stays, so that their order does.",
        kinds=_TEXT,
        promises=_TOKENS,
        parameters=(
            Parameter("time", "text", default="keep", choices=("keep", "change"), summary="what becomes of its time"),
        ),
        domain="ulid",
        build=_build_ulid,
        fits=_ulid_fits,
    ),
)
