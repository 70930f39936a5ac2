"""What a good configuration becomes."""

from pathlib import Path

import pytest
import yaml

from dbmimic.config import Overrides, load
from dbmimic.config.load import starting
from dbmimic.errors import ConfigError, UsageError
from dbmimic.masks.definition import GENERAL
from dbmimic.masks.registry import builtin
from dbmimic.model.nightly import ThrottleSpec
from dbmimic.model.request import Children, Mode
from dbmimic.model.ruleset import KeepRule, MaskRule, Undecided
from dbmimic.model.settings import Named, SeedSpec, Settings

EVERYTHING = '''\
source: postgresql://reader@prod.internal/shop
target: ${STAGING_URL}
secret: file:secret.txt
slice:
  mode: closure
  children: stop
  seeds:
    - {table: public.orders, where: "created_at > '${SINCE}'"}
    - {table: public.customers, percent: 5}
    - {table: public.tickets, ids: [42, 43]}
    - {table: public.order_items, ids: [[1, a], [2, NO]]}
  static: [public.countries]
  exclude: [public.audit_log]
rules:
  extends: [structure, people]
  default: null
  columns:
    public.customers.email: email
    "*.last_name": last_name
    public.customers.notes: {mask: redact, text: "-", domain: words, types: [text, json]}
    public.staff.username: {keep: "internal login names, not personal"}
    public."odd.name"."a ""b""": null
'''


@pytest.fixture
def config(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "dbmimic.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def settings(path: Path, overrides: Overrides | None = None, **environ: str) -> Settings:
    return load(path, overrides=overrides or Overrides(), environ=environ)


def test_every_key_of_the_format_arrives(config):
    path = config(EVERYTHING)
    loaded = settings(path, SINCE="2024-01-01")

    assert loaded.place == str(path)
    assert loaded.source == Named("postgresql://reader@prod.internal/shop", f"{path}:1:9", str(path.parent))
    assert loaded.slice.mode is Mode.CLOSURE
    assert loaded.slice.children is Children.STOP
    assert loaded.slice.seeds == (
        SeedSpec(Named("public.orders", f"{path}:8:15"), where="created_at > '2024-01-01'"),
        SeedSpec(Named("public.customers", f"{path}:9:15"), percent=5.0),
        SeedSpec(Named("public.tickets", f"{path}:10:15"), ids=((42,), (43,))),
        SeedSpec(Named("public.order_items", f"{path}:11:15"), ids=((1, "a"), (2, "NO"))),
    )
    assert loaded.slice.static == (Named("public.countries", f"{path}:12:12"),)
    assert loaded.slice.exclude == (Named("public.audit_log", f"{path}:13:13"),)
    assert loaded.rules.default is Undecided.NULL


def test_column_rules_know_their_places_and_decisions(config):
    path = config(EVERYTHING)
    own, *packs = settings(path, SINCE="").rules.layers

    assert own.own
    assert [(rule.pattern, rule.decision, rule.place) for rule in own.columns] == [
        (("public", "customers", "email"), MaskRule("email"), f"{path}:18:5"),
        (("*", "last_name"), MaskRule("last_name"), f"{path}:19:5"),
        (("public", "customers", "notes"), MaskRule("redact", {"text": "-"}, "words"), f"{path}:20:5"),
        (("public", "staff", "username"), KeepRule("internal login names, not personal"), f"{path}:21:5"),
        (("public", "odd.name", 'a "b"'), MaskRule("null"), f"{path}:22:5"),
    ]
    assert own.columns[2].types == {"text", "json"}
    assert [pack.name for pack in packs] == ["dbmimic/rules/people.yaml", "dbmimic/rules/structure.yaml"]


def test_each_option_of_each_mask_can_be_written(config):
    registry = builtin()
    samples = {"integer": 2, "number": 2, "boolean": True, "list": ["a"], "any": {"a": "email"}}
    written = {
        name: {one.name: samples.get(one.type, "a") for one in [*registry.get(name).parameters, *GENERAL]}
        for name in registry.names()
    }
    rules = {f"t.{name}": {"mask": name, **options} for name, options in written.items()}
    (layer,) = settings(config(yaml.safe_dump({"rules": {"columns": rules}}))).rules.layers
    assert {rule.decision.mask: rule.decision.options for rule in layer.columns} == written


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "slice:\nrules:\n  columns:\n  extends:\n"])
def test_a_file_with_nothing_in_it_is_a_configuration(config, text):
    loaded = settings(config(text))
    assert loaded.source is None
    assert loaded.slice.mode is None
    assert loaded.slice.seeds == ()
    assert loaded.rules.default is Undecided.FAIL
    assert all(not layer.columns for layer in loaded.rules.layers)


def test_flags_win_over_the_environment_and_it_over_the_file(config):
    path = config("source: file-source\ntarget: file-target\nsecret: file-secret\n")
    environ = {"DBMIMIC_SOURCE": "env-source", "DBMIMIC_TARGET": "env-target"}
    loaded = load(path, overrides=Overrides(source="flag-source"), environ=environ)
    assert loaded.source == Named("flag-source", "--source")
    assert loaded.target == Named("env-target", "DBMIMIC_TARGET")
    assert loaded.secret == Named("file-secret", f"{path}:3:9", str(path.parent))


def test_an_empty_variable_and_database_url_count_for_nothing(config):
    path = config("target: t\n")
    loaded = settings(path, DBMIMIC_SOURCE="", DBMIMIC_TARGET="", DATABASE_URL="postgresql://x/y")
    assert loaded.source is None
    assert loaded.target is not None
    assert loaded.target.text == "t"


def test_without_a_file_flags_and_environment_are_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = load(None, overrides=Overrides(source="sqlite:///a.db"), environ={"DBMIMIC_SECRET": "s"})
    assert loaded.place == ""
    assert loaded.source == Named("sqlite:///a.db", "--source")
    assert loaded.target is None
    assert loaded.secret == Named("s", "DBMIMIC_SECRET")
    assert loaded.rules.layers == ()


def test_the_default_file_is_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dbmimic.yaml").write_text("source: here\n")
    assert load(None, overrides=Overrides(), environ={}).source == Named("here", "dbmimic.yaml:1:9", ".")


def test_a_file_that_is_asked_for_and_missing_is_a_wrong_argument(tmp_path):
    with pytest.raises(UsageError) as caught:
        settings(tmp_path / "none.yaml")
    assert (caught.value.code, caught.value.exit_status) == ("DM102", 2)
    assert caught.value.hint


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path)
    assert (caught.value.code, caught.value.place) == ("DM210", str(tmp_path))


def test_a_reference_that_a_flag_replaces_is_never_looked_at(config):
    path = config("source: ${NOT_SET}\ntarget: cmd:false\nsecret: ${NOT_SET}\n")
    loaded = settings(path, Overrides(source="sqlite:///a.db"))
    assert loaded.source == Named("sqlite:///a.db", "--source")


def test_a_doubled_dollar_stands_for_itself(config):
    path = config("slice:\n  seeds:\n    - {table: t, where: \"a = '$${X}' or b = '$5' or c = '${Y}'\"}\n")
    assert settings(path, Y="y").slice.seeds[0].where == "a = '${X}' or b = '$5' or c = 'y'"


def test_repr_shows_neither_secret_nor_url(config):
    path = config("source: postgresql://u:canary@h/d\nsecret: canary\n")
    given = Overrides(source="canary", target="canary", secret="canary")
    assert "canary" not in repr(settings(path))
    assert "canary" not in repr(given)
    assert "canary" not in repr(settings(path, given))


def test_the_fingerprint_is_of_what_the_rules_say(config):
    plain = "rules:\n  columns:\n    a.b: email\n    c: {mask: redact, text: x, types: [text]}\n"
    same = "# comment\nrules: {columns: {\"a.b\": {mask: 'email'},   c: {types: [text], text: x, mask: redact}}}\n"
    swapped = "rules:\n  columns:\n    c: {mask: redact, text: x, types: [text]}\n    a.b: email\n"
    other = plain.replace("text: x", "text: y")
    packed = plain.replace("rules:\n", "rules:\n  extends: [structure]\n")
    defaulted = plain.replace("rules:\n", "rules:\n  default: keep\n")

    first = settings(config(plain)).rules.fingerprint
    assert first.startswith("sha256:")
    assert settings(config(same)).rules.fingerprint == first
    others = {settings(config(text)).rules.fingerprint for text in (swapped, other, packed, defaulted)}
    assert len(others | {first}) == 5


def test_a_first_configuration_starts_from_the_shipped_packs_and_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dbmimic.yaml").write_text("not: read")
    first = starting(overrides=Overrides(source="sqlite:///a.db"), environ={})
    assert first.source == Named("sqlite:///a.db", "--source")
    assert [Path(layer.name).stem for layer in first.rules.layers] == ["people", "structure"]
    assert first.rules.default is Undecided.FAIL


def test_times_of_the_throttle_are_seconds(config):
    text = "throttle: {give_way: 2m, max_lag: never, max_load: null, nice_ratio: 2, patience: 90, max_age: 6h}\n"
    assert settings(config(text)).throttle == ThrottleSpec(120.0, None, None, 2.0, 90.0, 21_600.0)
    assert settings(config("throttle:\n")).throttle == ThrottleSpec()
