"""A diagram as text that other programs draw (Mermaid, DOT), and as a picture that needs none (SVG)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from dbmimic.model.diagram import Arc, Diagram, Node

_LETTER = 7.2  # pixels a character of 12 pixels takes in a monospaced face
_HEIGHT, _GAP, _BETWEEN = 30, 24, 90  # of a box, between boxes, between layers
_MARGIN = 20
_FILLS: Mapping[str, str] = {
    "seed": "#cfe8cf",
    "static": "#d6e4f5",
    "restrict": "#f7ecc8",
    "excluded": "#eeeeee",
    "table": "#ffffff",
}


def mermaid(diagram: Diagram) -> str:
    """Give the diagram as a Mermaid flowchart."""
    ids = {node.table: f"t{number}" for number, node in enumerate(diagram.nodes)}
    lines = ["flowchart BT"]
    lines += [f'  {ids[node.table]}["{_mermaid(_title(node))}"]' for node in diagram.nodes]
    for arc in diagram.arcs:
        line = "-.->" if arc.virtual else "-->"
        lines.append(f'  {ids[arc.child]} {line}|"{_mermaid(_label(arc))}"| {ids[arc.parent]}')
    for role in sorted({node.role for node in diagram.nodes}):
        of_role = ",".join(ids[node.table] for node in diagram.nodes if node.role == role)
        lines += [f"  classDef {role} fill:{_FILLS[role]},stroke:#555", f"  class {of_role} {role}"]
    return "\n".join(lines)


def dot(diagram: Diagram) -> str:
    """Give the diagram in Graphviz's language."""
    lines = ["digraph dbmimic {", "  rankdir=BT;", '  node [shape=box, style=filled, fontname="monospace"];']
    lines += [
        f'  {_quoted(node.table)} [label={_quoted(_title(node))}, fillcolor="{_FILLS[node.role]}"];'
        for node in diagram.nodes
    ]
    for arc in diagram.arcs:
        style = ", style=dashed" if arc.virtual else ""
        lines.append(f"  {_quoted(arc.child)} -> {_quoted(arc.parent)} [label={_quoted(_label(arc))}{style}];")
    return "\n".join([*lines, "}"])


def svg(diagram: Diagram) -> str:
    """Give the diagram as an SVG picture: parents above their children, virtual keys dashed."""
    boxes = _placed(diagram)
    width = max((box.left + box.width for box in boxes.values()), default=0) + _MARGIN + _BETWEEN
    height = max((box.top + _HEIGHT for box in boxes.values()), default=0) + _MARGIN
    head = (
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            'font-family="monospace" font-size="12">'
        ),
        (
            '<defs><marker id="head" markerWidth="9" markerHeight="8" refX="9" refY="4" orient="auto">'
            '<path d="M0,0 L9,4 L0,8 z" fill="#555"/></marker></defs>'
        ),
    )
    arcs = (part for arc in diagram.arcs for part in _drawn_arc(arc, boxes[arc.child], boxes[arc.parent]))
    nodes = (part for node in diagram.nodes for part in _drawn_node(node, boxes[node.table]))
    return "\n".join([*head, *arcs, *nodes, "</svg>"])


class _Box:
    def __init__(self, left: float, top: float, width: float) -> None:
        self.left, self.top, self.width = left, top, width

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def _placed(diagram: Diagram) -> dict[str, _Box]:
    """Place the tables of each layer in a row, each near the middle of its parents, as far as there is room."""
    boxes: dict[str, _Box] = {}
    parents: dict[str, list[str]] = {}
    for arc in diagram.arcs:
        parents.setdefault(arc.child, []).append(arc.parent)
    for layer in sorted({node.layer for node in diagram.nodes}):
        wanted = []
        for node in (node for node in diagram.nodes if node.layer == layer):
            above = [boxes[parent].middle for parent in parents.get(node.table, ()) if parent in boxes]
            wanted.append((sum(above) / len(above) if above else 0.0, node))
        edge = float(_MARGIN)
        for middle, node in sorted(wanted, key=lambda each: (each[0], each[1].table)):
            width = len(_title(node)) * _LETTER + 16
            left = max(edge, middle - width / 2)
            boxes[node.table] = _Box(left, _MARGIN + layer * (_HEIGHT + _BETWEEN), width)
            edge = left + width + _GAP
    return boxes


def _drawn_node(node: Node, box: _Box) -> Iterator[str]:
    dashes = ' stroke-dasharray="4 3"' if node.role == "excluded" else ""
    yield (
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" height="{_HEIGHT}" rx="4" '
        f'fill="{_FILLS[node.role]}" stroke="#555"{dashes}/>'
    )
    yield f'<text x="{box.left + 8:.1f}" y="{box.top + 19:.1f}">{escape(_title(node))}</text>'


def _drawn_arc(arc: Arc, child: _Box, parent: _Box) -> Iterator[str]:
    """Draw upwards from the child's top to the parent's foot; within a layer around the right side."""
    dashes = ' stroke-dasharray="5 4"' if arc.virtual else ""
    if child.top > parent.top:
        x, y, to_x, to_y = child.middle, child.top, parent.middle, parent.top + _HEIGHT
        bend = f"C{x:.1f},{y - 40:.1f} {to_x:.1f},{to_y + 40:.1f}"
    else:
        x, y = child.left + child.width, child.top + _HEIGHT / 2 - 6
        to_x, to_y = parent.left + parent.width, parent.top + _HEIGHT / 2 + 6
        bend = f"C{max(x, to_x) + 45:.1f},{y - 30:.1f} {max(x, to_x) + 45:.1f},{to_y + 30:.1f}"
    title = f"{arc.child} -> {arc.parent}"
    yield (
        f'<path d="M{x:.1f},{y:.1f} {bend} {to_x:.1f},{to_y:.1f}" fill="none" stroke="#555"{dashes} '
        f'marker-end="url(#head)"><title>{escape(title)}</title></path>'
    )
    across, down = (x + to_x) / 2, (y + to_y) / 2
    anchor = "start" if child.top <= parent.top else "middle"
    at = f'x="{across + (20 if anchor == "start" else 0):.1f}" y="{down:.1f}" text-anchor={quoteattr(anchor)}'
    yield f'<text {at} font-size="10" fill="#333">{escape(_label(arc))}</text>'


def _title(node: Node) -> str:
    return node.table if node.role == "table" else f"{node.table} [{node.role}]"


def _label(arc: Arc) -> str:
    return f"{arc.columns}: {arc.policy}" if arc.policy else arc.columns


def _mermaid(text: str) -> str:
    """Give a text between double quotes: Mermaid knows no other way for the quotes in it than an entity."""
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace("\n", " ")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
