"""
A small application of its own, as a developer has one beside a database: models, a migration, tests.

`python -m tests.scenarios.shop_application` migrates the database that DATABASE_URL names, and tests what it finds there.
"""

from __future__ import annotations

import os

from sqlalchemy import ForeignKey, Numeric, String, create_engine, func, inspect, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    first_name: Mapped[str] = mapped_column(String(40))
    email: Mapped[str] = mapped_column(String(80))
    points: Mapped[int] = mapped_column(default=0)
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    note: Mapped[str | None] = mapped_column(String(200))
    total: Mapped[float] = mapped_column(Numeric(10, 2))
    customer: Mapped[Customer] = relationship(back_populates="orders")


class Voucher(Base):
    __tablename__ = "vouchers"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))


def main() -> None:
    engine = create_engine(os.environ["DATABASE_URL"])
    assert "vouchers" not in inspect(engine).get_table_names()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0"))
        connection.execute(text("CREATE INDEX orders_note ON orders (note)"))
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        before = session.scalar(select(func.count()).select_from(Order))
        assert before == 200, before
        customer = session.scalars(select(Customer).order_by(Customer.id)).first()
        assert customer is not None
        customer.points += 10
        customer.orders.append(Order(id=999_999, total=5, note="from a test"))
        session.add(Voucher(code="TEN", customer_id=customer.id))
    with Session(engine) as session:
        made = session.get(Order, 999_999)
        assert made is not None
        assert made.customer.points == 10
        assert session.execute(text("SELECT count(*) FROM audit WHERE order_id = 999999")).scalar() == 1
    engine.dispose()


if __name__ == "__main__":
    main()
