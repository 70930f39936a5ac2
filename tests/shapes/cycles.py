"""Shapes 1 to 10, 29 to 31, 46 and 48: how rows lead to each other."""

from __future__ import annotations

from tests.shapes.shape import MYSQL, POSTGRES, SQLITE, Shape, seed, stop, where

_TRANSFERS = [(n, 1 + n % 10, 1 + (7 * n + n // 10) % 10) for n in range(60)]
_MINE = {1, 2, 3}
_ANY = [each for each in _TRANSFERS if _MINE & {each[1], each[2]}]
_BOTH = [each for each in _TRANSFERS if {each[1], each[2]} <= _MINE]
_FROM = [each for each in _TRANSFERS if each[1] in _MINE]


def _diamonds(name: str, length: int, *engines: str) -> Shape:
    """So many ways lead up from the last table as 2 to the power of the length."""
    made = ["CREATE TABLE s10_t0 (id INTEGER PRIMARY KEY)", "INSERT INTO s10_t0 VALUES (1), (2), (3)"]
    for layer in range(1, length + 1):
        for side in "lr":
            made += [
                f"CREATE TABLE s10_{side}{layer} (id INTEGER PRIMARY KEY, t INTEGER REFERENCES s10_t{layer - 1} (id))",
                f"INSERT INTO s10_{side}{layer} VALUES (1, 1), (2, 2), (3, 3)",
            ]
        made += [
            (
                f"CREATE TABLE s10_t{layer} (id INTEGER PRIMARY KEY, l INTEGER REFERENCES s10_l{layer} (id),"
                f" r INTEGER REFERENCES s10_r{layer} (id))"
            ),
            f"INSERT INTO s10_t{layer} VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)",
        ]
    return Shape(
        10,
        name,
        ";\n".join(made),
        engines=engines,
        slice={"seeds": [seed(f"s10_t{length}", 2), seed("s10_t0", 3)]},
        rows={f"s10_{side}{layer}": [2, 3] for layer in range(1, length + 1) for side in "tlr"} | {"s10_t0": [2, 3]},
    )


def _transfers(table: str) -> str:
    listed = ", ".join(map(str, _TRANSFERS))
    return (
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, src INTEGER REFERENCES s09_accounts (id),"
        f" dst INTEGER REFERENCES s09_accounts (id));\nINSERT INTO {table} VALUES {listed};\n"
    )


_TENANT_ROWS = (
    "(1, 1, 1, NULL), (2, 1, 2, NULL), (3, 2, 1, NULL), (4, 2, 2, NULL), (5, 1, NULL, NULL),"
    " (6, 1, 1, 1), (7, 1, 1, 2), (8, NULL, NULL, 6), (9, NULL, NULL, 4)"
)


def _tenant_table(table: str, rows: str = _TENANT_ROWS) -> str:
    return (
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, a INTEGER REFERENCES s08_a (id),"
        f" b INTEGER REFERENCES s08_b (id), up INTEGER REFERENCES {table} (id));\nINSERT INTO {table} VALUES {rows};\n"
    )


SHAPES = (
    Shape(
        1,
        "self reference, a deep chain",
        """
        CREATE TABLE s01_up (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s01_up (id));
        CREATE TABLE s01_down (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s01_down (id));
        INSERT INTO s01_up SELECT n, NULLIF(n - 1, 0) FROM numbers WHERE n > 0;
        INSERT INTO s01_down SELECT n, NULLIF(n - 1, 0) FROM numbers WHERE n > 0
        """,
        slice={"seeds": [seed("s01_up", 4000), seed("s01_down", 1000)], "edges": stop("s01_up(up)")},
        rows={"s01_up": range(1, 4001), "s01_down": range(1, 5000)},
    ),
    Shape(
        2,
        "a row that references itself",
        """
        CREATE TABLE s02_need (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s02_need (id));
        CREATE TABLE s02_own (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s02_own (id));
        INSERT INTO s02_need VALUES (1, 1), (2, 1), (3, 2), (4, NULL), (5, 1);
        INSERT INTO s02_own VALUES (1, 1), (2, 1), (3, 2), (4, NULL), (5, 4)
        """,
        slice={"seeds": [seed("s02_need", 3), seed("s02_own", 1)]},
        rows={"s02_need": [1, 2, 3], "s02_own": [1, 2, 3]},
    ),
    Shape(
        3,
        "two self references",
        """
        CREATE TABLE s03_posts (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES s03_posts (id),
            root INTEGER REFERENCES s03_posts (id));
        INSERT INTO s03_posts VALUES (1, NULL, 1), (4, NULL, 4), (2, 1, 1), (3, 2, 1), (5, 1, 4), (6, 3, 4)
        """,
        slice={"seeds": [seed("s03_posts", 2)]},
        rows={"s03_posts": [1, 2, 3, 4, 6]},
    ),
    Shape(
        4,
        "two tables that reference each other, NULL allowed",
        """
        CREATE TABLE s04_depts (id INTEGER PRIMARY KEY, head INTEGER LATER s04_staff (id));
        CREATE TABLE s04_staff (id INTEGER PRIMARY KEY, dept INTEGER REFERENCES s04_depts (id));
        INSERT INTO s04_depts VALUES (1, 10), (2, 20), (3, NULL), (4, 10);
        INSERT INTO s04_staff VALUES (10, 1), (11, 1), (20, 2), (21, 3), (22, NULL), (23, 1)
        """,
        slice={"seeds": [seed("s04_staff", 11), seed("s04_depts", 3)]},
        rows={"s04_depts": [1, 3], "s04_staff": [10, 11, 21]},
    ),
    Shape(
        5,
        "two tables that reference each other, NOT NULL and deferrable",
        """
        CREATE TABLE s05_a (id INTEGER PRIMARY KEY, b INTEGER NOT NULL LATER s05_b (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TABLE s05_b (id INTEGER PRIMARY KEY, a INTEGER NOT NULL LATER s05_a (id) DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO s05_a VALUES (1, 1), (2, 3), (3, 2), (4, 4), (5, 1);
        INSERT INTO s05_b VALUES (1, 2), (2, 1), (3, 3), (4, 4)
        """,
        slice={"seeds": [seed("s05_a", 1)], "edges": stop("s05_a(b)", "s05_b(a)")},
        rows={"s05_a": [1, 2, 3], "s05_b": [1, 2, 3]},
    ),
    Shape(
        6,
        "a ring of three with a chord, and another ring at the same table",
        """
        CREATE TABLE s06_p (id INTEGER PRIMARY KEY, q INTEGER LATER s06_q (id), r INTEGER LATER s06_r (id),
            s INTEGER LATER s06_s (id));
        CREATE TABLE s06_q (id INTEGER PRIMARY KEY, r INTEGER LATER s06_r (id));
        CREATE TABLE s06_r (id INTEGER PRIMARY KEY, p INTEGER LATER s06_p (id));
        CREATE TABLE s06_s (id INTEGER PRIMARY KEY, p INTEGER LATER s06_p (id));
        INSERT INTO s06_p VALUES (1, 1, 2, 1), (2, 2, NULL, NULL), (3, NULL, NULL, NULL), (4, 1, 4, 4);
        INSERT INTO s06_q VALUES (1, 1), (2, 3), (3, 1);
        INSERT INTO s06_r VALUES (1, 2), (2, NULL), (3, 1), (4, 1);
        INSERT INTO s06_s VALUES (1, 3), (4, 1)
        """,
        slice={
            "seeds": [seed("s06_p", 1)],
            "edges": stop("s06_p(q)", "s06_p(r)", "s06_p(s)", "s06_q(r)", "s06_r(p)", "s06_s(p)"),
        },
        rows={"s06_p": [1, 2, 3], "s06_q": [1, 2], "s06_r": [1, 2, 3], "s06_s": [1]},
    ),
    Shape(
        7,
        "two rings joined by one key",
        """
        CREATE TABLE s07_a (id INTEGER PRIMARY KEY, b INTEGER LATER s07_b (id));
        CREATE TABLE s07_b (id INTEGER PRIMARY KEY, a INTEGER LATER s07_a (id), c INTEGER LATER s07_c (id));
        CREATE TABLE s07_c (id INTEGER PRIMARY KEY, d INTEGER LATER s07_d (id));
        CREATE TABLE s07_d (id INTEGER PRIMARY KEY, c INTEGER LATER s07_c (id));
        INSERT INTO s07_a VALUES (1, 1), (2, 2), (3, 1);
        INSERT INTO s07_b VALUES (1, 3, 1), (2, 2, 3), (3, 2, 1);
        INSERT INTO s07_c VALUES (1, 1), (2, 2), (3, 3);
        INSERT INTO s07_d VALUES (1, 2), (2, 1), (3, 3)
        """,
        slice={"seeds": [seed("s07_a", 1)]},
        rows={"s07_a": [1, 3], "s07_b": [1], "s07_c": [1, 2], "s07_d": [1, 2]},
    ),
    Shape(
        8,
        "a diamond whose ways to the tenant disagree",
        """
        CREATE TABLE s08_tenants (id INTEGER PRIMARY KEY);
        CREATE TABLE s08_a (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL REFERENCES s08_tenants (id));
        CREATE TABLE s08_b (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL REFERENCES s08_tenants (id));
        INSERT INTO s08_tenants VALUES (1), (2), (3);
        INSERT INTO s08_a VALUES (1, 1), (2, 2), (3, 3);
        INSERT INTO s08_b VALUES (1, 1), (2, 2), (3, 3);
        """
        + _tenant_table("s08_any")
        + _tenant_table("s08_all")
        + _tenant_table("s08_owner")
        + _tenant_table("s08_starved", "(1, 1, 2, NULL), (2, 2, 1, NULL)"),
        slice={
            "seeds": [seed("s08_tenants", 1)],
            "tables": [
                {"table": "s08_all", "enter": "all"},
                {"table": "s08_owner", "enter": "owner", "owner": "s08_owner(a)"},
                {"table": "s08_starved", "enter": "all"},
            ],
        },
        rows={
            "s08_tenants": [1, 2],
            "s08_a": [1, 2],
            "s08_b": [1, 2],
            "s08_any": [1, 2, 3, 5, 6, 7, 8],
            "s08_all": [1, 5, 6, 8],
            "s08_owner": [1, 2, 5, 6, 7],
            "s08_starved": [],
        },
        told={"DM215": "s08_starved"},
    ),
    Shape(
        9,
        "two keys to one parent",
        "CREATE TABLE s09_accounts (id INTEGER PRIMARY KEY);\n"
        "INSERT INTO s09_accounts SELECT n FROM numbers WHERE n BETWEEN 1 AND 12;\n"
        + _transfers("s09_any")
        + _transfers("s09_all")
        + _transfers("s09_owner"),
        slice={
            "seeds": [seed("s09_accounts", 1, 2, 3)],
            "tables": [
                {"table": "s09_all", "enter": "all"},
                {"table": "s09_owner", "enter": "owner", "owner": "s09_owner(src)"},
            ],
        },
        rows={
            "s09_accounts": sorted(_MINE.union(*(each[1:] for each in _ANY))),
            "s09_any": _ANY,
            "s09_all": _BOTH,
            "s09_owner": _FROM,
        },
    ),
    _diamonds("a long chain of diamonds", 3, POSTGRES, MYSQL),
    _diamonds("a longer chain of diamonds", 10, SQLITE),
    Shape(
        29,
        "many to many, with a hub",
        """
        CREATE TABLE s29_posts (id INTEGER PRIMARY KEY);
        CREATE TABLE s29_tags (id INTEGER PRIMARY KEY);
        CREATE TABLE s29_tagged (post INTEGER REFERENCES s29_posts (id), tag INTEGER REFERENCES s29_tags (id),
            PRIMARY KEY (post, tag));
        INSERT INTO s29_posts SELECT n FROM numbers WHERE n < 500;
        INSERT INTO s29_tags VALUES (0), (1), (2);
        INSERT INTO s29_tagged SELECT n, 0 FROM numbers WHERE n < 450;
        INSERT INTO s29_tagged SELECT n, 1 FROM numbers WHERE n IN (5, 6)
        """,
        slice={"seeds": [seed("s29_posts", 5)]},
        rows={"s29_posts": [5], "s29_tags": [0, 1], "s29_tagged": [(5, 0), (5, 1)]},
    ),
    Shape(
        30,
        "a lookup table with very many children",
        """
        CREATE TABLE s30_countries (id INTEGER PRIMARY KEY);
        CREATE TABLE s30_people (id INTEGER PRIMARY KEY, country INTEGER NOT NULL REFERENCES s30_countries (id),
            friend INTEGER REFERENCES s30_people (id));
        INSERT INTO s30_countries VALUES (0), (1);
        INSERT INTO s30_people SELECT n, n % 2, CASE WHEN n = 7 THEN 4 END FROM numbers
        """,
        slice={"seeds": [seed("s30_people", 7)]},
        rows={"s30_countries": [0, 1], "s30_people": [4, 7]},
    ),
    Shape(
        31,
        "an audit table whose actor may be NULL",
        """
        CREATE TABLE s31_users (id INTEGER PRIMARY KEY);
        CREATE TABLE s31_audit (id INTEGER PRIMARY KEY, actor INTEGER REFERENCES s31_users (id));
        INSERT INTO s31_users VALUES (1), (2), (3);
        INSERT INTO s31_audit VALUES (1, NULL), (2, 1), (3, 2), (4, NULL), (5, 1)
        """,
        slice={"seeds": [seed("s31_users", 1), where("s31_audit", "id IN (3, 4)")]},
        rows={"s31_users": [1, 2], "s31_audit": [2, 3, 4, 5]},
    ),
    Shape(
        46,
        "no seed row, every row, a seed in a static table",
        """
        CREATE TABLE s46_none (id INTEGER PRIMARY KEY);
        CREATE TABLE s46_under_none (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s46_none (id));
        CREATE TABLE s46_every (id INTEGER PRIMARY KEY);
        CREATE TABLE s46_static (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s46_every (id));
        CREATE TABLE s46_under (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s46_static (id));
        INSERT INTO s46_none VALUES (1);
        INSERT INTO s46_under_none VALUES (1, 1);
        INSERT INTO s46_every VALUES (1), (2);
        INSERT INTO s46_static VALUES (1, 1), (2, NULL), (3, 2);
        INSERT INTO s46_under VALUES (1, 1), (2, 2), (3, 2)
        """,
        slice={
            "seeds": [where("s46_none", "id < 0"), where("s46_every", "id > 0"), seed("s46_static", 2)],
            "static": ["s46_static"],
            "edges": stop("s46_static(up)"),
        },
        rows={
            "s46_none": [],
            "s46_under_none": [],
            "s46_every": [1, 2],
            "s46_static": [1, 2, 3],
            "s46_under": [2, 3],
        },
        told={"DM212": "s46_none"},
    ),
    Shape(
        48,
        "a seed that a ring leads to as well, over a key with a limit",
        """
        CREATE TABLE s48_nodes (id INTEGER PRIMARY KEY, up INTEGER REFERENCES s48_nodes (id));
        INSERT INTO s48_nodes VALUES (1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3), (8, 4), (9, 4)
        """,
        slice={"seeds": [seed("s48_nodes", 1, 4)], "edges": [{"edge": "s48_nodes(up)", "limit": 1}]},
        rows={"s48_nodes": [1, 3, 4, 7, 9]},  # the same on every engine: the hash is of the secret and the key
    ),
)
