"""A grammar that says a thing in English and in French at once.

The tenses, of which each has one French counterpart: "present" (présent), "past" (passé composé; "was" is être's
imparfait), "progressive" ("was eating", imparfait), "future" (futur simple), and "when-future", which English says as a
present and French as a future: "When she arrives, ...", « Quand elle arrivera, … ».

Where French has a choice, the grammar has made it: "you" is « vous », "they" and "them" are masculine, « des » is
« de » before an adjective, and each adjective has one place.
"""

import re
from typing import NamedTuple

from charlm.tasks.french_lexicon import (
    ADJECTIVES,
    ADVERBS,
    ASPIRATED,
    CONJUNCTIONS,
    DETERMINERS,
    NAMES,
    NEGATIONS,
    NOUNS,
    PREPOSITIONS,
    PRONOUNS,
    QUESTION_WORDS,
    TIMES,
    Noun,
)
from charlm.tasks.french_verbs import AVOIR, ETRE, VERBS

_VOWEL = rf"(?:[aeiouàâéèêîôûœAEIOUÉÈÊÎ]|h(?!{'|'.join(word[1:] for word in ASPIRATED)}))"
_STARTS_WITH_VOWEL = re.compile(_VOWEL)
_ELISION = re.compile(rf"\b(l[ea]|[djmns]e|que) (?={_VOWEL})")
_PARTITIVE = re.compile(r"\bde des? ")
_SI = re.compile(r"\bsi (?=ils?\b)")
_CONTRACTION = re.compile(r"\b(?:de|à) les? ")
_CONTRACTIONS = {"de le ": "du ", "de les ": "des ", "à le ": "au ", "à les ": "aux "}
_AN = re.compile(r"(?!use)[aeiou]|honest", re.IGNORECASE)

_BE = {"present": ("am", "is", "are", "are", "are"), "past": ("was", "was", "were", "were", "were")}
_REFLEXIVES = ("me", "se", "nous", "vous", "se")
_CLITICS = {english: clitic for english, _, clitic, _, _ in PRONOUNS.values()}


class Phrase(NamedTuple):
    """Words that belong together, in both languages; French is not elided yet.

    Persons are 0 (I), 1 (he, she, it), 2 (we), 3 (you) and 4 (they); `pairs` are the adjectives with their nouns.
    """

    english: str
    french: str
    person: int = 1
    is_feminine: bool = False
    noun: str = ""
    pairs: tuple[tuple[str, str], ...] = ()


def noun_phrase(determiner: str, noun: str, adjective: str = "", *, plural: bool = False) -> Phrase:
    """Returns a noun with what stands around it.

    >>> noun_phrase("a", "tree", "old")[:2], noun_phrase("some", "horse", "white", plural=True)[:2]
    (('an old tree', 'un vieil arbre'), ('some white horses', 'des chevaux blancs'))
    """
    entry = NOUNS[noun]
    words = f"{adjective} {entry.english[plural]}".lstrip()
    article, _ = DETERMINERS[determiner]
    return Phrase(
        f"{'an' if article == 'a' and _AN.match(words) else article} {words}",
        _french_noun_phrase(determiner, entry, adjective, plural),
        person=4 if plural else 1,
        is_feminine=entry.gender == "f",
        noun=noun,
        pairs=((adjective, noun),) if adjective else (),
    )


def _french_noun_phrase(determiner: str, noun: Noun, adjective: str, plural: bool) -> str:
    words = noun.french[plural]
    is_feminine, is_before = noun.gender == "f", False
    if adjective:
        forms, is_before, _ = ADJECTIVES[adjective]
        if is_before and not is_feminine and not plural and _STARTS_WITH_VOWEL.match(words):
            words = f"{forms[4]} {words}"
        else:
            form = forms[is_feminine + 2 * plural]
            words = f"{form} {words}" if is_before else f"{words} {form}"
    articles = DETERMINERS[determiner][1]
    article = articles[4 + is_feminine if plural else 2 * is_feminine + bool(_STARTS_WITH_VOWEL.match(words))]
    return f"{'de' if article == 'des' and is_before else article} {words}"


def genitive(owner: Phrase, noun: str, adjective: str = "", *, plural: bool = False) -> Phrase:
    """Returns what is somebody's.

    >>> genitive(noun_phrase("the", "doctor", "old"), "cat", "black")[:2]
    ("the old doctor's black cat", 'le chat noir de le vieux médecin')
    """
    thing = noun_phrase("the", noun, adjective, plural=plural)
    mark = "'" if owner.person == 4 and owner.english.endswith("s") else "'s"
    return thing._replace(
        english=owner.english + mark + thing.english.removeprefix("the"),
        french=f"{thing.french} de {owner.french}",
        pairs=thing.pairs + owner.pairs,
    )


def named(name: str) -> Phrase:
    """Returns somebody of the lexicon's names."""
    return Phrase(name, name, is_feminine=name in NAMES["f"])


def pronoun(word: str) -> Phrase:
    """Returns a pronoun as a subject: I, he, she, we, you or they; "you" is « vous » and "they" is « ils »."""
    _, french, _, _, person = PRONOUNS[word]
    return Phrase(word, french, person, word == "she")


def stressed(word: str) -> Phrase:
    """Returns the pronoun of a subject as it is after prepositions: "him", « lui »."""
    english, _, _, french, person = PRONOUNS[word]
    return Phrase(english, french, person)


def after(preposition: str, phrase: Phrase) -> Phrase:
    """Returns a phrase after a preposition."""
    french, _ = PREPOSITIONS[preposition]
    return Phrase(f"{preposition} {phrase.english}", f"{french} {phrase.french}", pairs=phrase.pairs)


def predicate(adjective: str, subject: Phrase) -> Phrase:
    """Returns an adjective that says how a subject of the third person is."""
    form = ADJECTIVES[adjective].french[subject.is_feminine + 2 * (subject.person == 4)]
    return Phrase(adjective, form, pairs=((adjective, subject.noun),) if subject.noun else ())


class Clause(NamedTuple):
    """A subject, a verb, and what follows.

    Args:
        subject: of the third person where French has an agreement that English does not tell.
        verb: the English base form.
        complements: what follows the verb, in order; a verb's preposition is its own, not theirs.
        tense: one of those above.
        adverb: one of `ADVERBS`, which stand beside the verb; "not" among them.
        clitic: an object such as "him", which French puts before the verb.
        modal: "can", "must" or "want to", in the present.
    """

    subject: Phrase
    verb: str
    complements: tuple[Phrase, ...] = ()
    tense: str = "present"
    adverb: str = ""
    clitic: str = ""
    modal: str = ""

    @property
    def english(self) -> str:
        """The clause as a statement."""
        auxiliary, main = self._english_verb(with_do=self.adverb == "not")
        words = _join(self.subject.english, auxiliary, self.adverb, main, *self._english_rest)
        return words.replace("can not", "cannot")

    @property
    def english_question(self) -> str:
        """The clause as a question, without its mark."""
        auxiliary, main = self._english_verb(with_do=True)
        return _join(auxiliary, self.subject.english, self.adverb, main, *self._english_rest)

    @property
    def _english_rest(self) -> tuple[str, ...]:
        return (self.clitic, *(phrase.english for phrase in self.complements))

    def _english_verb(self, *, with_do: bool) -> tuple[str, str]:
        person, verb = self.subject.person, VERBS[self.verb]
        tense = "present" if self.tense == "when-future" else self.tense
        forms = verb.english
        if self.modal in ("can", "must"):
            return self.modal, forms[0]
        if self.modal:
            forms = tuple(f"{form} {forms[0]}" for form in VERBS[self.modal].english)
        if tense == "future":
            return "will", forms[0]
        if verb.is_be and not self.modal:
            return _BE[tense][person], forms[0].removeprefix("be").lstrip()
        if tense == "progressive":
            return _BE["past"][person], forms[3]
        if with_do:
            return "did" if tense == "past" else "does" if person == 1 else "do", forms[0]
        return "", forms[2 if tense == "past" else person == 1]

    @property
    def french(self) -> str:
        """The clause, not elided yet."""
        finite, rest = self._french_verb()
        verb = VERBS[self.verb]
        clitics = _join(_REFLEXIVES[self.subject.person] if verb.is_reflexive else "", _CLITICS.get(self.clitic, ""))
        before, behind = ("", clitics) if self.modal else (clitics, "")
        negation = "ne" if self.adverb in NEGATIONS else ""
        middle = (negation, before, finite, ADVERBS.get(self.adverb, ""), behind, rest, verb.link)
        return _join(self.subject.french, *middle, *(phrase.french for phrase in self.complements))

    def _french_verb(self) -> tuple[str, str]:
        person, verb = self.subject.person, VERBS[self.verb]
        if self.modal:
            return VERBS[self.modal].present[person], verb.infinitive
        if self.tense in ("future", "when-future"):
            return verb.future(person), ""
        if self.tense == "progressive" or (self.tense == "past" and verb.is_be):
            return verb.imperfect(person), ""
        if self.tense == "past":
            return (ETRE if verb.has_agreement else AVOIR).present[person], self._participle()
        return verb.present[person], ""

    def _participle(self) -> str:
        verb = VERBS[self.verb]
        is_feminine, is_plural = self.clitic == "her", self.clitic == "them"
        if verb.has_agreement:
            is_feminine, is_plural = self.subject.is_feminine, self.subject.person == 4
        form = verb.participle + "e" * is_feminine
        return form if form.endswith("s") else form + "s" * is_plural

    @property
    def triples(self) -> list[tuple[str, str, str]]:
        """Each adjective and its noun, with the clause's verb."""
        phrases = (self.subject, *self.complements)
        return [(adjective, noun, self.verb) for phrase in phrases for adjective, noun in phrase.pairs]


def _join(*words: str) -> str:
    return " ".join(filter(None, words))


def elide(french: str) -> str:
    """Writes French words as they are written beside each other.

    >>> elide("parce que il a besoin de des œufs de le héros de la école")
    "parce qu'il a besoin d'œufs du héros de l'école"
    """
    french = _SI.sub("s'", _PARTITIVE.sub("de ", french))
    french = _ELISION.sub(lambda match: match[1][:-1] + "'", french)
    return _CONTRACTION.sub(lambda match: _CONTRACTIONS[match[0]], french)


def statement(clause: Clause, *, first: str = "", last: str = "") -> tuple[str, str]:
    """Returns a clause as a sentence of both languages, with its time before or behind it.

    >>> statement(Clause(pronoun("she"), "sleep", tense="past"), first="yesterday")
    ('Yesterday, she slept.', 'Hier, elle a dormi.')
    """
    english, french, times = clause.english, clause.french, TIMES[clause.tense]
    if first:
        english, french = f"{first}, {english}", f"{times[first]}, {french}"
    if last:
        english, french = f"{english} {last}", f"{french} {times[last]}"
    return _write(english, french, end=".")


def linked(main: Clause, conjunction: str, other: Clause) -> tuple[str, str]:
    """Returns two clauses as a sentence of both languages.

    >>> linked(Clause(pronoun("I"), "sleep"), "if", Clause(pronoun("he"), "sleep"))
    ('I sleep if he sleeps.', "Je dors s'il dort.")
    """
    english, french = f" {conjunction} ", f" {CONJUNCTIONS[conjunction]} "
    if conjunction == "but":
        english, french = f",{english}", f",{french}"
    return _write(main.english + english + other.english, main.french + french + other.french, end=".")


def fronted(conjunction: str, other: Clause, main: Clause) -> tuple[str, str]:
    """Returns two clauses as a sentence of both languages, the main one last.

    >>> fronted("if", Clause(pronoun("he"), "sleep"), Clause(pronoun("I"), "sleep"))
    ('If he sleeps, I sleep.', "S'il dort, je dors.")
    """
    french = f"{CONJUNCTIONS[conjunction]} {other.french}, {main.french}"
    return _write(f"{conjunction} {other.english}, {main.english}", french, end=".")


def question(clause: Clause, *, word: str = "") -> tuple[str, str]:
    """Returns a clause as a question of both languages, after a question word if there is one.

    >>> question(Clause(pronoun("she"), "sleep"), word="where")
    ('Where does she sleep?', "Où est-ce qu'elle dort ?")
    """
    english = _join(word, clause.english_question)
    return _write(english, _join(QUESTION_WORDS.get(word, ""), "est-ce que", clause.french), end="?")


def _write(english: str, french: str, *, end: str) -> tuple[str, str]:
    french = elide(french)
    space = " " if end == "?" else ""
    return f"{english[0].upper()}{english[1:]}{end}", f"{french[0].upper()}{french[1:]}{space}{end}"
