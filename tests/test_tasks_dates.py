import datetime
import itertools

import pytest

from charlm.errors import CorpusError
from charlm.tasks.dates import HELD_OUT, LANGUAGES, MANNERS, TRAIN_PAIRS, pairs, write
from charlm.tasks.pairs import SPLITS


@pytest.fixture(scope="module")
def splits():
    return {split: list(pairs(split)) for split in SPLITS}


@pytest.mark.parametrize(
    "date, language, manner, source",
    [
        ("2024-03-03", "digits", "{d}.{m}.{y}", "3.3.2024"),
        ("2024-03-03", "digits", "{dd}.{mm}.{y}", "03.03.2024"),
        ("2024-11-03", "digits", "{y}/{m}/{d}", "2024/11/3"),
        ("1900-01-09", "digits", "{y}{mm}{dd}", "19000109"),
        ("2024-03-03", "English", "{month} {nth}, {y}", "March 3rd, 2024"),
        ("2024-03-11", "English", "the {nth} of {month} {y}", "the 11th of March 2024"),
        ("2024-03-03", "English", "{wkd} {d} {mon} {y}", "Sun 3 Mar 2024"),
        ("2000-02-29", "English", "{weekday}, {month} {d}, {y}", "Tuesday, February 29, 2000"),
        ("2099-12-31", "English", "{dd}-{mon}-{y}", "31-Dec-2099"),
        ("2024-03-01", "French", "le {nth} {month} {y}", "le 1er mars 2024"),
        ("2024-08-15", "French", "{weekday} {nth} {month} {y}", "jeudi 15 août 2024"),
        ("1999-07-14", "French", "{nth} {mon} {y}", "14 juil. 1999"),
        ("2024-03-03", "German", "{d}. {month} {y}", "3. März 2024"),
        ("1989-11-09", "German", "{weekday}, den {d}. {month} {y}", "Donnerstag, den 9. November 1989"),
        ("2024-03-03", "Spanish", "{d} de {month} de {y}", "3 de marzo de 2024"),
        ("2024-03-06", "Spanish", "el {weekday} {d} de {month} de {y}", "el miércoles 6 de marzo de 2024"),
        ("2025-01-01", "Portuguese", "{nth} de {month} de {y}", "1º de janeiro de 2025"),
        ("2024-03-05", "Portuguese", "{weekday}, {nth} de {month} de {y}", "terça-feira, 5 de março de 2024"),
        ("1946-06-02", "Italian", "{weekday} {nth} {month} {y}", "domenica 2 giugno 1946"),
        ("1946-06-01", "Italian", "{nth} {month} {y}", "1º giugno 1946"),
        ("1931-05-04", "Dutch", "{weekday} {d} {month} {y}", "maandag 4 mei 1931"),
    ],
)
def test_manners(date, language, manner, source):
    assert write(datetime.date.fromisoformat(date), language, manner) == source


def test_every_language_has_its_names():
    for language in LANGUAGES.values():
        for names, count in ((language.months, 12), (language.short_months, 12), (language.weekdays, 7)):
            assert len(set(names.split())) in (0, count)


def test_every_manner_tells_one_date_from_all_others():
    first = datetime.date(1999, 12, 1)
    dates = [first + datetime.timedelta(days) for days in range(800)]
    found = {}
    for date, (language, manner) in itertools.product(dates, MANNERS):
        assert found.setdefault(write(date, language, manner).lower(), date) == date


def test_no_date_is_in_two_splits(splits):
    dates = {split: {target for _, target in found} for split, found in splits.items()}
    assert {split: len(found) for split, found in dates.items()} == {
        "train": 71_049,
        "validation": 1_000,
        "test": 1_000,
    }
    assert len(set().union(*dates.values())) == 73_049


def test_sizes(splits):
    sources = {split: {source for source, _ in found} for split, found in splits.items()}
    for split, size in {"train": TRAIN_PAIRS, "validation": HELD_OUT, "test": HELD_OUT}.items():
        assert len(sources[split]) == len(splits[split]) == size
    assert len(set().union(*sources.values())) == TRAIN_PAIRS + 2 * HELD_OUT


def test_the_pairs_are_the_same_on_every_machine(splits):
    assert [found[0] for found in splits.values()] == [
        ("20. MÄRZ 1977", "1977-03-20"),
        ("22 de maio de 1951", "1951-05-22"),
        ("21. märz 2016", "2016-03-21"),
    ]
    assert list(pairs("test")) == splits["test"]


def test_sources_have_all_cases(splits):
    sources = [source for source, _ in splits["test"]]
    assert all(sum(case(source) for source in sources) > 100 for case in (str.islower, str.isupper))


def test_there_are_three_splits():
    with pytest.raises(CorpusError, match="Received: split='dev'"):
        pairs("dev")
