"""
Build the frozen pools of `dbmimic/masks/pools`, and the table of places beside them (development only).

    python -m tests.golden.build_pools FOLDER

Faker's lists are the raw material; they change with its releases, so the result is kept under version control and
this is run only to make another one of a pool (a new file name, its digest, a new `POOLS_VERSION`, a new golden file).
Entries are ASCII, so that they fit every character set, and differ from each other without regard to case.
"""

from __future__ import annotations

import calendar
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

from faker import Faker
from faker.config import AVAILABLE_LOCALES
from faker.providers.geo import Provider as GeoProvider
from faker.providers.lorem.en_US import Provider as LoremProvider

ALIKE = frozenset({"fr_QC"})  # another name of a locale that is there
LETTERS = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ð": "d",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)
LETTERS |= {ord(chr(letter).upper()): text.title() for letter, text in LETTERS.items() if len(chr(letter).upper()) == 1}
PLAIN_NAME = re.compile(r"[A-Z][a-z]{1,10}")
PLAIN_PLACE = re.compile(r"[A-Z][a-z]+( [A-Z][a-z]+){0,2}")
WORDS = frozenset(
    map(str.lower, [*LoremProvider.word_list, *calendar.month_name, "among", "were", "lower", "server", "an", "made"])
)
VERSIONS = {"cities": 1, "streets": 1}  # of the pools that are what they were
DRAWS = 60_000
PLACES = 12_007


def listed(attribute: str) -> Iterable[str]:
    """
    Give every entry of the persons' lists of all locales, in letters without accents.

    What is a word of English is a name in the United States only: `free_text` takes for a name what stands here.
    """
    for locale in sorted(set(AVAILABLE_LOCALES) - ALIKE):
        for provider in Faker(locale).providers:
            names = map(plain, getattr(provider, attribute, None) or ())
            yield from names if locale == "en_US" else (name for name in names if name.lower() not in WORDS)


def plain(name: str) -> str:
    """Give a name without accents."""
    apart = unicodedata.normalize("NFD", name.translate(LETTERS))
    return "".join(character for character in apart if not unicodedata.combining(character))


def drawn(draw: Callable[[Faker], str]) -> Iterable[str]:
    """Give draws from the English-speaking locales."""
    for number, locale in enumerate(("en_US", "en_GB")):
        fake = Faker(locale)
        fake.seed_instance(number)
        for _ in range(DRAWS):
            yield draw(fake)


def tidy(entries: Iterable[str], form: re.Pattern[str], limit: int | None = None) -> list[str]:
    """Give the entries of that form once each, in order; with a limit, an even share of them."""
    kept = sorted({entry for entry in entries if form.fullmatch(entry)})
    single = list({entry.lower(): entry for entry in kept}.values())
    if limit is None or len(single) <= limit:
        return single
    return [single[position * len(single) // limit] for position in range(limit)]


def main(folder: Path) -> None:
    """Write the pools."""
    women, men = (
        {name.lower(): name for name in tidy(listed(f"first_names_{gender}"), PLAIN_NAME)}
        for gender in ("female", "male")
    )
    pools = {
        "first_names_female": [name for lower, name in women.items() if lower not in men],
        "first_names_male": [name for lower, name in men.items() if lower not in women],
        "first_names": tidy(listed("first_names"), PLAIN_NAME),
        "last_names": tidy(listed("last_names"), PLAIN_NAME),
        "cities": tidy(drawn(lambda fake: fake.city()), PLAIN_PLACE, PLACES),
        "streets": tidy(drawn(lambda fake: fake.street_name()), PLAIN_PLACE, PLACES),
    }
    for name, entries in pools.items():
        text = "".join(f"{entry}\n" for entry in entries)
        (folder / f"{name}.v{VERSIONS.get(name, 2)}.txt").write_text(text, encoding="ascii", newline="\n")
        print(name, len(entries), max(map(len, entries)))
    (folder / "places.v1.txt").write_text(towns(), encoding="ascii", newline="\n")


def towns() -> str:
    """Give a line for each real town of Faker's list: name, country, time zone, latitude, longitude."""
    rows = sorted((country, name, zone, *place) for *place, name, country, zone in GeoProvider.land_coords)
    return "".join(f"{name}|{country}|{'|'.join(rest)}\n" for country, name, *rest in rows if name.isascii())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
