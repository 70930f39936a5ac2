"""The shapes of databases that make subsetters fail, as data; `tests/scenarios/test_shapes.py` runs them."""

from tests.shapes import cycles, keys, structure

SHAPES = sorted((*cycles.SHAPES, *keys.SHAPES, *structure.SHAPES), key=lambda shape: shape.title)
