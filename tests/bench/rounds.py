"""Runs cases in turns and tells what they cost, one against the other within each round."""

from __future__ import annotations

import os
import statistics
import sys
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.cases import Case, chapters
from tests.bench.meter import CommandFailed, Cost, measure
from tests.bench.servers import Server


@dataclass
class Results:
    """What was measured: for each case its costs by round, and the seconds of the chapters of our report."""

    costs: dict[str, dict[int, Cost]] = field(default_factory=dict)
    chapters: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    loads: dict[str, list[float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def run(cases: list[Case], rounds: int, folder: Path, server: Server | None) -> Results:
    """
    Run all cases once in each round, beginning with another one each time; a case that fails runs no more.

    What was measured before an interruption is given, too, with the interruption among what failed.
    """
    results = Results()
    try:
        for number in range(rounds):
            turn = number % len(cases)
            for case in cases[turn:] + cases[:turn]:
                if case.name not in results.failed and not (case.once and number):
                    _run_once(case, number, folder, server, results)
    except (KeyboardInterrupt, SystemExit):
        results.failed["the rest"] = "interrupted"
    return results


def _run_once(case: Case, number: int, folder: Path, server: Server | None, results: Results) -> None:
    try:
        case.prepare()
        results.loads.setdefault(case.name, []).append(round(os.getloadavg()[0], 2))
        cost = measure(case.command, environment=dict(case.environment), folder=folder, server=server)
        case.clean()
    except Exception as error:  # noqa: BLE001 (one case's trouble is told, and the others go on)
        known = isinstance(error, CommandFailed)
        results.failed[case.name] = str(error) if known else traceback.format_exc()
        _say(f"round {number + 1}: {case.name} failed: {results.failed[case.name]}")
        return
    results.costs.setdefault(case.name, {})[number] = cost
    if told := chapters(cost.output):
        results.chapters.setdefault(case.name, {})[number] = told
    _say(f"round {number + 1}: {case.name} {cost.wall:.2f} s, CPU {cost.client_cpu:.2f} + {cost.server_cpu:.2f} s")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def spread(values: list[float]) -> dict[str, float]:
    """Give the median, the least and the most of some values."""
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "n": len(values),
    }


def ratios(results: Results, cases: list[Case], what: str) -> dict[str, dict[str, dict[str, float]]]:
    """
    Give each case's `wall`, `cpu` or `copy` divided by each baseline's of the same round.

    `copy` is the chapter that makes the database and its tables and moves the rows, without keys, statistics and
    verification.
    """
    measured: dict[str, dict[int, float]] = {}
    for case in cases:
        if what == "copy":
            found = results.chapters.get(case.name, {})
            measured[case.name] = {number: each["copy"] for number, each in found.items() if "copy" in each}
        else:
            costs = results.costs.get(case.name, {})
            measured[case.name] = {number: getattr(cost, what) for number, cost in costs.items()}
    told: dict[str, dict[str, dict[str, float]]] = {}
    for case in cases:
        own = measured[case.name]
        for other in cases:
            base = measured[other.name]
            pairs = [own[each] / base[each] for each in own if each in base]
            if other.baseline and other.name != case.name and pairs:
                told.setdefault(case.name, {})[other.name] = spread(pairs)
    return told


def document(results: Results, cases: list[Case], rows: int, about: dict[str, Any]) -> dict[str, Any]:
    """Give everything as one JSON document."""
    told: dict[str, Any] = {}
    for case in cases:
        costs = list(results.costs.get(case.name, {}).values())
        if not costs:
            continue
        told[case.name] = {
            **{
                name: spread([getattr(cost, name) for cost in costs])
                for name in ("wall", "client_cpu", "server_cpu", "cpu")
            },
            "rows_per_second": round(rows / statistics.median(cost.wall for cost in costs)),
            "peak_mb": max(cost.peak_mb for cost in costs),
            "largest_process_mb": max(cost.largest_mb for cost in costs),
            "most_processes": max(cost.most_processes for cost in costs),
            "load_before": results.loads[case.name],
            "runs": [{name: value for name, value in asdict(cost).items() if name != "output"} for cost in costs],
        }
        if case.name in results.chapters:
            every = list(results.chapters[case.name].values())
            names = dict.fromkeys(name for each in every for name in each)
            told[case.name]["chapters"] = {name: spread([each.get(name, 0.0) for each in every]) for name in names}
        if case.note:
            told[case.name]["note"] = case.note
    found = {what: ratios(results, cases, what) for what in ("wall", "cpu", "copy")}
    return {**about, "rows": rows, "cases": told, "ratios": found, "failed": results.failed}


def table(found: dict[str, Any]) -> str:
    """Give the document as tables for people, in Markdown."""
    lines = ["| case | n | wall s | rows/s | client CPU s | server CPU s | peak MB | largest process MB | processes |"]
    lines.append("|" + " --- |" * 9)
    for name, case in found["cases"].items():
        wall = case["wall"]
        lines.append(
            f"| {name} | {wall['n']} | {_spread(wall)} | {case['rows_per_second'] / 1000:.0f} k "
            f"| {case['client_cpu']['median']:.2f} | {case['server_cpu']['median']:.2f} | {case['peak_mb']:.0f} "
            f"| {case['largest_process_mb']:.0f} | {case['most_processes']} |"
        )
    for what, title in (("wall", "wall time"), ("cpu", "CPU of client and server"), ("copy", "moving the rows alone")):
        if found["ratios"][what]:
            lines += ["", *_ratio_table(found["ratios"][what], title)]
    told = {name: case["chapters"] for name, case in found["cases"].items() if "chapters" in case}
    if told:
        names = list(dict.fromkeys(name for each in told.values() for name in each))
        lines += ["", f"| chapters, median s | {' | '.join(names)} |", "|" + " --- |" * (len(names) + 1)]
        for name, each in told.items():
            cells = " | ".join(f"{each[part]['median']:.2f}" if part in each else "" for part in names)
            lines.append(f"| {name} | {cells} |")
    lines += [f"\n{name}: {case['note']}" for name, case in found["cases"].items() if "note" in case]
    lines += [f"\n{name} FAILED: {reason}" for name, reason in found["failed"].items()]
    return "\n".join(lines)


def _ratio_table(found: dict[str, Any], title: str) -> list[str]:
    bases = list(dict.fromkeys(base for each in found.values() for base in each))
    lines = [f"| {title}: ratio to | {' | '.join(bases)} |", "|" + " --- |" * (len(bases) + 1)]
    for name, each in found.items():
        cells = " | ".join(_spread(each[base]) if base in each else "" for base in bases)
        lines.append(f"| {name} | {cells} |")
    return lines


def _spread(values: dict[str, float]) -> str:
    median = f"{values['median']:.2f}"
    return median if values["n"] == 1 else f"{median} [{values['min']:.2f}-{values['max']:.2f}]"
