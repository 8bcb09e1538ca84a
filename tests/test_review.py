"""Doubtful labels: what waits, what a person's word does, and that it can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from audiogenre.catalog import Catalog
from audiogenre.corrections import Correction, Relabeller
from audiogenre.errors import StoreError, UsageError
from audiogenre.review import Review, Suspect
from audiogenre.typing import Label, Track


@pytest.fixture
def review(tmp_path: Path) -> Review:
    """Return three suspects, a to c, labelled rock and said to be jazz."""
    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        for each in "abc":
            catalog.add(Track(each, "test", (Label("genre", "rock", "test"),)), None)
    review = Review(tmp_path)
    review.keep([Suspect(each, "rock", "jazz", 0.8, 0.1) for each in "abc"])
    return review


def waiting(review: Review) -> list[str]:
    return [each.track_id for each in review.waiting()]


def corrections(review: Review) -> list[tuple[str, str]]:
    with Catalog(review.data / "catalog.db") as catalog:
        return sorted((each[0], each[2]) for each in catalog.corrections())


def test_before_anything_was_looked_for_nothing_waits(tmp_path: Path) -> None:
    review = Review(tmp_path)
    assert (review.found_at, review.waiting(), review.decided()) == ("", [], [])
    assert list(tmp_path.iterdir()) == []


def test_what_is_decided_waits_no_more(review: Review) -> None:
    review.decide("b", "keep")
    review.decide("a", "change")
    review.decide("c", "unsure")
    assert waiting(review) == []
    assert corrections(review) == [("a", "jazz"), ("b", "rock")]


def test_a_label_corrected_elsewhere_waits_no_more(review: Review) -> None:
    with Catalog(review.data / "catalog.db") as catalog:
        Relabeller(catalog, "genre").apply([Correction("a", "folk")])
    assert waiting(review) == ["b", "c"]
    with pytest.raises(UsageError, match="not in doubt any more"):
        review.decide("a", "change")
    assert corrections(review) == [("a", "folk")]


def test_everything_can_be_taken_back_in_reverse(review: Review) -> None:
    review.decide("a", "change", "folk")
    review.decide("b", "unsure")
    assert [each.track_id for each in (review.undo(), review.undo()) if each] == ["b", "a"]
    assert review.undo() is None
    assert waiting(review) == ["a", "b", "c"]
    assert corrections(review) == []


def test_a_new_search_keeps_what_was_decided(review: Review) -> None:
    review.decide("a", "unsure")
    review.keep([Suspect(each, "rock", "pop", 0.6, 0.2) for each in "ca"])
    assert waiting(review) == ["c"]


def test_a_list_that_was_cut_off_is_as_if_there_were_none(review: Review) -> None:
    (review.folder / "suspects.json").write_text('{"created": "2026')
    assert review.waiting() == []


@pytest.mark.parametrize("later", [Correction("a", "folk"), Correction("a", None)])
def test_what_was_corrected_elsewhere_since_is_not_taken_back(
    review: Review, later: Correction
) -> None:
    review.decide("b", "keep")
    review.decide("a", "keep")
    with Catalog(review.data / "catalog.db") as catalog:
        Relabeller(catalog, "genre").apply([later])
    before = corrections(review)
    with pytest.raises(UsageError, match="corrected elsewhere since"):
        review.undo()
    assert corrections(review) == before
    undone = review.undo()  # the one before it can still be taken back
    assert undone is not None and undone.track_id == "b"
    assert ("b", "rock") not in corrections(review)


def test_a_label_is_remembered_as_it_was_spelt_in_the_end(review: Review) -> None:
    assert review.decide("a", "change", " ROCK ").label == "rock"
    assert review.undo() is not None
    assert corrections(review) == []


@pytest.mark.parametrize("content", ['[{"track_id": "b", "deci', '[{"track": "b"}]', "7"])
def test_decisions_that_cannot_be_read_are_not_written_over(review: Review, content: str) -> None:
    decided = review.folder / "decided.json"
    decided.write_text(content)
    for ask in (review.decided, review.undo, lambda: review.decide("a", "keep")):
        with pytest.raises(StoreError, match=r"decided\.json cannot be read"):
            ask()
    assert decided.read_text() == content
    assert corrections(review) == []
