"""Whatever stands in the file, `load` gives settings or one of our errors."""

import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dbmimic.config import Overrides, load, resolve, secret
from dbmimic.errors import ConfigError, DbmimicError
from dbmimic.model.settings import Named

CANARY = "Xk7-canary-93"
WORDS = [
    "source target secret slice mode children seeds table where percent ids static exclude edges rules extends default",
    "columns mask keep domain types full closure restrict follow stop fail null text structure people description",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(" ".join(WORDS).split()),
    st.text(max_size=12),
    st.just(CANARY),
    st.just("${" + CANARY),
)
keys = st.one_of(st.sampled_from(" ".join(WORDS).split()), st.text(max_size=8))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=20,
)
decisions = st.one_of(scalars, st.dictionaries(st.sampled_from(["mask", "keep", "types", "domain", "x"]), trees))
seeds = st.one_of(trees, st.dictionaries(st.sampled_from(["table", "where", "percent", "ids", "limit"]), trees))
shaped = st.fixed_dictionaries(
    {},
    optional={
        "source": scalars,
        "slice": st.fixed_dictionaries(
            {},
            optional={"mode": scalars, "children": scalars, "seeds": st.lists(seeds, max_size=3), "static": trees},
        ),
        "rules": st.fixed_dictionaries(
            {},
            optional={"extends": trees, "default": scalars, "columns": st.dictionaries(keys, decisions, max_size=4)},
        ),
    },
)
yaml_like = st.text(alphabet=st.sampled_from("abk:-[]{}\"'#&*!|>%@`~,?. \n\t\\$0129\0\x85\ufeff🙂"), max_size=60)


def outcome(call: Callable[[], object]) -> DbmimicError | None:
    try:
        call()
    except DbmimicError as error:
        return error
    return None


def check(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dbmimic.yaml"
        path.write_bytes(data)
        error = outcome(lambda: load(path, overrides=Overrides(), environ={"A": "b"}))
    if error is None:
        return
    assert isinstance(error, ConfigError)
    assert CANARY not in "".join(traceback.format_exception(error))
    for problem in error.problems:
        place, line, column = problem.place.rsplit(":", 2)
        assert place.endswith(".yaml")
        assert int(line) >= 1
        assert int(column) >= 1


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200))
@example(b"\xff\xfe\x00")
@example(b"%YAML 99999999999999999999.1\n---\na")
@example(b'"\\UFFFFFFFF"')
def test_bytes(data):
    check(data)


@settings(max_examples=800, deadline=None)
@given(st.one_of(yaml_like, st.text(max_size=80)))
@example("a: &a [*a]")
@example("? ? ? a")
@example("<<: *x")
@example("--- !!binary x")
@example("source: !!float x")
def test_text(text):
    check(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(trees, shaped))
def test_well_formed_files_of_any_content(tree):
    check(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.from_regex(r"\A(postgresql|mysql|sqlite|x)://[^\n]{0,40}\Z")))
@example("postgresql://[::1")
@example("postgresql://u:p@h:٣/d")
@example("sqlite:///\0")
def test_urls(text):
    # commands are left out: an arbitrary one must not be started
    named = Named(text.replace("cmd:", "").replace("file:", ""), "f:1:1")
    error = outcome(lambda: resolve.address(named, {}))
    assert error is None or (type(error), error.code in {"DM210", "DM214"}) == (ConfigError, True)


@given(st.text(min_size=1, max_size=80))
def test_secrets(text):
    named = Named(text.replace("cmd:", "").replace("file:", ""), "f:1:1")
    error = outcome(lambda: secret.secret(named, {}))
    assert error is not None
    assert error.code in {"DM209", "DM210"}
