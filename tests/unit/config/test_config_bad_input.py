"""Every way for a configuration to be wrong: the code, the place, the exit status, and nothing of the file in it."""

import os
import pickle
import traceback
from pathlib import Path

import pytest

from dbmimic.config import Overrides, load
from dbmimic.errors import ConfigError

# Stands wherever a value stands that is wrong: it could be a password or a row's value.
CANARY = "Xk7-canary-93"

SEED = "slice:\n  seeds:\n    - "
COLUMN = "rules:\n  columns:\n    "

WRONG = [
    # what, text, code, line:column
    ("not text at all", b"source: \xff" + CANARY.encode(), "DM201", "1:9"),
    ("a control character", f"source: {CANARY}\x07", "DM201", f"1:{9 + len(CANARY)}"),
    ("a tab", f"slice:\n\tmode: {CANARY}", "DM201", "2:1"),
    ("an open quote", f"source: x\ntarget: '{CANARY}\n", "DM201", "3:1"),
    ("two colons", f"source: {CANARY}: {CANARY}", "DM201", f"1:{9 + len(CANARY)}"),
    ("an open bracket", f"slice: [{CANARY}\n", "DM201", "2:1"),
    ("bad indentation", f"slice:\n    mode: {CANARY}\n  seeds: []\n", "DM201", "3:3"),
    ("two documents", f"source: {CANARY}\n---\ntarget: {CANARY}\n", "DM201", "2:1"),
    ("an unknown alias", f"source: *{CANARY}\n", "DM201", "1:9"),
    ("an alias inside itself", "slice: &a\n  seeds: [*a]\n", "DM201", "1:8"),
    ("an absurd escape", f'source: "{CANARY}\\UFFFFFFFF"\n', "DM201", "1:25"),
    ("half a character", f'source: "{CANARY}\\ud800"\n', "DM204", "1:9"),
    ("a NUL", f'source: "{CANARY}\\0"\n', "DM204", "1:9"),
    ("a tag", f"source: !python/object {CANARY}\n", "DM204", "1:9"),
    ("a tag on a list", f"slice: !x [{CANARY}]\n", "DM204", "1:8"),
    ("a tag that does not fit", f"source: !!int {CANARY}\n", "DM204", "1:9"),
    ("an endless number", f"source: {'9' * 5000}\n", "DM204", "1:9"),
    ("a list", f"- {CANARY}\n", "DM204", "1:1"),
    ("a scalar", f"{CANARY}\n", "DM204", "1:1"),
    ("a key that is a list", f"? [{CANARY}]\n: 1\n", "DM204", "1:3"),
    ("a repeated key", f"source: {CANARY}\nsource: {CANARY}\n", "DM202", "2:1"),
    ("a repeated key, once in quotes", f"slice:\n  mode: full\n  'mode': {CANARY}\n", "DM202", "3:3"),
    ("a misspelt key", f"sorce: {CANARY}\n", "DM203", "1:1"),
    ("a key like none", f"{CANARY}: 1\n", "DM203", "1:1"),
    ("a misspelt key of the slice", f"slice:\n  sedes: {CANARY}\n", "DM203", "2:3"),
    ("a misspelt key of a seed", f"{SEED}{{table: t, percnt: 5, ids: [1]}}", "DM203", "3:18"),
    ("a misspelt key of the rules", f"rules:\n  collumns: {CANARY}\n", "DM203", "2:3"),
    ("an unknown key beside keep", f'{COLUMN}a: {{keep: "ok", reason: {CANARY}}}', "DM203", "3:21"),
    ("a number for a text", "source: 5\n", "DM204", "1:9"),
    ("a boolean for a text", "secret: true\n", "DM204", "1:9"),
    ("nothing for a text", "source:\ntarget: t\n", "DM204", "1:1"),
    ("an empty text", "source: ' '\n", "DM204", "1:9"),
    ("a text for a mapping", f"slice: {CANARY}\n", "DM204", "1:8"),
    ("a text for a list", f"slice:\n  static: {CANARY}\n", "DM204", "2:11"),
    ("a number in a list of texts", "slice:\n  exclude: [a, 5]\n", "DM204", "2:16"),
    ("an unknown mode", f"slice:\n  mode: {CANARY}\n", "DM204", "2:9"),
    ("an unknown policy for children", f"slice:\n  children: {CANARY}\n", "DM204", "2:13"),
    ("an unknown default", f"rules:\n  default: {CANARY}\n", "DM204", "2:12"),
    ("a seed that is no mapping", f"{SEED}{CANARY}", "DM204", "3:7"),
    ("a seed without a table", f"{SEED}{{where: {CANARY}}}", "DM204", "3:7"),
    ("a seed without a choice", f"{SEED}{{table: {CANARY}}}", "DM204", "3:7"),
    ("a seed with two choices", f"{SEED}{{table: t, where: {CANARY}, percent: 5}}", "DM204", "3:7"),
    ("no percent", f"{SEED}{{table: t, percent: 0}}", "DM204", "3:27"),
    ("more than all", f"{SEED}{{table: t, percent: 100.5}}", "DM204", "3:27"),
    ("a percent that is no number", f"{SEED}{{table: t, percent: .nan}}", "DM204", "3:27"),
    ("a percent that is text", f"{SEED}{{table: t, percent: {CANARY}}}", "DM204", "3:27"),
    ("a percent that is a boolean", f"{SEED}{{table: t, percent: true}}", "DM204", "3:27"),
    ("a condition that is a number", f"{SEED}{{table: t, where: 5}}", "DM204", "3:25"),
    ("no ids", f"{SEED}{{table: t, ids: []}}", "DM204", "3:23"),
    ("an id that is a boolean", f"{SEED}{{table: t, ids: [1, true]}}", "DM204", "3:27"),
    ("an id that is a fraction", f"{SEED}{{table: t, ids: [1.5]}}", "DM204", "3:24"),
    ("an id that is a mapping", f"{SEED}{{table: t, ids: [{{{CANARY}: 1}}]}}", "DM204", "3:24"),
    ("an id that is an empty list", f"{SEED}{{table: t, ids: [[]]}}", "DM204", "3:24"),
    ("an id that no column holds", f"{SEED}{{table: t, ids: [18446744073709551616]}}", "DM204", "3:24"),
    ("ids of different lengths", f"{SEED}{{table: t, ids: [[1, {CANARY}], [2]]}}", "DM204", "3:7"),
    ("a pattern of four parts", f"{COLUMN}a.b.c.d: email", "DM204", "3:5"),
    ("a pattern with an empty part", f"{COLUMN}a..b: email", "DM204", "3:5"),
    ("an empty pattern", f"{COLUMN}'': email", "DM204", "3:5"),
    ("no decision", f"{COLUMN}a:", "DM204", "3:5"),
    ("a decision that is a list", f"{COLUMN}a: [{CANARY}]", "DM204", "3:8"),
    ("a decision that is a number", f"{COLUMN}a: 5", "DM204", "3:8"),
    ("a decision with mask and keep", f"{COLUMN}a: {{mask: m, keep: {CANARY}}}", "DM204", "3:8"),
    ("a decision with neither", f"{COLUMN}a: {{domain: {CANARY}}}", "DM204", "3:8"),
    ("keep without a reason", f"{COLUMN}a: keep", "DM204", "3:8"),
    ("keep as a mask", f"{COLUMN}a: {{mask: keep}}", "DM204", "3:15"),
    ("keep with an empty reason", f"{COLUMN}a: {{keep: ''}}", "DM204", "3:15"),
    ("keep with a reason that is no text", f"{COLUMN}a: {{keep: true}}", "DM204", "3:15"),
    ("a mask that is no text", f"{COLUMN}a: {{mask: [{CANARY}]}}", "DM204", "3:15"),
    ("an unknown family of types", f"{COLUMN}a: {{mask: m, types: [{CANARY}]}}", "DM204", "3:26"),
    ("no types", f"{COLUMN}a: {{mask: m, types: []}}", "DM204", "3:25"),
    ("an option without a value", f"{COLUMN}a: {{mask: m, days: }}", "DM204", "3:18"),
    ("an option with a hole in it", f"{COLUMN}a: {{mask: m, words: {{x: }}}}", "DM204", "3:25"),
    ("a variable that is not set", f"{SEED}{{table: t, where: '{CANARY} ${{NOT_SET}}'}}", "DM210", "3:25"),
    ("a variable that is not named", f"{SEED}{{table: t, where: '${{{CANARY} x}}'}}", "DM210", "3:25"),
    ("a variable that is not closed", f"{SEED}{{table: t, where: '${{{CANARY}'}}", "DM210", "3:25"),
    ("an unknown pack", f"rules:\n  extends: [structure, {CANARY}]\n", "DM211", "2:24"),
    ("a rule file that is not there", f"rules:\n  extends: [{CANARY}.yaml]\n", "DM211", "2:13"),
    ("full with seeds", f"slice:\n  mode: full\n  seeds: [{{table: {CANARY}, percent: 5}}]\n", "DM212", "2:9"),
    ("closure of nothing", f"slice:\n  mode: closure\n  exclude: [{CANARY}]\n", "DM212", "2:9"),
    ("seeds that were forgotten", f"slice: {{seeds: , exclude: [{CANARY}]}}\n", "DM212", "1:9"),
    ("a list of no seeds", "slice:\n  seeds: []\n", "DM212", "2:10"),
    ("static and excluded", f"slice:\n  static: [{CANARY}]\n  exclude: [x, {CANARY}]\n", "DM212", "3:16"),
    ("restrict by nothing", f"slice:\n  mode: restrict\n  exclude: [{CANARY}]\n", "DM212", "2:9"),
    ("an edge of nothing", f"slice:\n  edges:\n    - {{edge: {CANARY}}}\n", "DM204", "3:7"),
    ("a limit that is none", f"slice:\n  edges:\n    - {{edge: x, limit: {CANARY}}}\n", "DM204", "3:24"),
    ("a limit below nothing", "slice:\n  edges:\n    - {edge: x, limit: -1}\n", "DM204", "3:24"),
    ("a ratio above all", "slice:\n  edges:\n    - {edge: x, ratio: 1.5}\n", "DM204", "3:24"),
    ("a policy that is none", f"slice:\n  edges:\n    - {{edge: x, parent: {CANARY}}}\n", "DM204", "3:25"),
    ("limit and stop", f"slice:\n  edges:\n    - {{edge: {CANARY}, children: stop, limit: 1}}\n", "DM212", "3:52"),
    ("full by edges", f"slice:\n  mode: full\n  edges: [{{edge: {CANARY}, limit: 1}}]\n", "DM212", "2:9"),
    ("a table of no mode", f"slice:\n  tables: [{{table: x, mode: {CANARY}}}]\n", "DM204", "2:29"),
    ("virtual keys", f"slice:\n  virtual_keys: [{CANARY}]\n", "DM204", "2:18"),
    ("cover of nothing", "slice:\n  cover:\n", "DM212", "2:3"),
    ("cover of no tables", "slice:\n  cover: {pairs: [], min_count: 2}\n", "DM212", "2:10"),
    ("cover by another word", f"slice:\n  cover: {{triples: [{CANARY}]}}\n", "DM203", "2:11"),
    ("cover of a number", "slice:\n  cover: {pairs: [5]}\n", "DM204", "2:19"),
    ("cover that is no list", f"slice:\n  cover: {{values: {CANARY}}}\n", "DM204", "2:19"),
    ("cover of a table without a name", f"slice:\n  cover: {{values: [{{columns: [{CANARY}]}}]}}\n", "DM204", "2:20"),
    ("cover of no columns", "slice:\n  cover: {values: [{table: t, columns: []}]}\n", "DM204", "2:40"),
    ("cover with an unknown word", f"slice:\n  cover: {{pairs: [{{table: t, parent: {CANARY}}}]}}\n", "DM203", "2:30"),
    (
        "cover of a parent's nothing",
        f"slice:\n  cover: {{pairs: [{{table: t, parents: [{{edge: {CANARY}}}]}}]}}\n",
        "DM204",
        "2:40",
    ),
    ("cover of what none holds", "slice:\n  cover: {pairs: [t], min_count: 0}\n", "DM204", "2:34"),
    ("full with cover", f"slice:\n  mode: full\n  cover: {{pairs: [{CANARY}]}}\n", "DM212", "2:9"),
    ("a budget that is no size", f"slice:\n  budget: {{size: {CANARY}}}\n", "DM204", "2:18"),
    ("a budget in no unit", "slice:\n  budget: {size: 2 furlongs}\n", "DM204", "2:18"),
    ("a budget beyond all numbers", f"slice:\n  budget: {{size: {'9' * 400}GB}}\n", "DM204", "2:18"),
    ("a time without a unit", "throttle: {give_way: soon}\n", "DM227", "1:22"),
    ("a pause that never ends", "retry: {pause: never}\n", "DM204", "1:16"),
    ("a load of nothing", "throttle: {max_load: 0}\n", "DM204", "1:22"),
    ("sandboxes of no size", f"sandbox:\n  max_size: {CANARY}\n", "DM204", "2:13"),
    ("a budget of nothing", "slice:\n  budget:\n", "DM204", "2:3"),
    ("a budget of no rows", "slice:\n  budget: {rows: 0}\n", "DM204", "2:18"),
    ("a budget of both", "slice:\n  budget: {rows: 10, size: 2GB}\n", "DM204", "2:11"),
    ("a budget of a word", f"slice:\n  budget: {CANARY}\n", "DM204", "2:11"),
    (
        "a budget without a percent",
        f"slice:\n  seeds: [{{table: {CANARY}, ids: [1]}}]\n  budget: {{rows: 1}}\n",
        "DM223",
        "3:11",
    ),
]


def refused(path: Path, text: str | bytes) -> ConfigError:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(path, overrides=Overrides(), environ={"SOME": CANARY})
    return caught.value


@pytest.mark.parametrize(("text", "code", "place"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_refused_with_code_place_and_nothing_of_the_file(tmp_path, text, code, place):
    path = tmp_path / "dbmimic.yaml"
    error = refused(path, text)

    assert [problem.code for problem in error.problems] == [code], str(error)
    assert error.place == f"{path}:{place}", str(error)
    assert error.exit_status == 3
    assert error.message
    told = "".join(traceback.format_exception(error)) + repr(error.problems) + repr(pickle.dumps(error))
    assert CANARY not in told


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("sorce: x", "did you mean 'source'?"),
        ("slice: {Childern: stop}", "did you mean 'children'?"),
        ("slice: {mode: clossure}", "did you mean 'closure'?"),
        ("slice: {children: folow}", "did you mean 'follow'?"),
        ("rules: {default: fial}", "did you mean 'fail'?"),
        ("rules: {extends: [peple]}", "did you mean 'people'?"),
        ("rules: {columns: {a: {mask: m, types: [txt]}}}", "did you mean 'text'?"),
        ("rules: {columns: {a: keep}}", 'write {keep: "why nothing personal stands there"}'),
        (
            "zzzzzz: x",
            "known here: hooks, logs, metrics, network, notify, on_encoding_error, retention, retry, rules, runs, sandbox, secret, slice, source, target, throttle",
        ),
    ],
)
def test_the_next_step_is_named(tmp_path, text, hint):
    assert refused(tmp_path / "dbmimic.yaml", text).hint == hint


def test_all_problems_are_told_at_once_in_their_order(tmp_path):
    path = tmp_path / "dbmimic.yaml"
    error = refused(
        path,
        "sorce: x\n"
        "slice:\n"
        "  budget: {rows: 0}\n"
        "  seeds:\n"
        "    - {table: t, percent: 500}\n"
        "    - {table: t, where: '${NOT_SET}'}\n"
        "rules:\n"
        "  extends: [nothing-like-it]\n"
        "  columns:\n"
        "    a: keep\n"
        "    a: email\n"
        "    b.c.d.e: email\n",
    )
    told = [(problem.code, problem.place.removeprefix(f"{path}:")) for problem in error.problems]
    assert told == [
        ("DM203", "1:1"),
        ("DM204", "3:18"),
        ("DM204", "5:27"),
        ("DM210", "6:25"),
        ("DM211", "8:13"),
        ("DM204", "10:8"),
        ("DM202", "11:5"),
        ("DM204", "12:5"),
    ]


def test_a_repeated_key_names_the_first_place_too(tmp_path):
    path = tmp_path / "dbmimic.yaml"
    assert f"{path}:2:3" in refused(path, "slice:\n  mode: full\n  mode: full\n").message


def test_a_rule_file_without_an_end_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    error = refused(tmp_path / "dbmimic.yaml", "rules:\n  extends: [./pipe.yaml]\n")
    assert (error.code, error.exit_status) == ("DM211", 3)
    assert error.place.endswith("dbmimic.yaml:2:13")


def test_no_server_is_waited_for_without_an_end_unless_it_says_never(tmp_path):
    path = tmp_path / "dbmimic.yaml"
    assert refused(path, "network: {stall_timeout: .inf}").place == f"{path}:1:26"
    path.write_text("network: {stall_timeout: never}")
    assert load(path, overrides=Overrides(), environ={}).network.stall_timeout is None


def test_the_laughs_end_early(tmp_path):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    error = refused(tmp_path / "dbmimic.yaml", "\n".join(rows))
    assert error.code == "DM201"
    assert "aliases" in error.message


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 5_000, "- " * 5_000 + "x"], ids=["lists", "maps", "blocks"])
def test_deep_nesting_is_no_crash(tmp_path, text):
    error = refused(tmp_path / "dbmimic.yaml", text)
    assert (error.code, error.message) == ("DM201", "lists and mappings are nested too deeply")


def test_aliases_that_stay_small_are_fine(tmp_path):
    path = tmp_path / "dbmimic.yaml"
    path.write_text("rules:\n  columns:\n    a: &m {mask: redact, text: x}\n    b: *m\n")
    first, second = load(path, overrides=Overrides(), environ={}).rules.layers[0].columns
    assert first.decision == second.decision
