"""
The bakery's application as a developer has it beside the database: its models are mapped from the tables as they are.

`python -m tests.real.bakery_application` migrates the database that DATABASE_URL names, and tests what it finds there.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.automap import AutomapBase, automap_base
from sqlalchemy.orm import Session

TABLES = ("breads_breadpage", "breads_breadpage_ingredients", "breads_country", "taggit_tag", "auth_user")
PARTS = "breads_breadpage_ingredients_to_breadpage_id"
RATED = "bakery_rating"


def forwards(_base: Any, _local: Any, _referred: Any, key: Any) -> str:
    """Name a relationship by its foreign key: several lead to one table."""
    return "to_" + "_".join(key.column_keys)


def backwards(_base: Any, _local: Any, referred: Any, key: Any) -> str:
    return f"{referred.__name__}_to_" + "_".join(key.column_keys)


def mapped(engine: Any) -> type[AutomapBase]:
    """Map the tables that the application works with, and what they reference."""
    metadata = MetaData()
    metadata.reflect(engine, only=[*TABLES, RATED])
    base = automap_base(metadata=metadata)
    base.prepare(name_for_scalar_relationship=forwards, name_for_collection_relationship=backwards)
    return base


def migrate(engine: Any) -> None:
    """Bring the schema from what is in production to what the branch needs."""
    assert RATED not in inspect(engine).get_table_names(), "somebody migrated this database before"
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE breads_breadpage ADD COLUMN allergens varchar(200) DEFAULT 'gluten'"))
        connection.execute(text("CREATE INDEX breads_allergens ON breads_breadpage (allergens)"))
        pages = Table("breads_breadpage", MetaData(), autoload_with=connection)
        Table(
            RATED,
            pages.metadata,
            Column("id", Integer, primary_key=True),
            Column("page_id", ForeignKey(pages.c.page_ptr_id), nullable=False),
            Column("said", String(40), nullable=False),
        ).create(connection)


def check(engine: Any) -> None:
    """Run the application's tests."""
    models = mapped(engine).classes
    bread, country, tag, user, rating = (models[each] for each in (*TABLES[:1], *TABLES[2:], RATED))
    with Session(engine) as session:
        breads = session.scalars(select(bread).order_by(bread.page_ptr_id)).all()
        assert (len(breads), breads[0].to_page_ptr_id.title) == (11, "Anadama")
        assert {each.allergens for each in breads} == {"gluten"}
        parts = [part.to_breadingredient_id for each in breads for part in getattr(each, PARTS)]
        assert (len(parts), "Yeast" in {part.name for part in parts}) == (63, True)
        assert "admin" not in session.scalars(select(user.username)).all()  # who works with the copy sees nobody
        session.add_all([country(title="Atlantis", sort_order=99), rating(to_page_id=breads[0], said="crusty")])
        session.commit()
        made = session.scalars(select(country).where(country.title == "Atlantis")).one()
        assert made.id == session.scalar(select(func.max(country.id)))  # keys go on where production's are
        assert session.scalars(select(rating)).one().to_page_id.to_page_ptr_id.title == "Anadama"
        for wrong in (tag(id=1, name="once more", slug="once-more"), rating(id=7, page_id=-1, said="nobody's")):
            session.add(wrong)
            refused(session)


def refused(session: Session) -> None:
    """See that the database keeps its promises."""
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
    else:
        raise AssertionError("the database took what it must not take")


def main() -> None:
    engine = create_engine(os.environ["DATABASE_URL"])
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = 1"))
    migrate(engine)
    check(engine)
    engine.dispose()


if __name__ == "__main__":
    main()
