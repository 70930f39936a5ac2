"""Questions asked side by side, as many as the source takes at once, and steps that take their turn as answers come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from types import TracebackType
from typing import NamedTuple, ParamSpec, Self, TypeVar

from dbmimic.model.keys import KeySet

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class Abreast:
    """
    Asks questions in so many threads; by itself, when it is told of one, where there is one only.

    On the way out it waits for what is still asked, unless the user ends the program: then the source cancels it.
    """

    def __init__(self, many: int) -> None:
        self._threads = ThreadPoolExecutor(many, thread_name_prefix="walk") if many > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=error is None or isinstance(error, Exception), cancel_futures=True)

    def ask(self, question: Callable[Asked, Answer], *given: Asked.args, **named: Asked.kwargs) -> Future[Answer]:
        """Ask a question."""
        if self._threads is not None:
            return self._threads.submit(question, *given, **named)
        return answered(question(*given, **named))


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
