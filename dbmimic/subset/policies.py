"""Which children come along over an edge, by the edge's policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dbmimic.model.address import Secret
from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.choice import nearest, share
from dbmimic.subset.seeds import choose


@dataclass
class Guide:
    """
    Answers which children come along with some parents.

    A child comes or stays away for what it and its parent are in the source, never for what else is in the slice: so
    the answer for two parents is the two answers, and the order in which they are asked for does not matter.
    """

    plan: SubsetPlan
    schema: Schema
    source: Walker
    secret: Secret | None
    restricted: Mapping[TableId, KeySet]  # the seeds of restricted tables: no other row of these comes downwards
    _conditions: dict[ForeignKey, KeySet] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for edge, policy in self.plan.edges.items():
            if policy.where is not None:
                self._conditions[edge] = choose(policy.where, self.schema, self.source, self.secret)

    def follows_all(self, edge: ForeignKey) -> bool:
        """Tell whether every child of a parent comes along over the edge."""
        return not self.plan.policy(edge).thins and edge.child not in self.restricted

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the children of these parents that come along."""
        policy = self.plan.policy(edge)
        found = self.source.children(edge, parents)
        if edge.child in self.restricted:
            found &= self.restricted[edge.child]
        if edge in self._conditions:
            found &= self._conditions[edge]
        child = self.schema.table(edge.child)
        if policy.ratio is not None and found:
            found = share(child, policy.ratio, self.source, self.secret, found)
        if policy.limit is not None and found:
            found = nearest(edge, child, policy.limit, parents, found, self.source, self.secret)
        return found
