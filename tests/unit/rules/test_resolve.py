"""Every column gets its decision, or the run is refused: which rule wins, what follows it, and what is told."""

from dataclasses import replace

import pyarrow as pa
import pytest

from dbmimic.errors import ConfigError, RefusedError
from dbmimic.introspect import link
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.masking import Kept, Masked, Step
from dbmimic.model.names import TableId
from dbmimic.model.ruleset import (
    ColumnRule,
    ColumnTrait,
    KeepRule,
    MaskRule,
    RuleLayer,
    Ruleset,
    TraitRule,
    Undecided,
)
from dbmimic.model.schema import ForeignKey, Generated, Schema
from dbmimic.model.types import Kind, LogicalType
from dbmimic.rules import Resolution, resolve
from dbmimic.rules.context import masked_context
from tests.unit.schemas import BIGINT, BOOLEAN, DATE, INT, MOMENT, SMALLINT, TEXT, edge, schema, table, varchar

KEEP = KeepRule("nobody's")
STRUCTURE = RuleLayer(
    "structure",
    traits=(
        TraitRule(ColumnTrait.SURROGATE_KEY, KeepRule("a key"), "structure.yaml:1:1"),
        TraitRule(ColumnTrait.BOOLEAN, KeepRule("a yes or no"), "structure.yaml:2:1"),
        TraitRule(ColumnTrait.BOOKKEEPING, KeepRule("when the row changed"), "structure.yaml:3:1"),
    ),
)


def own(**decisions: KeepRule | MaskRule) -> RuleLayer:
    """Give the user's own layer; `a__b` stands for the pattern `a.b`, and `ANY` for a star."""
    rules = [
        ColumnRule(tuple(part.replace("ANY", "*") for part in pattern.split("__")), decision, f"dbmimic.yaml:{line}:5")
        for line, (pattern, decision) in enumerate(decisions.items(), 10)
    ]
    return RuleLayer("dbmimic.yaml", tuple(rules), own=True)


def people() -> Schema:
    return schema(
        [
            table(
                "customers",
                {"id": INT, "email": varchar(80), "born": DATE, "active": BOOLEAN, "created_at": MOMENT},
                ("id",),
                ("email",),
            ),
            table("orders", {"id": BIGINT, "customer_id": BIGINT, "note": TEXT}, ("id",), nullable=("note",)),
        ],
        edge("orders", ("customer_id",), "customers", ("id",)),
    )


def resolved(found: Schema, *layers: RuleLayer, default: Undecided = Undecided.FAIL, **more: object) -> Resolution:
    return resolve(Ruleset(layers, default), found, link(found), builtin(), **more)


def decision(resolution: Resolution, name: str) -> Kept | Masked | None:
    owner, column = name.split(".")
    return resolution.plan.decisions.get(TableId("public", owner).column(column))


def test_what_nobody_decided_is_refused_all_at_once() -> None:
    resolution = resolved(people(), STRUCTURE)
    assert [str(column) for column in resolution.undecided] == [
        "public.customers.email",
        "public.customers.born",
        "public.orders.note",
    ]
    with pytest.raises(RefusedError) as caught:
        resolution.settled()
    assert [problem.place for problem in caught.value.problems] == [str(column) for column in resolution.undecided]
    assert caught.value.code == "DM301"
    assert caught.value.exit_status == 4
    with pytest.raises(RefusedError) as bare:
        resolved(people()).settled()
    assert ("dbmimic init" in str(bare.value), "dbmimic init" in str(caught.value)) == (True, False)


def test_own_rules_beat_packs_and_exact_patterns_beat_stars() -> None:
    pack = RuleLayer("pack", (ColumnRule(("public", "customers", "email"), MaskRule("redact"), "pack.yaml:1:1"),))
    layer = own(ANY__email=MaskRule("token"), customers__email=MaskRule("email"), ANY=KEEP)
    resolution = resolved(people(), layer, pack, STRUCTURE)
    assert resolution.undecided == ()
    email = decision(resolution, "customers.email")
    assert isinstance(email, Masked)
    assert (email.mask, email.place) == ("email", "dbmimic.yaml:11:5")
    assert isinstance(decision(resolution, "orders.note"), Kept)


def test_patterns_fold_case() -> None:
    resolution = resolved(people(), own(Customers__EMAIL=MaskRule("email"), ANY=KEEP))
    assert isinstance(decision(resolution, "customers.email"), Masked)


def test_a_foreign_key_follows_the_key_that_it_references() -> None:
    resolution = resolved(people(), own(customers__id=MaskRule("integer_key"), ANY=KEEP))
    key, follower = decision(resolution, "customers.id"), decision(resolution, "orders.customer_id")
    assert isinstance(key, Masked)
    assert isinstance(follower, Masked)
    assert follower.domain == key.domain == "integer_key:customers.id"
    assert follower.low_bits == key.low_bits == 30
    assert str(follower.follows) == "public.customers.id"
    assert key.follows is None


def test_the_narrowest_column_decides_how_large_a_masked_key_may_be() -> None:
    found = schema(
        [table("a", {"id": BIGINT}, ("id",)), table("b", {"id": INT, "a_id": SMALLINT}, ("id",))],
        edge("b", ("a_id",), "a", ("id",)),
    )
    resolution = resolved(found, own(a__id=MaskRule("integer_key")), STRUCTURE)
    key = decision(resolution, "a.id")
    assert isinstance(key, Masked)
    assert key.low_bits == 14


@pytest.mark.parametrize("root", [12, 19, None])
def test_a_number_is_masked_alike_in_columns_of_other_widths(root: int | None) -> None:
    """Where a column of decimal digits ends, no power of two does."""
    types = {"a": root, "b": 9, "c": 11}
    tables = [
        table(name, {"id": LogicalType(Kind.DECIMAL, precision=digits, scale=0 if digits else None)}, ("id",))
        for name, digits in types.items()
    ]
    tables.append(table("d", {"a_id": BIGINT}))
    edges = [edge(name, (column,), "a", ("id",)) for name, column in (("b", "id"), ("c", "id"), ("d", "a_id"))]
    resolution = resolved(schema(tables, *edges), own(a__id=MaskRule("integer_key")), STRUCTURE)
    found = []
    for held in tables:
        (column,) = held.columns
        taken = decision(resolution, f"{held.id.name}.{column.name}")
        assert isinstance(taken, Masked)
        context = masked_context(held, column, taken)
        mask = builtin().bind(taken.mask, taken.options, context, Secret(bytes(32)), taken.domain)
        numbers = [
            1,
            77,
            999_999_999,
            8_600_000_000,
            99_999_999_999,
            600_000_000_000,
            -9,
            -999_999_999,
            -99_999_999_999,
        ]
        width = column.logical.precision or 12
        fitting = [str(number) for number in numbers if abs(number) < 10**width]
        made = dict(zip(fitting, mask(pa.array(fitting), None).to_pylist(), strict=True))
        assert all(abs(int(number)) < 10**width for number in made.values())
        found.append(made)
    for made in found:
        assert {number: other for number, other in found[0].items() if number in made} == made


@pytest.mark.parametrize(
    ("mask", "refused"),
    [
        (MaskRule("token"), True),
        (MaskRule("token", {"fold": True}), False),
        (MaskRule("hash"), True),
        (MaskRule("code"), True),
        (MaskRule("email"), False),
        (MaskRule("integer_key"), False),
    ],
    ids=lambda given: f"{given.mask}{given.options or ''}" if isinstance(given, MaskRule) else "",
)
def test_a_mask_that_parts_keys_which_are_one_is_refused(mask: MaskRule, refused: bool) -> None:
    citext = LogicalType(Kind.TEXT, caseless=True)
    for child in (citext, TEXT):  # PostgreSQL compares a text with a citext as texts
        found = schema(
            [table("a", {"id": citext}, ("id",)), table("b", {"a_id": child})], edge("b", ("a_id",), "a", ("id",))
        )
        if not refused or child is TEXT:
            resolved(found, own(a__id=mask))
            continue
        with pytest.raises(ConfigError) as caught:
            resolved(found, own(a__id=mask))
        assert {problem.code for problem in caught.value.problems} == {"DM208"}
        assert "compares these keys without case" in caught.value.message


@pytest.mark.parametrize(
    ("mask", "warned"), [(MaskRule("token"), True), (MaskRule("token", {"fold": True}), False)], ids=["parts", "folds"]
)
def test_a_collation_that_takes_keys_for_one_is_told_of(mask: MaskRule, warned: bool) -> None:
    folding = replace(TEXT, folds=True)
    for child in (folding, TEXT):
        found = schema(
            [table("a", {"id": folding}, ("id",)), table("b", {"a_id": child})], edge("b", ("a_id",), "a", ("id",))
        )
        noticed = resolved(found, own(a__id=mask)).noticed
        wanted = [("DM234", "public.a.id")] if warned and child is folding else []
        assert [(each.code, each.place) for each in noticed] == wanted


def test_a_rule_against_the_referenced_key_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        resolved(people(), own(orders__customer_id=MaskRule("integer_key"), customers__id=KEEP, ANY=KEEP))
    assert caught.value.code == "DM208"
    assert caught.value.place == "dbmimic.yaml:10:5"
    assert "public.customers.id" in caught.value.message


def test_two_referenced_keys_with_different_rules_cannot_share_a_column() -> None:
    found = schema(
        [
            table("a", {"id": INT}, ("id",)),
            table("b", {"id": INT}, ("id",)),
            table("c", {"id": INT, "x": INT}, ("id",)),
        ],
        edge("c", ("x",), "a", ("id",)),
        edge("c", ("x",), "b", ("id",)),
    )
    with pytest.raises(ConfigError) as caught:
        resolved(found, own(a__id=MaskRule("integer_key"), b__id=KEEP), STRUCTURE)
    assert caught.value.code == "DM208"


def test_keys_that_reference_each_other_in_a_circle_are_one() -> None:
    found = schema(
        [table("a", {"id": INT}, ("id",)), table("b", {"id": INT}, ("id",))],
        edge("a", ("id",), "b", ("id",)),
        edge("b", ("id",), "a", ("id",)),
    )
    resolution = resolved(found, own(b__id=MaskRule("integer_key")), RuleLayer("nothing"))
    first, second = decision(resolution, "a.id"), decision(resolution, "b.id")
    assert isinstance(first, Masked)
    assert isinstance(second, Masked)
    assert first.domain == second.domain


@pytest.mark.parametrize(
    ("layer", "code", "said"),
    [
        (own(custmers__email=MaskRule("email"), ANY=KEEP), "DM205", "customers"),
        (own(customers__emial=MaskRule("email"), ANY=KEEP), "DM206", "email"),
        (own(customers__email=MaskRule("emial"), ANY=KEEP), "DM207", "email"),
        (own(customers__email=MaskRule("email", {"keep_domian": True}), ANY=KEEP), "DM203", "keep_domain"),
        (own(customers__email=MaskRule("email", {"keep_domain": "yes"}), ANY=KEEP), "DM204", "keep_domain"),
        (own(customers__email=MaskRule("first_name"), ANY=KEEP), "DM208", "key"),
        (own(customers__born=MaskRule("email"), ANY=KEEP), "DM208", "born"),
        (own(customers__id=MaskRule("null"), ANY=KEEP), "DM208", "customers.id"),
        (own(customers__born=MaskRule("date_shift", {"entity": "idd"}), ANY=KEEP), "DM208", "idd"),
        (own(orders__note=MaskRule("redact", {"when": "rule = 1"}), ANY=KEEP), "DM208", "no column rule"),
        (own(orders__note=MaskRule("redact", {"scope": "night"}), ANY=KEEP), "DM204", "scope"),
        (own(customers__id=MaskRule("integer_key", {"when": "active"}), ANY=KEEP), "DM208", "unique"),
    ],
)
def test_each_wrong_rule_is_told_with_its_place_and_a_next_step(layer: RuleLayer, code: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolved(people(), layer, STRUCTURE)
    error = caught.value
    assert error.code == code
    assert error.place == "dbmimic.yaml:10:5"
    assert error.hint
    assert said in f"{error.message} {error.hint}"
    assert error.exit_status == 3


def test_what_is_excluded_needs_no_decision() -> None:
    resolution = resolved(people(), own(customers__ANY=KEEP), excluded=frozenset({TableId("public", "orders")}))
    assert resolution.undecided == ()
    assert {column.table.name for column in resolution.plan.decisions} == {"customers"}


def test_defaults() -> None:
    kept = resolved(people(), STRUCTURE, default=Undecided.KEEP)
    assert kept.undecided == ()
    nulled = resolved(people(), STRUCTURE, default=Undecided.NULL)
    assert [column.name for column in nulled.undecided] == ["email", "born"]
    note = decision(nulled, "orders.note")
    assert isinstance(note, Masked)
    assert note.mask == "null"


def test_a_kept_referenced_key_does_not_bring_values_of_another_that_nobody_decided() -> None:
    found = schema(
        [
            table("a", {"code": TEXT}, ("code",)),
            table("b", {"code": TEXT}, ("code",)),
            table("c", {"id": INT, "code": TEXT}, ("id",)),
        ],
        edge("c", ("code",), "a", ("code",)),
        edge("c", ("code",), "b", ("code",)),
    )
    resolution = resolved(found, own(a__code=KEEP), STRUCTURE)
    assert [str(column) for column in resolution.undecided] == ["public.a.code", "public.b.code"]


def test_a_domain_joins_columns_of_different_widths() -> None:
    found = schema(
        [
            table("a", {"id": INT, "ref": BIGINT, "login": varchar(60)}, ("id",)),
            table("b", {"id": INT, "ref": SMALLINT, "login": varchar(20)}, ("id",)),
        ]
    )
    layer = own(ANY__ref=MaskRule("integer_key", domain="ref"), ANY__login=MaskRule("token", domain="login"))
    resolution = resolved(found, layer, STRUCTURE)
    for name, bits, length in (("ref", 14, None), ("login", None, 20)):
        one, other = decision(resolution, f"a.{name}"), decision(resolution, f"b.{name}")
        assert isinstance(one, Masked)
        assert isinstance(other, Masked)
        assert (one.low_bits, one.length) == (other.low_bits, other.length) == (bits, length)


def test_a_person_has_one_address_where_it_is_a_key_and_where_it_is_not() -> None:
    found = schema(
        [
            table("users", {"id": INT, "email": varchar(80)}, ("id",), ("email",)),
            table("letters", {"id": INT, "email": varchar(80)}, ("id",)),
        ]
    )
    resolution = resolved(found, own(email=MaskRule("email")), STRUCTURE)
    key, other = decision(resolution, "users.email"), decision(resolution, "letters.email")
    assert isinstance(key, Masked)
    assert isinstance(other, Masked)
    assert key.domain == other.domain == "email"


@pytest.mark.parametrize("own_rule", [True, False])
def test_a_mask_on_a_referencing_column_is_never_dropped_for_the_default(own_rule: bool) -> None:
    found = schema(
        [table("accounts", {"login": varchar(80)}, ("login",)), table("posts", {"id": INT, "username": varchar(80)})],
        edge("posts", ("username",), "accounts", ("login",)),
    )
    rule = ColumnRule(("username",), MaskRule("token"), "people.yaml:1:1")
    with pytest.raises(ConfigError) as caught:
        resolved(found, RuleLayer("people", (rule,), own=own_rule), default=Undecided.KEEP)
    assert caught.value.code == "DM208"
    assert "public.accounts.login, which nothing decides" in caught.value.message


def test_a_key_that_a_computed_column_references_cannot_be_masked() -> None:
    child = table("b", {"id": INT, "a_id": INT}, ("id",))
    computed = replace(child.columns[1], generated=Generated.STORED)
    found = schema(
        [table("a", {"id": INT}, ("id",)), replace(child, columns=(child.columns[0], computed))],
        edge("b", ("a_id",), "a", ("id",)),
    )
    with pytest.raises(ConfigError) as caught:
        resolved(found, own(a__id=MaskRule("integer_key")), STRUCTURE)
    assert caught.value.code == "DM208"
    assert "public.b.a_id" in caught.value.message


def test_a_mask_that_only_a_computed_column_would_have_is_refused() -> None:
    plain = table("a", {"id": INT, "name": TEXT, "upper": TEXT}, ("id",))
    computed = replace(plain.columns[2], generated=Generated.STORED)
    found = schema([replace(plain, columns=(*plain.columns[:2], computed))])
    with pytest.raises(ConfigError) as caught:
        resolved(found, own(a__upper=MaskRule("token"), a__name=KEEP), STRUCTURE)
    assert [problem.code for problem in caught.value.problems] == ["DM208"]
    assert "computes the column" in caught.value.message
    resolved(found, own(a__upper=KEEP, ANY=MaskRule("token"), a__id=KEEP))


def test_what_is_asked_of_one_row_cannot_be_asked_of_joined_columns() -> None:
    found = schema(
        [table("logins", {"id": INT, "name": TEXT}), table("posts", {"id": INT, "author": TEXT})],
        edge("posts", ("author",), "logins", ("name",)),
    )
    for options, said in (
        ({"when": "id > 1"}, "`when`"),
        ({"nulls": "mask"}, "`nulls`"),
        ({"scope": "row"}, "`scope: row`"),
    ):
        with pytest.raises(ConfigError) as caught:
            resolved(found, own(logins__name=MaskRule("token", options), ANY=KEEP))
        assert any(said in problem.message for problem in caught.value.problems)


def test_a_row_without_a_key_cannot_be_masked_by_its_row() -> None:
    found = schema([table("loose", {"name": TEXT})])
    with pytest.raises(ConfigError) as caught:
        resolved(found, own(name=MaskRule("first_name", {"scope": "row"})))
    assert "has no key" in caught.value.message


def test_part_of_a_key_need_not_be_unique_where_a_rule_says_so() -> None:
    found = schema([table("stays", {"room": INT, "guest": TEXT}, ("room", "guest"))])
    with pytest.raises(ConfigError):
        resolved(found, own(guest=MaskRule("last_name"), room=KEEP))
    assert decision(resolved(found, own(guest=MaskRule("last_name", {"unique": "off"}), room=KEEP)), "stays.guest")


def test_the_masks_of_a_run_have_keys_of_their_own() -> None:
    layer = own(customers__id=MaskRule("integer_key", {"scope": "run"}), customers__email=MaskRule("email"), ANY=KEEP)
    plan = resolved(people(), layer).plan
    one, other = plan.of_run("one"), plan.of_run("other")
    key, reference = TableId("public", "customers").column("id"), TableId("public", "orders").column("customer_id")
    email = TableId("public", "customers").column("email")
    domains = [[each.decisions[column].domain for column in (key, reference, email)] for each in (plan, one, other)]
    assert domains[1][0] == domains[1][1] != domains[0][0]
    assert domains[2][0] != domains[1][0]
    assert domains[0][2] == domains[1][2] == domains[2][2] == "email"


def test_a_persona_is_of_the_key_that_a_column_leads_to() -> None:
    found = schema(
        [
            table("users", {"id": INT, "name": TEXT, "login": varchar(60)}, ("id",), ("login",)),
            table("notes", {"id": INT, "author": INT, "signed": TEXT, "login": varchar(30)}, ("id",)),
            table("books", {"id": INT, "author": INT, "signed": TEXT}, ("id",)),
        ],
        edge("notes", ("author",), "users", ("id",)),
    )
    layer = own(
        users__name=MaskRule("full_name", {"persona": "id"}),
        users__login=MaskRule("username", {"persona": "id"}),
        notes__login=MaskRule("username", {"persona": "author"}),
        signed=MaskRule("full_name", {"persona": "author"}),
        ANY=KEEP,
    )
    resolution = resolved(found, layer)
    columns = ("users.name", "users.login", "notes.login", "notes.signed", "books.signed")
    decided = [decision(resolution, name) for name in columns]
    assert [each.domain for each in decided] == ["persona:users.id"] * 4 + ["persona:books.author"]
    assert [each.entity for each in decided] == [("id",)] * 2 + [("author",)] * 3
    assert [each.length for each in decided[1:3]] == [30, 30]


def _ordered(*more: ForeignKey) -> Schema:
    """Give customers in two regions, their orders with a compound key, and what was ordered."""
    region = {"region": INT, "number": INT}
    return schema(
        [
            table("customers", {"id": INT, "name": TEXT}, ("id",)),
            table("orders", {**region, "customer": INT, "made": DATE}, ("region", "number")),
            table("items", {"id": INT, **region, "sent_to": varchar(40), "gift": INT}, ("id",)),
        ],
        edge("orders", ("customer",), "customers", ("id",)),
        edge("items", ("region", "number"), "orders", ("region", "number"), nullable=True),
        *more,
    )


def test_a_persona_is_reached_over_several_keys_and_shares_its_domain() -> None:
    rule = MaskRule("full_name", {"persona": "number.customer"})
    layer = own(customers__name=MaskRule("full_name", {"persona": "id"}), items__sent_to=rule, ANY=KEEP)
    made = decision(resolved(_ordered(), layer), "items.sent_to")
    orders = TableId("public", "orders")
    assert isinstance(made, Masked)
    assert (made.domain, made.entity) == ("persona:customers.id", ("region", "number"))
    assert made.steps == (Step(orders, ("region", "number"), ("customer",)),)


@pytest.mark.parametrize(
    ("persona", "said"),
    [
        ("gift.customer", "no foreign key of public.items has the column gift"),
        ("number.made_by", "no one row with a column made_by"),
        ("number.customer.email", "no one row with a column email"),
        ("number..customer", "between the points of number..customer"),
        ("number.", "between the points of number."),
        ("number.customer.id", ""),
    ],
)
def test_a_persona_that_cannot_be_reached_is_refused_with_what_is_missing(persona: str, said: str) -> None:
    layer = own(items__sent_to=MaskRule("full_name", {"persona": persona}), ANY=KEEP)
    if not said:
        assert decision(resolved(_ordered(), layer), "items.sent_to").domain == "persona:customers.id"
        return
    with pytest.raises(ConfigError) as caught:
        resolved(_ordered(), layer)
    assert said in caught.value.message


def test_a_persona_over_keys_that_are_not_one_or_not_read_is_refused() -> None:
    layer = own(items__sent_to=MaskRule("full_name", {"persona": "number.customer"}), ANY=KEEP)
    second = edge("items", ("number",), "orders", ("number",))
    assert decision(resolved(_ordered(second), layer), "items.sent_to").entity == ("region", "number")  # no key there
    with pytest.raises(ConfigError, match="excluded"):
        resolved(_ordered(), layer, excluded=frozenset({TableId("public", "orders")}))
    gifts = own(items__sent_to=MaskRule("full_name", {"persona": "gift.id"}), ANY=KEEP)
    two = (edge("items", ("gift",), name, ("id",)) for name in ("customers", "items"))
    with pytest.raises(ConfigError, match="more than one row with a column id"):
        resolved(_ordered(*two), gifts)


def test_two_rows_of_one_person_cannot_have_one_unique_value() -> None:
    found = schema([table("mails", {"id": INT, "person": INT, "email": varchar(80)}, ("id",), ("email",))])
    with pytest.raises(ConfigError) as caught:
        resolved(found, own(email=MaskRule("email", {"persona": "person"}), ANY=KEEP))
    assert "two rows of one person" in caught.value.message
    with pytest.raises(ConfigError) as caught:
        resolved(found, own(email=MaskRule("email", {"persona": "nobody"}), ANY=KEEP))
    assert "no column nobody" in caught.value.message


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{emial}@example.com", "no column emial"),
        ("{note", "a brace"),
        ("{email|loud}", "a way 'loud'"),
        ("{note}", "itself made of others"),
        ("{email}", "put {#}"),
    ],
)
def test_a_template_is_made_of_columns_that_are_there(template: str, said: str) -> None:
    found = schema([table("mails", {"id": INT, "email": TEXT, "note": TEXT, "key": TEXT}, ("id",), ("key",))])
    column = "key" if "#" in said else "note"
    with pytest.raises(ConfigError) as caught:
        resolved(found, own(**{column: MaskRule("template", {"template": template})}, ANY=KEEP))
    assert said in caught.value.message
