"""
Build the frozen names and addresses of locales, `dbmimic/masks/tables/locales.v1.txt.xz` (development only).

    python -m tests.golden.build_locales FOLDER

They are draws from Faker, which change with its releases: so the file is kept under version control, and this is run
only to make a new version of it. A locale is taken where Faker has lists of its own for it.
"""

from __future__ import annotations

import lzma
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
from faker import Faker
from faker.config import AVAILABLE_LOCALES

from dbmimic.masks import canonical

DRAWS = 6000
MOST = {"first_names": 600, "last_names": 1000, "cities": 400, "streets": 400}
FEWEST = 20
LONGEST = 40
DRAWN: dict[str, tuple[str, Callable[[Faker], str]]] = {
    "first_names": ("person", lambda fake: fake.first_name()),
    "last_names": ("person", lambda fake: fake.last_name()),
    "cities": ("address", lambda fake: fake.city()),
    "streets": ("address", lambda fake: fake.street_name()),
}


def pool(fake: Faker, draw: Callable[[Faker], str], most: int) -> list[str]:
    """Give different draws, in order."""
    drawn = {unicodedata.normalize("NFC", " ".join(str(draw(fake)).split())) for _ in range(DRAWS)}
    plain = sorted(text for text in drawn if text and len(text) <= LONGEST and text.isprintable())
    folded = canonical.folded(pa.array(plain, pa.string())).to_pylist()
    kept = sorted(dict(zip(reversed(folded), reversed(plain), strict=True)).values())
    return kept if len(kept) <= most else [kept[place * len(kept) // most] for place in range(most)]


def sections() -> Iterator[tuple[str, str, list[str]]]:
    """Give every pool that there is, by locale and name."""
    for locale in sorted(AVAILABLE_LOCALES):
        fake = Faker(locale)
        own = {type(provider).__module__ for provider in fake.providers}
        for name, (provider, draw) in DRAWN.items():
            if f"faker.providers.{provider}.{locale}" not in own:
                continue
            fake.seed_instance(1)
            try:
                entries = pool(fake, draw, MOST[name])
            except AttributeError:
                continue
            if len(entries) >= FEWEST:
                yield locale, name, entries


def main(folder: Path) -> None:
    """Write the file."""
    warnings.simplefilter("ignore")
    lines = []
    for locale, name, entries in sections():
        lines += [f"# {locale} {name}", *entries]
    body = "".join(f"{line}\n" for line in lines).encode()
    packed = lzma.compress(body, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=9 | lzma.PRESET_EXTREME)
    (folder / "locales.v1.txt.xz").write_bytes(packed)
    print(len(body), len(packed), sum(line.startswith("# ") for line in lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
