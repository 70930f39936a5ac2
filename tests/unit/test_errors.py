"""Errors: they travel between processes whole, and print place, reason and next step."""

import pickle

from dbmimic.errors import ConfigError, Problem, VerificationFailed


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
