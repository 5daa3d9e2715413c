import pytest

from charlm.errors import CorpusError
from charlm.tasks.numbers import pairs, spell
from charlm.tasks.pairs import SPLITS


@pytest.fixture(scope="module")
def splits():
    return {split: list(pairs(split)) for split in SPLITS}


@pytest.mark.parametrize(
    "number, words",
    [
        (0, "zero"),
        (7, "seven"),
        (13, "thirteen"),
        (20, "twenty"),
        (45, "forty-five"),
        (100, "one hundred"),
        (115, "one hundred and fifteen"),
        (307, "three hundred and seven"),
        (1_000, "one thousand"),
        (1_005, "one thousand and five"),
        (1_100, "one thousand one hundred"),
        (2_019, "two thousand and nineteen"),
        (9_999, "nine thousand nine hundred and ninety-nine"),
        (40_080, "forty thousand and eighty"),
        (231_412, "two hundred and thirty-one thousand four hundred and twelve"),
        (500_000, "five hundred thousand"),
        (600_200, "six hundred thousand two hundred"),
        (1_000_000, "one million"),
    ],
)
def test_spelling(number, words):
    assert spell(number) == words


def test_no_two_numbers_are_spelt_alike():
    assert len({spell(number) for number in range(20_000)}) == 20_000


def test_sizes(splits):
    assert {split: len(found) for split, found in splits.items()} == {
        "train": 100_000,
        "validation": 1_000,
        "test": 1_000,
    }


def test_pairs_go_both_ways(splits):
    for found in splits.values():
        assert {(target, source) for source, target in found} == set(found)
        digits = [(source, target) for source, target in found if source.isdigit()]
        assert len(digits) == len(found) // 2
        assert all(spell(int(source)) == target for source, target in digits[:5_000])


def test_no_number_is_in_two_splits(splits):
    sources = [source for found in splits.values() for source, _ in found]
    assert len(set(sources)) == len(sources)


def test_training_has_the_words_that_all_numbers_are_made_of(splits):
    sources = {source for source, _ in splits["train"]}
    assert {str(number) for number in range(100)} | {"1000000"} <= sources
    assert sum(source.isdigit() and len(source) == 3 for source in sources) == 800


def test_held_out_numbers_have_all_lengths(splits):
    for split in ("validation", "test"):
        lengths = [len(source) for source, _ in splits[split] if source.isdigit()]
        assert [lengths.count(digits) for digits in (3, 4, 5, 6)] == [50, 150, 150, 150]


def test_the_pairs_are_the_same_on_every_machine(splits):
    assert [found[0] for found in splits.values()] == [
        ("2399", "two thousand three hundred and ninety-nine"),
        ("484", "four hundred and eighty-four"),
        ("27836", "twenty-seven thousand eight hundred and thirty-six"),
    ]
    assert list(pairs("test")) == splits["test"]


def test_there_are_three_splits():
    with pytest.raises(CorpusError, match="Received: split='dev'"):
        pairs("dev")
