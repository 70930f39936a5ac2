"""What the rules say of the source's columns, and what they leave to be recognised."""

from __future__ import annotations

from dbmimic import rules
from dbmimic.model.preview import RulesCheck
from dbmimic.pipeline.job import Request, World
from dbmimic.pipeline.prepare import prepare
from dbmimic.ports.source import Source


def check(request: Request, source: Source, world: World) -> RulesCheck:
    """
    Give what the rules decide; no row is read.

    Raises:
        ConfigError: all rules that are wrong.
        RefusedError: DM301 for each undecided column, DM309 for each that cannot be carried.
    """
    prepared = prepare(request, source, world)
    plan = prepared.resolution.settled()
    masked = len(plan.masked_columns)
    findings = (*prepared.resolution.noticed, *rules.risks(prepared.schema, prepared.graph, plan))
    return RulesCheck(request.rules.fingerprint, masked, len(plan.decisions) - masked, findings)
