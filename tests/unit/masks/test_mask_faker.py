from __future__ import annotations

import datetime as dt
import inspect
import subprocess
import sys
from contextlib import suppress

import pytest
from faker import Faker
from faker.providers import date_time

from dbmimic.masks.definition import MaskError
from dbmimic.masks.stopped_clock import stopped
from dbmimic.model.types import Kind, LogicalType


def test_equal_values_get_equal_fakes(apply):
    first, second, again, null, empty = apply("faker", ["a", "b", "a", None, ""], provider="company")
    assert first == again != second
    assert (null, empty) == (None, "")
    assert apply("faker", ["b"], provider="company") == [second]


def test_any_locale(apply):
    assert apply("faker", ["a"], provider="name", locale="ja_JP") != apply(
        "faker", ["a"], provider="name", locale="de_DE"
    )


def test_arguments_reach_the_provider(apply):
    assert all(
        100 <= int(value) <= 110
        for value in apply("faker", list("abcdef"), provider="random_int", args={"min": 100, "max": 110})
    )


@pytest.mark.parametrize(
    ("kind", "provider", "read"),
    [
        (Kind.INTEGER, "random_int", int),
        (Kind.DECIMAL, "pydecimal", float),
        (Kind.FLOAT, "pyfloat", float),
        (Kind.BOOLEAN, "boolean", ["0", "1"].index),
        (Kind.DATE, "date_of_birth", dt.date.fromisoformat),
        (Kind.DATE, "date_time", dt.date.fromisoformat),
        (Kind.TIME, "time_object", dt.time.fromisoformat),
        (Kind.TIMESTAMP, "date_time", dt.datetime.fromisoformat),
        (Kind.NETWORK, "ipv4", str),
        (Kind.UUID, "uuid4", str),
    ],
)
def test_other_types_than_text(apply, kind, provider, read):
    (masked,) = apply("faker", ["1"], LogicalType(kind), provider=provider)
    read(masked)


def test_the_result_fits_the_column(apply):
    masked = apply(
        "faker", [str(number) for number in range(200)], LogicalType(Kind.TEXT, length=7), provider="company"
    )
    assert all(0 < len(value) <= 7 for value in masked)


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        ({"provider": "compny"}, Kind.TEXT, "did you mean 'company'"),
        ({"provider": "seed_instance"}, Kind.TEXT, "no provider"),
        ({"provider": "name", "locale": "de_DEE"}, Kind.TEXT, "did you mean 'de_DE'"),
        ({"provider": "name", "args": [1]}, Kind.TEXT, "mapping"),
        ({"provider": "random_int", "args": {"lowest": 1}}, Kind.TEXT, "does not take these arguments"),
        ({"provider": "company"}, Kind.INTEGER, "gives a str"),
        ({"provider": "boolean"}, Kind.INTEGER, "gives a bool"),
        ({"provider": "name"}, Kind.GEOMETRY, "takes columns of kind"),
    ],
)
def test_what_does_not_fit_is_refused(refusal, options, kind, reason):
    assert reason in refusal("faker", LogicalType(kind), **options)


def test_a_number_out_of_range_stops_the_run(apply):
    with pytest.raises((MaskError, AssertionError)):
        apply("faker", list("abcdef"), LogicalType(Kind.INTEGER, bits=7), provider="random_int", args={"min": 1000})


class TestClock:
    def test_the_day_of_the_run_does_not_matter(self, apply):
        births = apply(
            "faker",
            [str(number) for number in range(50)],
            provider="date_of_birth",
            args={"minimum_age": 20, "maximum_age": 20},
        )
        assert all("2004-01-01" <= birth <= "2005-01-01" for birth in births)
        assert all(day <= "2025-01-01" for day in apply("faker", list("abc"), provider="past_date"))
        assert int(apply("faker", ["a"], provider="ssn", locale="sv_SE")[0][:2]) in range(100)

    def test_no_provider_of_dates_reads_the_real_clock(self):
        fake = Faker()
        late = dt.datetime(2025, 3, 1)  # noqa: DTZ001  as naive as what the providers give
        with stopped(fake.factories[0].providers):
            for name in (
                "date_this_year",
                "date_this_month",
                "past_datetime",
                "date_time_this_decade",
                "future_datetime",
                "iso8601",
                "date",
            ):
                for seed in range(20):
                    fake.seed_instance(seed)
                    assert str(getattr(fake, name)()) < str(late)

    def test_faker_has_its_own_clock_back_afterwards(self):
        fake = Faker()
        with stopped(fake.factories[0].providers):
            assert date_time.datetime is not dt.datetime
        with suppress(ZeroDivisionError), stopped(fake.factories[0].providers):
            raise ZeroDivisionError
        assert date_time.datetime is dt.datetime
        assert date_time.dtdate is dt.date


def test_faker_is_not_imported_until_it_is_used():
    program = "import sys; from dbmimic.masks.registry import builtin; builtin().names(); print('faker' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"
    assert inspect.ismodule(sys.modules["dbmimic.masks.builtin.fake"])
