"""A diagram in three languages: what stands in them, and that nothing in a name breaks out of its quotes."""

import itertools
from xml.etree import ElementTree as ET

from dbmimic.model.diagram import Arc, Diagram, Node
from dbmimic.reporting.diagram import dot, mermaid, svg

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'a "b" <c> & \\'
DIAGRAM = Diagram(
    nodes=(Node("parent", "static", 0), Node(HOSTILE, "seed", 1), Node("child", "table", 2)),
    arcs=(
        Arc(HOSTILE, "parent", "parent_id", "parent: null"),
        Arc(HOSTILE, HOSTILE, "up"),
        Arc("child", HOSTILE, "x, y", "limit: 3", virtual=True),
    ),
)


def test_mermaid() -> None:
    assert mermaid(DIAGRAM).splitlines()[:7] == [
        "flowchart BT",
        '  t0["parent [static]"]',
        '  t1["a #quot;b#quot; #lt;c> #amp; \\ [seed]"]',
        '  t2["child"]',
        '  t1 -->|"parent_id: parent: null"| t0',
        '  t1 -->|"up"| t1',
        '  t2 -.->|"x, y: limit: 3"| t1',
    ]


def test_dot() -> None:
    text = dot(DIAGRAM)
    assert '  "a \\"b\\" <c> & \\\\" -> "parent" [label="parent_id: parent: null"];' in text
    assert '  "child" -> "a \\"b\\" <c> & \\\\" [label="x, y: limit: 3", style=dashed];' in text
    assert text.startswith("digraph dbmimic {")
    assert text.endswith("}")


def test_svg_is_a_picture_with_parents_above_and_nothing_on_top_of_each_other() -> None:
    picture = ET.fromstring(svg(DIAGRAM))
    boxes = picture.findall(f"{SVG}rect")
    tops = [float(box.attrib["y"]) for box in boxes]
    assert tops == sorted(tops)
    assert len(set(tops)) == 3
    assert len(picture.findall(f"{SVG}path")) == 3
    texts = [text.text for text in picture.findall(f"{SVG}text")]
    assert f"{HOSTILE} [seed]" in texts
    assert "x, y: limit: 3" in texts


def test_boxes_of_one_layer_stand_apart() -> None:
    nodes = tuple(Node(f"table_{number}", "table", 0) for number in range(9))
    boxes = ET.fromstring(svg(Diagram(nodes, ()))).findall(f"{SVG}rect")
    spans = sorted((float(box.attrib["x"]), float(box.attrib["width"])) for box in boxes)
    assert all(left + width < following for (left, width), (following, _) in itertools.pairwise(spans))


def test_an_empty_database_is_drawn() -> None:
    assert ET.fromstring(svg(Diagram((), ()))).tag == f"{SVG}svg"
    assert mermaid(Diagram((), ())) == "flowchart BT"
