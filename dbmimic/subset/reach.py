"""
Deep chains and rings, followed here: a question for each row of a long chain would be as many as the chain is long.

All links of a component are asked for once, and followed in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dbmimic.model.bits import BitsGathering
from dbmimic.model.keys import WHOLE, KeySet, RowIds
from dbmimic.model.names import TableId
from dbmimic.ports.source import End, Walker
from dbmimic.subset.course import Arrow

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.int32]
Chosen = Mapping[TableId, KeySet]

_FEW = 64  # below, a loop over the nodes is faster than whole arrays


@dataclass(frozen=True, slots=True)
class Reached:
    """Rows that one arrow reached, of one table."""

    arrow: Arrow
    rows: KeySet


def reach(arrows: Iterable[Arrow], fresh: Chosen, closed: Chosen, source: Walker) -> list[Reached]:
    """
    Give all rows that can be reached from the fresh ones, but those that are `closed` and what only they lead to.

    Cost: one read of all links of these edges; about 70 bytes of memory for each link.
    """
    links = _Links(arrows, source)
    visited = np.zeros(links.size, dtype=np.bool_)
    visited[links.numbers(closed)] = True
    frontier = links.numbers(fresh)
    visited[frontier] = True
    before = visited.copy()
    _follow(links.starts, links.ends, frontier, visited)
    new = visited & ~before
    found = []
    for number, arrow in enumerate(links.arrows):
        mine = links.owners == number
        hit = np.unique(links.ends[mine & visited[links.starts] & new[links.ends]])
        new[hit] = False
        found += [Reached(arrow, rows) for rows in links.rows(hit)]
    return found


class _Links:
    """The links of some arrows, their rows numbered through."""

    def __init__(self, arrows: Iterable[Arrow], source: Walker) -> None:
        self.arrows = tuple(arrows)
        parts: list[tuple[int, tuple[TableId, TableId], RowIds, tuple[TableId, TableId], RowIds]] = []
        held: dict[tuple[TableId, TableId], BitsGathering] = {}
        for number, arrow in enumerate(self.arrows):
            for links in source.links(arrow.edge, WHOLE, End.CHILD):
                child = ((arrow.edge.child, links.child_leaf), links.children)
                parent = ((arrow.edge.parent, links.parent_leaf), links.parents)
                start, end = (parent, child) if arrow.down else (child, parent)
                parts.append((number, *start, *end))
                for place, ids in (start, end):
                    held.setdefault(place, BitsGathering()).add(ids)
        self._ids = {place: held.pop(place).bits().spread_out() for place in sorted(held)}
        sizes = [len(ids) for ids in self._ids.values()]
        self._offsets = dict(zip(self._ids, np.cumsum([0, *sizes]).tolist(), strict=False))
        self.size = sum(sizes)
        count = sum(len(ids) for _, _, ids, _, _ in parts)
        self.starts, self.ends, self.owners = (np.empty(count, dtype=np.int32) for _ in range(3))
        while parts:
            number, start_at, starts, end_at, ends = parts.pop()
            some = slice(count - len(starts), count)
            self.starts[some], self.ends[some] = self._number(start_at, starts), self._number(end_at, ends)
            self.owners[some] = number
            count -= len(starts)

    def _number(self, place: tuple[TableId, TableId], ids: RowIds) -> Numbers:
        numbers: Numbers = np.searchsorted(self._ids[place], ids) + self._offsets[place]
        return numbers

    def numbers(self, chosen: Chosen) -> Numbers:
        """Give the numbers of those rows that any link holds."""
        found = [np.empty(0, dtype=np.int64)]
        for (table, leaf), ids in self._ids.items():
            held = chosen.get(table, KeySet()).holds(leaf, ids)
            found.append(np.flatnonzero(held) + self._offsets[table, leaf])
        return np.concatenate(found)

    def rows(self, numbers: Numbers) -> Iterable[KeySet]:
        """Give the rows of these numbers, a set for each leaf."""
        for place, ids in self._ids.items():
            first = self._offsets[place]
            mine = numbers[(numbers >= first) & (numbers < first + len(ids))]
            if len(mine):
                yield KeySet.of(place[1], ids[mine - first])


def _follow(starts: Numbers, ends: Numbers, frontier: Numbers, visited: npt.NDArray[np.bool_]) -> None:
    """Mark every node that can be reached from the frontier; what is marked already leads nowhere new."""
    order = np.argsort(starts, kind="stable")
    ends = ends[order]
    edges = np.searchsorted(starts[order], np.arange(len(visited) + 1))
    while len(frontier):
        if len(frontier) < _FEW:
            new = []
            for node in frontier.tolist():
                for end in ends[edges[node] : edges[node + 1]].tolist():
                    if not visited[end]:
                        visited[end] = True
                        new.append(end)
            frontier = np.array(new, dtype=np.int64)
            continue
        counts = edges[frontier + 1] - edges[frontier]
        places = np.repeat(edges[frontier] - np.r_[0, np.cumsum(counts)[:-1]], counts) + np.arange(counts.sum())
        reached = np.unique(ends[places])
        frontier = reached[~visited[reached]]
        visited[frontier] = True
