"""Dates as people write them in seven languages, and the same dates as ISO 8601 has them."""

import datetime
import itertools
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from charlm.tasks.pairs import distinct, generator, pick, shuffled

SUMMARY = "dates of 1900 to 2099 in the manners of seven languages, and the same date as 2024-03-03"

FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
HELD_OUT = 1_000  #: dates of each of validation and test; no other split has them in any manner
TRAIN_PAIRS = 100_000


@dataclass(frozen=True)
class Language:
    """A language's names, and its manners of writing a date.

    The manners' fields are `d` (3), `dd` (03), `nth` (3rd), `month`, `mon` (short), `weekday`, `wkd` (short), `y`,
    `m` (3) and `mm` (03).
    """

    months: str
    short_months: str = ""
    weekdays: str = ""
    short_weekdays: str = ""
    ordinals: dict[int, str] = field(default_factory=dict)  # where `nth` is not `d`
    manners: tuple[str, ...] = ()


def _english_ordinals() -> dict[int, str]:
    endings = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    return {day: f"{day}{endings.get(day, 'th')}" for day in range(1, 32)}


#: With dots the day comes first, with slashes and with nothing between the year; there is nothing else in digits alone.
LANGUAGES = {
    "digits": Language("", manners=("{d}.{m}.{y}", "{dd}.{mm}.{y}", "{y}/{m}/{d}", "{y}/{mm}/{dd}", "{y}{mm}{dd}")),
    "English": Language(
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "Mon Tue Wed Thu Fri Sat Sun",
        _english_ordinals(),
        (
            *("{d} {month} {y}", "{month} {d}, {y}", "{month} {nth}, {y}", "{nth} {month} {y}", "{mon} {d}, {y}"),
            *("the {nth} of {month} {y}", "the {nth} of {month}, {y}", "{d} {mon} {y}", "{dd}-{mon}-{y}"),
            *("{weekday}, {month} {d}, {y}", "{weekday} {d} {month} {y}", "{weekday} the {nth} of {month} {y}"),
            *("{wkd} {d} {mon} {y}", "{wkd}, {dd} {mon} {y}", "{y} {month} {d}"),
        ),
    ),
    "French": Language(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        ordinals={1: "1er"},
        manners=(
            *("{nth} {month} {y}", "le {nth} {month} {y}", "{weekday} {nth} {month} {y}", "{nth} {mon} {y}"),
            "le {weekday} {nth} {month} {y}",
        ),
    ),
    "German": Language(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        manners=(
            *("{d}. {month} {y}", "am {d}. {month} {y}", "{weekday}, {d}. {month} {y}", "{d}. {mon} {y}"),
            "{weekday}, den {d}. {month} {y}",
        ),
    ),
    "Spanish": Language(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        weekdays="lunes martes miércoles jueves viernes sábado domingo",
        manners=(
            *("{d} de {month} de {y}", "el {d} de {month} de {y}", "{weekday}, {d} de {month} de {y}"),
            "el {weekday} {d} de {month} de {y}",
        ),
    ),
    "Portuguese": Language(
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        weekdays="segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        ordinals={1: "1º"},
        manners=("{nth} de {month} de {y}", "{weekday}, {nth} de {month} de {y}"),
    ),
    "Italian": Language(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        weekdays="lunedì martedì mercoledì giovedì venerdì sabato domenica",
        ordinals={1: "1º"},
        manners=("{nth} {month} {y}", "{weekday} {nth} {month} {y}"),
    ),
    "Dutch": Language(
        "januari februari maart april mei juni juli augustus september oktober november december",
        weekdays="maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
        manners=("{d} {month} {y}", "{weekday} {d} {month} {y}"),
    ),
}
MANNERS = [(name, manner) for name, language in LANGUAGES.items() for manner in language.manners]

_CASES: tuple[Callable[[str], str], ...] = (str, str, str.lower, str.upper)  # half of the dates as they are


def write(date: datetime.date, language: str, manner: str) -> str:
    """Writes a date in a language's manner.

    >>> write(datetime.date(2024, 3, 1), "French", "le {weekday} {nth} {month} {y}")
    'le vendredi 1er mars 2024'
    """
    names, day, month = LANGUAGES[language], date.day, date.month
    return manner.format(
        d=day,
        dd=f"{day:02}",
        nth=names.ordinals.get(day, day),
        m=month,
        mm=f"{month:02}",
        month=_name(names.months, month - 1),
        mon=_name(names.short_months, month - 1),
        weekday=_name(names.weekdays, date.weekday()),
        wkd=_name(names.short_weekdays, date.weekday()),
        y=date.year,
    )


def _name(names: str, index: int) -> str:
    return names.split()[index] if names else ""


def pairs(split: str) -> Iterator[tuple[str, str]]:
    """Yields the pairs of "train", "validation" or "test"; the same ones every time. No source is in two splits.

    Validation and test have dates of their own, each once. Training has all others, each in one manner or more.

    Raises:
        CorpusError: there is no such split.
    """
    rng = generator("dates", split)
    order = shuffled(generator("dates/split", "train"), range(FIRST.toordinal(), LAST.toordinal() + 1))
    if split == "train":
        dates = order[2 * HELD_OUT :]
        return itertools.islice(_draw(rng, itertools.cycle(dates)), TRAIN_PAIRS)
    return _draw(rng, iter(order[:HELD_OUT] if split == "validation" else order[HELD_OUT : 2 * HELD_OUT]))


def _draw(rng: random.Random, ordinals: Iterator[int]) -> Iterator[tuple[str, str]]:
    dates = map(datetime.date.fromordinal, ordinals)
    drawn = ((pick(rng, _CASES)(write(date, *pick(rng, MANNERS))), date.isoformat()) for date in dates)
    return distinct(drawn, operator.itemgetter(0))
