"""Turns come as answers do, and never before what leads to them."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from dbmimic.model.keys import KeySet
from dbmimic.subset.abreast import Abreast, Turn, Turns

A, B, C, D = (Turn(number, down=True) for number in range(4))
WAITS = {A: [], B: [A], C: [A], D: [C]}


def test_a_turn_whose_answer_is_out_holds_up_nobody_else():
    out: Future[KeySet] = Future()
    given = []
    for turn in Turns(WAITS, lambda turn: [out] if turn == B else []):
        given.append(turn)
        if turn == D:
            out.set_result(KeySet())
    assert given == [A, C, D, B]


def test_a_turn_waits_for_what_leads_to_it_even_if_nothing_was_asked():
    out: Future[KeySet] = Future()
    threading.Timer(0.05, out.set_result, [KeySet()]).start()
    given = list(Turns(WAITS, lambda turn: [out] if turn in {B, C} else []))
    assert given[0] == A
    assert given.index(C) < given.index(D)
    assert sorted(given) == [A, B, C, D]
    assert out.done()


def test_what_goes_wrong_is_raised_and_nothing_is_left_running():
    running, go = threading.Event(), threading.Event()

    def slow() -> KeySet:
        running.set()
        go.wait(20)
        return KeySet()

    def asking() -> None:
        with Abreast(2) as abreast:
            kept = abreast.ask(0, slow)
            running.wait(20)
            threading.Timer(0.05, go.set).start()
            try:
                abreast.ask(0, int, "no number").result()  # type: ignore[arg-type]
            finally:
                left.append(kept)

    left: list[Future[KeySet]] = []
    with pytest.raises(ValueError, match="no number"):
        asking()
    assert left[0].done()


def test_one_alone_answers_at_once_in_its_own_thread():
    with Abreast(1) as abreast:
        assert abreast.ask(0, threading.get_ident).result() == threading.get_ident()


def test_of_the_questions_that_wait_the_most_urgent_is_asked_first():
    started, go = threading.Barrier(3), threading.Event()
    asked: list[str] = []

    def hold() -> None:
        started.wait(20)
        go.wait(20)

    with Abreast(2) as abreast:
        for _ in range(2):
            abreast.ask(0, hold)
        started.wait(20)
        waiting = [abreast.ask(*each) for each in ((1, asked.append, "last"), (9, asked.append, "first"))]
        waiting.append(abreast.ask(9, asked.append, "second"))
        go.set()
        for each in waiting:
            each.result(20)
    assert asked.index("last") == 2
