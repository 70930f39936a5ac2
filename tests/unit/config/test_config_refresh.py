"""What surrounds a run, as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dbmimic.config import Overrides, load
from dbmimic.config.refreshing import amendments, url
from dbmimic.errors import ConfigError
from dbmimic.model.events import LogFormat
from dbmimic.model.settings import Settings, Telling


def loaded(folder: Path, sections: dict[str, object], **environ: str) -> Settings:
    path = folder / "dbmimic.yaml"
    path.write_text(yaml.safe_dump(sections))
    return load(path, overrides=Overrides(), environ=environ)


def test_everything_arrives(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        {
            "hooks": {
                "before": ["a 'b c'", ["d", "e f"]],
                "after": [{"sql": "SELECT 1", "timeout": "2m"}, {"run": "x", "timeout": "1h"}, {"sql_file": "y.sql"}],
            },
            "logs": {"format": "json"},
            "metrics": {"textfile": "m.prom", "push": "${PUSH}"},
            "notify": {"on": "change", "run": ["mail", "x"], "webhook": "file:hook.txt"},
        },
    )
    assert [each.words for each in settings.hooks.before] == [("a", "b c"), ("d", "e f")]
    assert [(each.text, each.seconds) for each in settings.hooks.sql] == [("SELECT 1", 120), ("", 300)]
    assert [(each.words, each.seconds, each.folder) for each in settings.hooks.after] == [(("x",), 3600, str(tmp_path))]
    assert settings.log_format is LogFormat.JSON
    assert settings.metrics.textfile == str(tmp_path / "m.prom")
    assert settings.notify is not None
    assert (settings.notify.on, settings.notify.seconds) == (Telling.CHANGE, 30)
    assert settings.metrics.push is not None
    assert url(settings.metrics.push, {"PUSH": "http://u:p@gate:9091/x"}) == "http://u:p@gate:9091/x"
    (tmp_path / "hook.txt").write_text("https://hooks.test/abc\n")
    assert settings.notify.webhook is not None
    assert url(settings.notify.webhook, {}) == "https://hooks.test/abc"
    (tmp_path / "y.sql").write_text("SELECT 2;\n")
    assert [each.sql for each in amendments(settings.hooks)] == ["SELECT 1", "SELECT 2;\n"]
    assert "SELECT" not in repr(settings)
    assert "mail" not in repr(settings)


@pytest.mark.parametrize(
    ("hooks", "code", "words"),
    [
        ({"before": [{"sql": "SELECT 1"}]}, "DM224", "there is none at this time"),
        ({"on_failure": [{"sql_file": "x"}]}, "DM224", "there is none at this time"),
        ({"after": [{"sql": "SELECT 1", "run": "x"}]}, "DM224", "leave out all but one"),
        ({"after": [{"timeout": "5m"}]}, "DM224", "a hook has one of"),
        ({"after": ["echo 'x"]}, "DM224", "a quote that is not closed"),
        ({"after": [7]}, "DM224", "a hook must be a command"),
        ({"after": [{"run": "x", "timout": "5m"}]}, "DM203", "did you mean 'timeout'"),
        ({"after": [{"run": "x", "timeout": "never"}]}, "DM204", "never ends"),
        ({"after": [{"run": "x", "timeout": 5}]}, "DM204", "a number and a unit"),
        ({"after": [{"sql_file": "none.sql"}]}, "DM225", "No such file"),
        ({"atfer": []}, "DM203", "did you mean 'after'"),
    ],
)
def test_wrong_hooks_are_told_with_their_place(tmp_path: Path, hooks: dict[str, object], code: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        amendments(loaded(tmp_path, {"hooks": hooks}).hooks)
    assert (caught.value.code, words in str(caught.value)) == (code, True), str(caught.value)
    assert "dbmimic.yaml:" in caught.value.place


@pytest.mark.parametrize("text", ["ftp://x/y", "gate:9091", "http://", "http://x:y/", "http://x/ y", "http://xü/", ""])
def test_an_address_that_is_unfit_is_not_shown(tmp_path: Path, text: str) -> None:
    push = loaded(tmp_path, {"metrics": {"push": "${PUSH}"}}).metrics.push
    assert push is not None
    with pytest.raises(ConfigError) as caught:
        url(push, {"PUSH": text})
    assert caught.value.code == "DM226"
    assert not text or text not in str(caught.value)


def test_a_notice_to_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, {"notify": {"on": "always"}})
    assert caught.value.code == "DM226"
