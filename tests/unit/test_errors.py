"""Errors: they travel between processes whole, and print place, reason and next step."""

import pickle
import traceback

from dbmimic.errors import ConfigError, InternalError, Problem, SourceError, VerificationFailed


def test_an_error_prints_each_problem_with_place_and_next_step() -> None:
    error = ConfigError.of([Problem("DM205", "no table", "f.yaml:1:2", "look"), Problem("DM206", "no column")])
    assert str(error) == "DM205: no table\n  at:  f.yaml:1:2\n  try: look\nDM206: no column"
    assert (error.code, error.message, error.place, error.hint) == ("DM205", "no table", "f.yaml:1:2", "look")


def test_an_error_survives_pickling() -> None:
    error = VerificationFailed("DM601", "rows dangle", place="a(b)", hint="h", others=[Problem("DM602", "two")])
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is VerificationFailed
    assert back.problems == error.problems
    assert back.exit_status == 7


def test_one_problem_in_many_places_is_told_once() -> None:
    error = ConfigError.of([Problem("DM301", "undecided", place, "add a rule") for place in ("t.a", "t.b")])
    assert str(error) == "DM301: undecided\n  at:  t.a\n  at:  t.b\n  try: add a rule"


def raised() -> SourceError:
    try:
        try:
            int("canary")
        except ValueError:
            raise SourceError("DM404", "a statement failed") from None
    except SourceError as error:
        return error


def test_an_error_carries_nothing_of_what_was_being_handled() -> None:
    """Also where something pickles exceptions with all that hangs on them, as Dask does."""
    error = raised()
    assert error.__context__ is None
    error.__context__ = ValueError("canary")
    assert error.__context__ is None
    assert "canary" not in "".join(traceback.format_exception(error)) + repr(pickle.dumps(error))


def test_the_unexpected_is_told_by_kind_and_place() -> None:
    try:
        int("canary")
    except ValueError as error:
        told = InternalError.unexpected(error)
    assert (told.code, told.message) == ("DM901", "something happened that should not: ValueError")
    assert told.place.startswith("test_errors.py:")
    assert "canary" not in str(told)
