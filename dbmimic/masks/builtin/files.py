"""`file`: a small file of the same type, for columns of pictures and documents."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskFunction, Options, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.types import Kind

_MARKS = (("\\x", ""), ("x'", "'"))  # what PostgreSQL and SQLite write around the digits
_BEFORE, _NOTHING = r"(?:\\x|x')?", r"\\x|x''"
_SOME_BYTE = b"\0"  # instead of what is of no known type


def _png() -> bytes:
    """Give one grey pixel (W3C, Portable Network Graphics, third edition)."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", _stored(b"\0\x80")) + chunk(b"IEND", b"")


def _stored(body: bytes) -> bytes:
    """Give a zlib stream without compression, which is the same whatever library makes it (RFC 1950, RFC 1951)."""
    size = len(body).to_bytes(2, "little")
    return b"\x78\x01\x01" + size + bytes(byte ^ 255 for byte in size) + body + zlib.adler32(body).to_bytes(4, "big")


def _jpeg() -> bytes:
    """Give one grey pixel (ITU-T T.81, baseline): tables of one code each, and the two codes of the pixel."""

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([255, marker]) + (len(body) + 2).to_bytes(2, "big") + body

    quantities = segment(0xDB, b"\0" + b"\1" * 64)
    frame = segment(0xC0, bytes([8, 0, 1, 0, 1, 1, 1, 0x11, 0]))
    codes = b"".join(segment(0xC4, bytes([kind, 1, *[0] * 15, 0])) for kind in (0x00, 0x10))
    scan = segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\x3f"
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return b"\xff\xd8" + jfif + quantities + frame + codes + scan + b"\xff\xd9"


def _gif() -> bytes:
    """Give one black pixel (GIF89a)."""
    screen, colours = b"\1\0\1\0\x80\0\0", bytes(3) + b"\xff" * 3
    return b"GIF89a" + screen + colours + b"\x2c\0\0\0\0\1\0\1\0\0" + b"\2\2\x44\1\0" + b"\x3b"


def _bmp() -> bytes:
    """Give one grey pixel of 24 bits."""
    info = (40).to_bytes(4, "little") + b"\1\0\0\0" * 2 + b"\1\0\x18\0" + bytes(24)
    return b"BM" + (58).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + info + b"\x80\x80\x80\0"


def _pdf() -> bytes:
    """Give one empty page (ISO 32000-1, 7.5)."""
    bodies = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>",
    )
    text, places = "%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(text))
        text += f"{number} 0 obj{body}endobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer<</Size 4/Root 1 0 R>>\nstartxref\n{len(text)}\n%%EOF\n"
    return f"{text}xref\n0 4\n0000000000 65535 f \n{table}{end}".encode()


@cache
def _files() -> Mapping[bytes, bytes]:
    """Give a small file for each beginning."""
    return {
        b"\x89PNG\r\n\x1a\n": _png(),
        b"\xff\xd8\xff": _jpeg(),
        b"GIF8": _gif(),
        b"BM": _bmp(),
        b"%PDF-": _pdf(),
        b"PK": b"PK\5\6" + bytes(18),  # the end of an empty one
        b"\x1f\x8b": b"\x1f\x8b\x08" + bytes(6) + b"\x03\x03" + bytes(9),  # of nothing
    }


def _build(_keyed: KeyedFunction, _options: Options, _context: ColumnContext) -> MaskFunction:
    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        made = pc.if_else(pc.is_valid(values), _SOME_BYTE.hex(), pa.scalar(None, pa.string()))
        for beginning, file in _files().items():
            starts = pc.match_substring_regex(values, f"^{_BEFORE}(?i:{beginning.hex()})")
            made = pc.if_else(pc.fill_null(starts, False), file.hex(), made)
        for before, after in _MARKS:
            marked = pc.fill_null(pc.starts_with(values, before), False)
            made = pc.if_else(marked, pc.binary_join_element_wise(before, made, after, ""), made)
        nothing = pc.fill_null(pc.match_substring_regex(values, f"^(?:{_NOTHING})?$"), False)
        return pc.if_else(nothing, values, made)

    return mask


def _fits(_options: Options, context: ColumnContext) -> str | None:
    most = max(map(len, _files().values()))
    limit = context.type.length
    return f"such files have up to {most} bytes, and the column holds {limit}" if limit and limit < most else None


DEFINITIONS = (
    MaskDefinition(
        name="file",
        summary="A small file of the same type (PNG, JPEG, GIF, BMP, PDF, ZIP, gzip); one byte for any other.",
        kinds=frozenset({Kind.BINARY}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="file",
        build=_build,
        leaves=_NOTHING,  # no bytes at all, as PostgreSQL and SQLite write them
        fits=_fits,
    ),
)
