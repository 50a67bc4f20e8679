from __future__ import annotations

import pytest

from tests.thirds import third


def test_three_turns_take_every_item_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    for number in range(3):
        monkeypatch.setenv("PYVORIN_FUZZ_SEED", f"{number}0000000")
        found = third(range(100))
        assert found == sorted(found)
        assert len(found) in (33, 34)
        taken += found
    assert sorted(taken) == list(range(100))


def test_of_few_each_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for number in range(3):
        monkeypatch.setenv("PYVORIN_FUZZ_SEED", f"{number}0000000")
        assert (third([]), third("a")) == ([], ["a"])
        taken += third("ab")
    assert (len(taken), {*taken}) == (3, {*"ab"})


def test_no_third_is_a_column_of_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYVORIN_FUZZ_SEED", "0")
    assert {item % 3 for item in third(range(99))} == {0, 1, 2}


def test_all_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYVORIN_THIRDS", "0")
    assert third("abcdef") == [*"abcdef"]
