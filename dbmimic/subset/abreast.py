"""Questions asked side by side, as many as the source takes at once, and steps that take their turn as answers come."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter
from queue import PriorityQueue
from types import TracebackType
from typing import NamedTuple, ParamSpec, Self, TypeVar

from dbmimic.model.aside import settle
from dbmimic.model.keys import KeySet

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class Abreast:
    """
    Asks questions in so many threads, the most urgent of those that wait first; by itself, at once, where there is one.

    On the way out it waits for what is still asked, unless the user ends the program: then the source cancels it.
    """

    def __init__(self, many: int) -> None:
        self._threads = ThreadPoolExecutor(many, thread_name_prefix="walk") if many > 1 else None
        self._waiting: PriorityQueue[tuple[int, int, Callable[[], None]]] = PriorityQueue()
        self._numbers = itertools.count()  # of two that are as urgent, the first one comes first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=error is None or isinstance(error, Exception), cancel_futures=True)

    def ask(
        self, urgency: int, question: Callable[Asked, Answer], *given: Asked.args, **named: Asked.kwargs
    ) -> Future[Answer]:
        """Ask a question."""
        if self._threads is None:
            return answered(question(*given, **named))
        future: Future[Answer] = Future()

        answer = partial(settle, future, partial(question, *given, **named))
        self._waiting.put((-urgency, next(self._numbers), answer))
        self._threads.submit(self._answer_next)
        return future

    def _answer_next(self) -> None:
        """Answer the most urgent question that waits; there is one for each time that this is called."""
        *_, answer = self._waiting.get()
        answer()


def answered(answer: Answer) -> Future[Answer]:
    """Give an answer that is there already as that of a question."""
    future: Future[Answer] = Future()
    future.set_result(answer)
    return future


class Turn(NamedTuple):
    """A step of the plan by its place there, in one of its two directions."""

    step: int
    down: bool


@dataclass(frozen=True, slots=True)
class Turns:
    """
    Gives every turn once, each after those that lead to it and when all that they asked for is answered.

    `waits` tells what leads to a turn, and `asked` what was asked on the way to it so far; which of the turns that
    could be next is next hangs on what is answered first.
    """

    waits: Mapping[Turn, Sequence[Turn]]
    asked: Callable[[Turn], Sequence[Future[KeySet]]]

    def __iter__(self) -> Iterator[Turn]:
        sorter = TopologicalSorter(self.waits)
        sorter.prepare()
        ready: list[Turn] = []
        while sorter.is_active():
            ready += sorter.get_ready()
            turn = self._first(ready)
            ready.remove(turn)
            yield turn
            sorter.done(turn)

    def _first(self, ready: Sequence[Turn]) -> Turn:
        while True:
            unanswered = []
            for turn in ready:
                out = [question for question in self.asked(turn) if not question.done()]
                if not out:
                    return turn
                unanswered += out
            wait(unanswered, return_when=FIRST_COMPLETED)
