"""Some of many, spread evenly: never a place too far, whatever the numbers are."""

from __future__ import annotations

from dbmimic.subset.samples import spread


def test_places_are_spread_over_all_and_none_is_past_the_end():
    for most in (1, 4, 400):
        for count in (*range(60), *range(520, 560), 1_029, 2_050):
            places = spread(count, most)
            assert len(places) == min(count, most)
            assert places == sorted(set(places))
            assert not places or (places[0] == 0 and count - count // len(places) - 1 <= places[-1] < count)
