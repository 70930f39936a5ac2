from __future__ import annotations

import time

import pytest

from dbmimic.masks.definition import MaskError
from dbmimic.model.types import Kind, LogicalType

ARRAY, OTHER = LogicalType(Kind.ARRAY), LogicalType(Kind.OTHER)


class TestArray:
    def test_elements_become_what_they_become_in_a_column(self, apply):
        one, other = apply("email", ["a@b.de", "x, y@z.org"])
        (made,) = apply("array", ['{a@b.de,"x, y@z.org",NULL,"NULL"}'], ARRAY, each="email")
        assert made.startswith(f'{{"{one}","{other}",NULL,"')

    def test_form_stays(self, apply):
        made = apply(
            "array", ["{{1,2},{3,4}}", "[0:1]={a,b}", "{}", "", None], ARRAY, each={"mask": "constant", "value": "x"}
        )
        assert made == ['{{"x","x"},{"x","x"}}', '[0:1]={"x","x"}', "{}", "", None]

    def test_quotes_and_backslashes(self, apply):
        (made,) = apply("array", [r'{"q\"\\ 1"}'], ARRAY, each={"mask": "prefix", "keep": 4})
        assert made == r'{"q\"\\ 0"}'

    def test_what_is_none_is_told_of_at_once(self, apply):
        began = time.process_time()
        for text in ("a" * 50_000 + "\\", "{" * 50_000 + '"', "no array"):
            with pytest.raises(MaskError, match="no array"):
                apply("array", [text], ARRAY, each="email")
        assert time.process_time() - began < 2

    def test_a_mask_that_does_not_fit_is_told_of(self, refusal):
        assert "noise" in refusal("array", ARRAY, each="noise")


class TestComposite:
    def test_some_fields(self, apply):
        (name,) = apply("full_name", ["Ann Lee"])
        made = apply(
            "composite", ['("Ann Lee",17,"a ""b"" \\\\")', "(,17,)"], OTHER, fields={1: "full_name", 3: "redact"}
        )
        assert made == [f'("{name}",17,"redacted")', "(,17,)"]

    def test_what_is_none(self, apply, refusal):
        with pytest.raises(MaskError, match="no row"):
            apply("composite", ["17"], OTHER, fields={1: "redact"})
        assert "from 1" in refusal("composite", OTHER, fields={"name": "redact"})
        assert "'fields'" in refusal("composite", OTHER, fields=[1])


class TestHstore:
    def test_values_by_key(self, apply):
        (mail,) = apply("email", ["a@b.de"])
        made = apply(
            "hstore",
            ['"E\\"mail"=>"a@b.de", "b"=>NULL, "c"=>"kept"', "", None],
            OTHER,
            keys={"*mail": "email", "b": "email"},
        )
        assert made == [f'"E\\"mail"=>"{mail}", "b"=>NULL, "c"=>"kept"', "", None]

    def test_what_is_none(self, apply):
        with pytest.raises(MaskError, match="no hstore"):
            apply("hstore", ["a=>b"], OTHER, keys={"a": "redact"})


class TestXml:
    def test_elements_with_what_is_inside_of_them_and_attributes(self, apply):
        name, mail, deep = apply("redact", ["x"])[0], *apply("email", ["a@b.de"]), *apply("redact", ["y"])
        made = apply(
            "xml",
            ["<o mail='a@b.de' id='7'><p:Name> Ann &amp; Lee<b>deep</b></p:Name><c>kept</c></o>"],
            elements={"name": "redact"},
            attributes={"mail": "email"},
        )
        assert made == [f"<o mail='{mail}' id='7'><p:Name> {name}<b>{deep}</b></p:Name><c>kept</c></o>"]

    def test_the_rest_may_be_scrambled_and_comments_go(self, apply):
        text = '<?xml version="1.0"?><a xmlns="urn:x" b="Ann"><!-- Ann --><![CDATA[Ann <1>]]>Ann</a>'
        (made,) = apply("xml", [text], rest="scramble")
        assert "Ann" not in made
        assert made.startswith('<?xml version="1.0"?><a xmlns="urn:x" b="')
        assert made.count("&lt;") == 1

    def test_what_programs_are_told_goes_with_the_text_around_it(self, apply):
        text = '<?xml version="1.0"?><?a Ann?><r xml:id="Ann" xml:lang="en"><e>1<?b Ann?></e>2<?c d?></r>'
        (made,) = apply("xml", [text], rest="scramble")
        assert "Ann" not in made
        assert "<?c" not in made
        assert made.startswith('<?xml version="1.0"?><r xml:id="')
        assert 'xml:lang="en"' in made
        (made,) = apply("xml", [text], elements={"e": "scramble"})
        assert made[: text.index("<e>")] == text[: text.index("<e>")]
        assert "<?b" not in made
        assert made.endswith("</e>2<?c d?></r>")

    def test_what_is_masked_stays_text(self, apply):
        made = apply(
            "xml",
            ["<a>1</a>", '<a b="1"/>'],
            elements={"a": {"mask": "constant", "value": "<\"'&"}},
            attributes={"b": {"mask": "constant", "value": "<\"'&"}},
        )
        assert made == ["<a>&lt;&quot;&apos;&amp;</a>", '<a b="&lt;&quot;&apos;&amp;"/>']

    @pytest.mark.parametrize("text", ["<a>", "a & b", "<!DOCTYPE a [<!ENTITY e 'Ann'>]><a>&e;</a>", "<a b=1/>"])
    def test_what_is_none_is_scrambled_or_refused(self, apply, text):
        assert apply("xml", [text, "<a>1</a>"], rest="scramble")[0] == apply("scramble", [text])[0]
        with pytest.raises(MaskError, match="no XML"):
            apply("xml", [text], OTHER, rest="scramble")

    def test_unfit_options(self, refusal):
        assert "`elements`" in refusal("xml")
        assert "'elements'" in refusal("xml", elements=["a"])
        assert "nmae" in refusal("xml", elements={"a": "nmae"})


class TestFile:
    @pytest.mark.parametrize(
        ("before", "begins"),
        [
            ("89504e470d0a1a0a0000", "89504e470d0a1a0a0000000d49484452"),
            ("FFD8FFE1", "ffd8ffe0"),
            ("474946383761", "474946383961"),
            ("424d00", "424d3a000000"),
            ("255044462d312e37", "255044462d312e34"),
            ("504b0304", "504b0506"),
            ("1f8b0808", "1f8b0800"),
            ("00ff", "00"),
        ],
    )
    def test_the_type_stays(self, apply, before, begins):
        plain, marked, quoted = apply("file", [before, "\\x" + before, f"x'{before}'"], LogicalType(Kind.BINARY))
        assert plain.startswith(begins)
        assert (marked, quoted) == ("\\x" + plain, f"x'{plain}'")
        assert len(plain) < 1000

    def test_nothing_stays_nothing(self, apply, refusal):
        assert apply("file", ["", "\\x", "x''", None], LogicalType(Kind.BINARY)) == ["", "\\x", "x''", None]
        assert "bytes" in refusal("file", LogicalType(Kind.BINARY, length=16))
