"""What users write by mistake about SQLite files."""

import pytest

from dbmimic.engines.sqlite.engine import SqliteEngine
from dbmimic.errors import ConfigError
from dbmimic.model.address import Address


@pytest.mark.parametrize("opening", ["open_source", "open_target"])
def test_a_question_mark_in_a_path_does_not_lead_to_another_file(make, opening):
    path = make("CREATE TABLE t (a)", name="week")
    with pytest.raises(ConfigError) as caught:
        getattr(SqliteEngine(), opening)(Address("sqlite", str(path), options={"x": "1"}))
    assert caught.value.code == "DM214"
    assert "%3F" in caught.value.hint
