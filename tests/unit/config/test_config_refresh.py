"""What surrounds a run, as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dbmimic.config import Overrides, load
from dbmimic.config.refreshing import amendments
from dbmimic.errors import ConfigError
from dbmimic.model.events import LogFormat
from dbmimic.model.settings import Settings


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
        },
    )
    assert [each.words for each in settings.hooks.before] == [("a", "b c"), ("d", "e f")]
    assert [(each.text, each.seconds) for each in settings.hooks.sql] == [("SELECT 1", 120), ("", 300)]
    assert [(each.words, each.seconds, each.folder) for each in settings.hooks.after] == [(("x",), 3600, str(tmp_path))]
    assert settings.log_format is LogFormat.JSON
    (tmp_path / "y.sql").write_text("SELECT 2;\n")
    assert [each.sql for each in amendments(settings.hooks)] == ["SELECT 1", "SELECT 2;\n"]
    assert "SELECT" not in repr(settings)


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
