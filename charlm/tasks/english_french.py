"""English sentences of a grammar of ours, and their one French translation.

Held out are combinations of an adjective, its noun and the verb of their clause: the digest of the three decides. One
in forty is for validation, one for test, and no sentence of training has any of those.
"""

import functools
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from charlm.tasks.french_grammar import (
    Clause,
    Phrase,
    after,
    fronted,
    genitive,
    linked,
    named,
    noun_phrase,
    predicate,
    pronoun,
    question,
    statement,
    stressed,
)
from charlm.tasks.french_lexicon import (
    ADJECTIVES,
    ADVERBS,
    CONJUNCTIONS,
    DETERMINERS,
    MANNERS,
    NAMES,
    NEGATIONS,
    NOUNS,
    PLACES,
    PREPOSITIONS,
    PRONOUNS,
    QUESTION_WORDS,
    TIMES,
)
from charlm.tasks.french_verbs import VERBS, Verb
from charlm.tasks.pairs import distinct, generator, own_split, pick

SUMMARY = "English sentences of a small grammar and their French translation, 100,000 of them to train on"
SETTINGS = {"tokenizer": "bpe", "vocab_size": 2048}  #: where the user says nothing

SIZES = {"train": 100_000, "validation": 1_000, "test": 1_000}
MAX_LENGTH = 80  #: characters of an English sentence

_DIVISOR = 40  #: one part of a sentence of so many is for validation, and one for testing

_POSSESSIVES = [(word, plural) for word in ("my", "your", "his", "her", "our", "their") for plural in (False, True)]
_DEFINITE = [("the", False)] * 8 + [("the", True)] * 4 + [("this", False), ("these", True)] * 2 + _POSSESSIVES
_WITH_A = [*_DEFINITE, *[("a", False)] * 6]
_ANY = _WITH_A + [("some", True)] * 4 + [("each", False)]
_ANY += [(name, True) for name, (_, forms) in DETERMINERS.items() if forms[0] == "-" and name not in ("any", "these")]
_NEGATED = [("not a", False), ("any", True)] * 6 + _DEFINITE

_TENSES = ("present", "past", "progressive", "future")
_GENDERED = ("he", "she", "they")
_ADVERBS_OF_QUESTIONS = ("always", "often", "sometimes", "really")
_PROGRESSIVE_NEGATIONS = ("not", "no longer")

#: Conjunctions with the tenses of the main clause and of the other.
_LINKS = [
    *[("because", tense, tense) for tense in _TENSES],
    *[("because", "present", "past"), ("because", "past", "progressive"), ("because", "future", "present")],
    *[("when", "present", "present"), ("when", "progressive", "past"), ("when", "future", "when-future")],
    *[("while", "present", "present"), ("while", "past", "progressive"), ("while", "progressive", "progressive")],
    *[("if", "present", "present"), ("if", "future", "present")],
    *[(word, tense, tense) for word in ("and", "but") for tense in ("present", "past", "future")],
]
_BEFORE_MAIN = ("when", "while", "if")

_TIMES = {tense: list(times) for tense, times in TIMES.items()}
_MANNERS = [Phrase(*manner) for manner in MANNERS.items()]
_PLACES = [Phrase(*place) for place in PLACES.items()]
_OF_PLACE_AND_COMPANY = [word for word in PREPOSITIONS if word != "to"]
_QUESTION_WORDS = list(QUESTION_WORDS)
_SUBJECTS = list(PRONOUNS)
_AFFIRMATIONS = [adverb for adverb in ADVERBS if adverb not in NEGATIONS]
#: The pronouns that can be objects beside a subject of each person: neither "I see me" nor "we see me".
_OTHERS = [
    *[["he", "she", "you", "they"], _SUBJECTS, ["he", "she", "you", "they"]],
    *[["I", "he", "she", "we", "they"], _SUBJECTS],
]
_REPORTING = [name for name, verb in VERBS.items() if verb.objects == "that"]

Pair = tuple[str, str]
Triple = tuple[str, str, str]
Draft = tuple[list[Clause], Callable[[], Pair]]


def split_of(triples: Sequence[Triple]) -> str | None:
    """Returns the split that a sentence with these triples is in; None if they are held out for two.

    >>> split_of([("old", "doctor", "see")])
    'train'
    """
    held_out = {_split_of_triple(triple) for triple in triples} - {"train"}
    return None if len(held_out) > 1 else next(iter(held_out), "train")


@functools.cache
def _split_of_triple(triple: Triple) -> str:
    return own_split("|".join(triple), _DIVISOR)


def pairs(split: str) -> Iterator[Pair]:
    """Yields the pairs of "train", "validation" or "test"; the same ones every time. No source is in two splits.

    Each sentence of validation and of test has a triple that is held out for it; none of training has one.

    Raises:
        CorpusError: there is no such split.
    """
    return (pair for pair, _ in draw(split))


def draw(split: str) -> Iterator[tuple[Pair, list[Triple]]]:
    """Yields the pairs of a split, each with its adjectives, their nouns and their clauses' verbs.

    Raises:
        CorpusError: there is no such split.
    """
    drawn = _draw(Drawer(generator("english-french", split)), split)
    return itertools.islice(distinct(drawn, lambda one: one[0][0]), SIZES[split])


def _draw(drawer: "Drawer", split: str) -> Iterator[tuple[Pair, list[Triple]]]:
    while True:
        clauses, write = drawer.sentence()
        triples = [triple for clause in clauses for triple in clause.triples]
        if split_of(triples) == split and len((pair := write())[0]) <= MAX_LENGTH:
            yield pair, triples


@functools.cache
def nouns_of(letters: str) -> list[str]:
    """Returns the nouns that are one of the things that the letters stand for."""
    return [name for name, noun in NOUNS.items() if set(letters) & set(noun.letters)]


@functools.cache
def adjectives_of(letters: str) -> list[str]:
    """Returns the adjectives that go with a noun of these letters."""
    return [name for name, adjective in ADJECTIVES.items() if set(letters) & set(adjective.letters)]


@functools.cache
def verbs_of(tense: str) -> list[str]:
    """Returns the verbs that can be the verb of a clause, copulas more than once."""
    tense = "future" if tense == "when-future" else tense
    clausal = {name: verb for name, verb in VERBS.items() if verb.objects not in ("that", "modal")}
    copulas = ["be"] * 8 + ["become"] * 4
    return [name for name in (*clausal, *copulas) if tense in clausal[name].tenses]


class Drawer:
    """Draws sentences, the same ones from the same source of random numbers."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def chance(self, probability: float) -> bool:
        """Draws whether something is so."""
        return self.rng.random() < probability

    def sentence(self) -> Draft:
        """Draws a sentence: its clauses, and the function that writes it."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.simple()
        return self.compound() if kind < 0.75 else self.asking() if kind < 0.9 else self.reported()

    def simple(self) -> Draft:
        """Draws a statement of one clause, sometimes with its time."""
        clause = self.clause(pick(self.rng, _TENSES))
        if clause.modal or self.chance(0.8):
            return [clause], partial(statement, clause)
        time = pick(self.rng, _TIMES[clause.tense])
        if self.chance(0.5):
            return [clause], partial(statement, clause, first=time)
        return [clause], partial(statement, clause, last=time)

    def compound(self) -> Draft:
        """Draws a statement of two clauses."""
        word, main_tense, tense = pick(self.rng, _LINKS)
        main, other = self.clause(main_tense), self.clause(tense)
        if word in _BEFORE_MAIN and self.chance(0.5):
            return [main, other], partial(fronted, word, other, main)
        return [main, other], partial(linked, main, word, other)

    def reported(self) -> Draft:
        """Draws a statement of what somebody thinks or says."""
        main = Clause(self.subject("p"), pick(self.rng, _REPORTING))
        other = self.clause(pick(self.rng, _TENSES))
        return [main, other], partial(linked, main, "that", other)

    def asking(self) -> Draft:
        """Draws a question."""
        clause = self.clause(pick(self.rng, _TENSES), adverbs=_ADVERBS_OF_QUESTIONS)
        if self.chance(0.6):
            return [clause], partial(question, clause)
        word = pick(self.rng, _QUESTION_WORDS)
        if VERBS[clause.verb].is_be or "être" in VERBS[clause.verb].particulars:
            word = "why"
        return [clause], partial(question, clause, word=word)

    def clause(self, tense: str, *, adverbs: Sequence[str] | None = None) -> Clause:
        """Draws a clause in a tense."""
        name = pick(self.rng, verbs_of(tense))
        verb = VERBS[name]
        needs_gender = verb.objects == "=" or (tense == "past" and verb.has_agreement)
        subject = self.subject(verb.subjects, third=needs_gender)
        adverb = self.adverb(tense, verb, adverbs)
        modal = ""
        if tense == "present" and adverbs is None and "p" in verb.subjects and not verb.is_be and self.chance(0.15):
            modal = pick(self.rng, ("can", "must", "want to"))
        clitic, complements = self.complements(verb, subject, tense, adverb in NEGATIONS)
        return Clause(subject, name, complements, tense, adverb, clitic, modal)

    def subject(self, letters: str, *, third: bool = False) -> Phrase:
        """Draws a subject: a pronoun or a name if it can be a person, or a noun."""
        kind = self.rng.random() if "p" in letters else 1.0
        if kind < 0.3:
            return pronoun(pick(self.rng, _GENDERED if third else _SUBJECTS))
        if kind < 0.42:
            return self.name()
        return self.noun(letters, _ANY)

    def name(self) -> Phrase:
        """Draws a name."""
        return named(pick(self.rng, NAMES["f" if self.chance(0.5) else "m"]))

    def noun(self, letters: str, determiners: Sequence[tuple[str, bool]]) -> Phrase:
        """Draws a noun with a determiner, often with an adjective, sometimes with an owner."""
        noun = pick(self.rng, nouns_of(letters))
        adjective = pick(self.rng, adjectives_of(NOUNS[noun].letters)) if self.chance(0.6) else ""
        determiner, plural = pick(self.rng, determiners)
        if determiner == "the" and self.chance(0.15):
            owner = self.name() if self.chance(0.4) else self.noun("p", _DEFINITE)
            return genitive(owner, noun, adjective, plural=plural)
        return noun_phrase(determiner, noun, adjective, plural=plural)

    def adverb(self, tense: str, verb: Verb, allowed: Sequence[str] | None) -> str:
        """Draws an adverb that can stand beside the verb in this tense, or none."""
        kind = self.rng.random()
        if tense == "when-future" or kind > 0.4:
            return ""
        if allowed is not None or kind > 0.28:
            return pick(self.rng, allowed or _AFFIRMATIONS)
        if tense == "progressive":
            return pick(self.rng, _PROGRESSIVE_NEGATIONS)
        return pick(self.rng, NEGATIONS[:2] if tense == "past" and not verb.is_be else NEGATIONS)

    def complements(self, verb: Verb, subject: Phrase, tense: str, negated: bool) -> tuple[str, tuple[Phrase, ...]]:
        """Draws a clitic object or none, and what follows the verb."""
        if verb.objects == "=":
            noun = NOUNS.get(subject.noun)
            adjectives = [name for name in adjectives_of(noun.letters if noun else "p") if name != "former"]
            return "", (predicate(pick(self.rng, adjectives), subject),)
        clitic, phrases = self.object(verb, subject, tense, negated) if verb.objects != "-" else ("", [])
        if "to" in verb.particulars and self.chance(0.7):
            phrases.append(after("to", self.name() if self.chance(0.2) else self.noun("p", _DEFINITE)))
        elif not verb.is_be and (verb.objects == "-" or "être" not in verb.particulars):
            phrases += self.circumstance(verb, subject)
        return clitic, tuple(phrases)

    def object(self, verb: Verb, subject: Phrase, tense: str, negated: bool) -> tuple[str, list[Phrase]]:
        """Draws an object: a clitic, or a phrase."""
        takes_person = "p" in verb.objects
        if takes_person and self.chance(0.2):
            if not verb.link:
                # a participle agrees with the clitic, whose gender "me", "us" and "you" do not tell
                word = pick(self.rng, _GENDERED if tense == "past" else _OTHERS[subject.person])
                return PRONOUNS[word][0], []
            if "stressed" in verb.particulars:
                return "", [stressed(pick(self.rng, _OTHERS[subject.person]))]
        if takes_person and self.chance(0.15):
            return "", [self.name()]
        if "definite" in verb.particulars or (negated and verb.link):
            return "", [self.noun(verb.objects, _DEFINITE)]
        return "", [self.noun(verb.objects, _NEGATED if negated else _ANY)]

    def circumstance(self, verb: Verb, subject: Phrase) -> list[Phrase]:
        """Draws how, where or with whom it happens, or nothing of it."""
        kind = self.rng.random()
        if kind < 0.1 and "stative" not in verb.particulars:
            return [pick(self.rng, _MANNERS)]
        if kind < 0.25 and verb.objects == "-":
            return [pick(self.rng, _PLACES)]
        if kind > 0.75:
            return [self.prepositional(subject)]
        return []

    def prepositional(self, subject: Phrase) -> Phrase:
        """Draws a phrase after a preposition."""
        word = pick(self.rng, _OF_PLACE_AND_COMPANY)
        _, letters = PREPOSITIONS[word]
        if "p" in letters and self.chance(0.2):
            return after(word, stressed(pick(self.rng, _OTHERS[subject.person])))
        return after(word, self.noun(letters, _DEFINITE if word == "without" else _WITH_A))


def count_words() -> int:
    """Returns the number of English words and expressions in the lexicon."""
    words = {*NOUNS, *ADJECTIVES, *VERBS, *DETERMINERS, *PRONOUNS, *ADVERBS, *MANNERS, *PLACES, *PREPOSITIONS}
    return len(words.union(CONJUNCTIONS, QUESTION_WORDS, *NAMES.values(), *TIMES.values()))


def count_sentences() -> int:
    """Returns how many sentences there are of one shape alone: "The (old) doctor(s) saw the (white) horse(s)."."""
    return sum(
        _count_phrases(verb.subjects) * _count_phrases(verb.objects) * len(verb.tenses)
        for verb in VERBS.values()
        if verb.objects not in ("-", "=", "that", "modal")
    )


def _count_phrases(letters: str) -> int:
    return sum(2 * (1 + len(adjectives_of(NOUNS[noun].letters))) for noun in nouns_of(letters))
