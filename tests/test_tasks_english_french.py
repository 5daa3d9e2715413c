import itertools

import pytest

from charlm.errors import CorpusError
from charlm.tasks.english_french import MAX_LENGTH, Drawer, count_sentences, count_words, draw, pairs, split_of
from charlm.tasks.french_grammar import (
    Clause,
    after,
    elide,
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
from charlm.tasks.french_lexicon import ADJECTIVES, NOUNS
from charlm.tasks.french_verbs import VERBS
from charlm.tasks.pairs import SPLITS, generator

DOCTOR, QUEEN, HORSE = noun_phrase("the", "doctor"), noun_phrase("the", "queen"), noun_phrase("the", "horse")
SISTERS = noun_phrase("my", "sister", plural=True)
OLD_DOCTOR = noun_phrase("the", "doctor", "old")
HE, SHE, THEY, MYSELF, WE, YOU = map(pronoun, ("he", "she", "they", "I", "we", "you"))


@pytest.mark.parametrize(
    "words, english, french",
    [
        (("the", "tree"), "the tree", "l'arbre"),
        (("the", "hero"), "the hero", "le héros"),
        (("the", "heroine"), "the heroine", "l'héroïne"),
        (("the", "axe", "old"), "the old axe", "la vieille hache"),
        (("a", "apple", "red"), "a red apple", "une pomme rouge"),
        (("a", "apple"), "an apple", "une pomme"),
        (("a", "umbrella", "useful"), "a useful umbrella", "un parapluie utile"),
        (("a", "man", "honest"), "an honest man", "un homme honnête"),
        (("a", "tree", "beautiful"), "a beautiful tree", "un bel arbre"),
        (("a", "tree", "white"), "a white tree", "un arbre blanc"),
        (("a", "hotel", "new"), "a new hotel", "un nouvel hôtel"),
        (("this", "man", "old"), "this old man", "ce vieil homme"),
        (("this", "hero", "old"), "this old hero", "ce vieux héros"),
        (("this", "tree"), "this tree", "cet arbre"),
        (("this", "owl"), "this owl", "ce hibou"),
        (("this", "island"), "this island", "cette île"),
        (("my", "school"), "my school", "mon école"),
        (("my", "school", "new"), "my new school", "ma nouvelle école"),
        (("my", "school", "former"), "my former school", "mon ancienne école"),
        (("his", "axe"), "his axe", "sa hache"),
        (("her", "dog", "brown"), "her brown dog", "son chien marron"),
        (("their", "house", "white"), "their white house", "leur maison blanche"),
        (("each", "witch", "jealous"), "each jealous witch", "chaque sorcière jalouse"),
    ],
)
def test_singular_noun_phrases(words, english, french):
    phrase = noun_phrase(*words)
    assert (phrase.english, elide(phrase.french)) == (english, french)


@pytest.mark.parametrize(
    "words, english, french",
    [
        (("the", "horse", "white"), "the white horses", "les chevaux blancs"),
        (("some", "horse", "white"), "some white horses", "des chevaux blancs"),
        (("some", "horse", "beautiful"), "some beautiful horses", "de beaux chevaux"),
        (("some", "king", "former"), "some former kings", "d'anciens rois"),
        (("these", "mouse", "grey"), "these grey mice", "ces souris grises"),
        (("my", "egg", "brown"), "my brown eggs", "mes œufs marron"),
        (("all the", "house", "old"), "all the old houses", "toutes les vieilles maisons"),
        (("all the", "newspaper", "royal"), "all the royal newspapers", "tous les journaux royaux"),
        (("many", "bird"), "many birds", "beaucoup d'oiseaux"),
        (("many", "owl"), "many owls", "beaucoup de hiboux"),
        (("three", "grandmother", "foreign"), "three foreign grandmothers", "trois grands-mères étrangères"),
        (("two", "potato", "dry"), "two dry potatoes", "deux pommes de terre sèches"),
    ],
)
def test_plural_noun_phrases(words, english, french):
    phrase = noun_phrase(*words, plural=True)
    assert (phrase.english, elide(phrase.french)) == (english, french)


NO_HORSE, ANY_TREES = noun_phrase("not a", "horse"), noun_phrase("any", "tree", "old", plural=True)
RED_APPLES = noun_phrase("some", "apple", "red", plural=True)


@pytest.mark.parametrize(
    "clause, english, french",
    [
        # tenses
        (Clause(DOCTOR, "see", (QUEEN,)), "The doctor sees the queen.", "Le médecin voit la reine."),
        (Clause(WE, "eat", (RED_APPLES,)), "We eat some red apples.", "Nous mangeons des pommes rouges."),
        (Clause(MYSELF, "buy", (HORSE,), "past"), "I bought the horse.", "J'ai acheté le cheval."),
        (Clause(THEY, "sleep", (), "progressive"), "They were sleeping.", "Ils dormaient."),
        (Clause(WE, "swim", (), "progressive"), "We were swimming.", "Nous nagions."),
        (Clause(MYSELF, "threaten", (QUEEN,), "progressive"), "I was threatening the queen.", "Je menaçais la reine."),
        (Clause(YOU, "see", (HORSE,), "future"), "You will see the horse.", "Vous verrez le cheval."),
        (Clause(SISTERS, "run", (), "future"), "My sisters will run.", "Mes sœurs courront."),
        # être, reflexive verbs, and their agreement
        (Clause(SHE, "arrive", (), "past"), "She arrived.", "Elle est arrivée."),
        (Clause(SISTERS, "come back", (), "past"), "My sisters came back.", "Mes sœurs sont revenues."),
        (Clause(THEY, "fall", (), "past", "never"), "They never fell.", "Ils ne sont jamais tombés."),
        (Clause(SHE, "get up", (), "past", "not"), "She did not get up.", "Elle ne s'est pas levée."),
        (Clause(MYSELF, "get dressed"), "I get dressed.", "Je m'habille."),
        (Clause(WE, "get bored", (), "present", "often"), "We often get bored.", "Nous nous ennuyons souvent."),
        # negation
        (Clause(SHE, "see", (NO_HORSE,), adverb="not"), "She does not see a horse.", "Elle ne voit pas de cheval."),
        (
            Clause(THEY, "draw", (ANY_TREES,), "past", "never"),
            "They never drew any old trees.",
            "Ils n'ont jamais dessiné de vieux arbres.",
        ),
        (Clause(HE, "attack", (HORSE,), "future", "not"), "He will not attack the horse.",
         "Il n'attaquera pas le cheval."),
        (Clause(MYSELF, "work", (), "present", "no longer"), "I no longer work.", "Je ne travaille plus."),
        (Clause(DOCTOR, "be hungry", (), "past", "not"), "The doctor was not hungry.", "Le médecin n'avait pas faim."),
        # other adverbs
        (Clause(HE, "eat", (RED_APPLES,), "past", "always"), "He always ate some red apples.",
         "Il a toujours mangé des pommes rouges."),
        # objects before the verb
        (Clause(HE, "love", clitic="her"), "He loves her.", "Il l'aime."),
        (Clause(MYSELF, "see", (), "past", clitic="her"), "I saw her.", "Je l'ai vue."),
        (Clause(SHE, "take", (), "past", "not", "them"), "She did not take them.", "Elle ne les a pas pris."),
        (Clause(SHE, "look for", (), "past", clitic="them"), "She looked for them.", "Elle les a cherchés."),
        (Clause(DOCTOR, "hear", adverb="no longer", clitic="us"), "The doctor no longer hears us.",
         "Le médecin ne nous entend plus."),
        # modal verbs
        (Clause(SHE, "see", clitic="him", modal="want to"), "She wants to see him.", "Elle veut le voir."),
        (Clause(THEY, "sleep", adverb="not", modal="can"), "They cannot sleep.", "Ils ne peuvent pas dormir."),
        (Clause(HE, "sell", (NO_HORSE,), adverb="not", modal="want to"), "He does not want to sell a horse.",
         "Il ne veut pas vendre de cheval."),
        (Clause(WE, "rest", modal="must"), "We must rest.", "Nous devons nous reposer."),
        # à and de
        (Clause(SHE, "obey", (OLD_DOCTOR,)), "She obeys the old doctor.", "Elle obéit au vieux médecin."),
        (Clause(HE, "need", (RED_APPLES,)), "He needs some red apples.", "Il a besoin de pommes rouges."),
        (Clause(WE, "need", (HORSE,), "past"), "We needed the horse.", "Nous avons eu besoin du cheval."),
        (Clause(YOU, "talk about", (stressed("she"),)), "You talk about her.", "Vous parlez d'elle."),
        (Clause(THEY, "go to", (noun_phrase("the", "market"),)), "They go to the market.", "Ils vont au marché."),
        (
            Clause(HE, "give", (RED_APPLES, after("to", noun_phrase("the", "child", plural=True))), "past"),
            "He gave some red apples to the children.",
            "Il a donné des pommes rouges aux enfants.",
        ),
        (
            Clause(HE, "sleep", (after("near", noun_phrase("the", "tree", "big", plural=True)),)),
            "He sleeps near the big trees.",
            "Il dort près des grands arbres.",
        ),
        (
            Clause(named("Anna"), "dream of", (genitive(OLD_DOCTOR, "cat", "black"),)),
            "Anna dreams of the old doctor's black cat.",
            "Anna rêve du chat noir du vieux médecin.",
        ),
        (
            Clause(MYSELF, "feed", (genitive(named("Anna"), "bird", plural=True),)),
            "I feed Anna's birds.",
            "Je nourris les oiseaux d'Anna.",
        ),
        # être with an adjective
        (Clause(SISTERS, "be", (predicate("happy", SISTERS),)), "My sisters are happy.", "Mes sœurs sont heureuses."),
        (Clause(SHE, "be", (predicate("old", SHE),), "past"), "She was old.", "Elle était vieille."),
        (Clause(SHE, "become", (predicate("jealous", SHE),), "past"), "She became jealous.",
         "Elle est devenue jalouse."),
        (Clause(THEY, "be", (predicate("loyal", THEY),), "future", "always"), "They will always be loyal.",
         "Ils seront toujours loyaux."),
    ],
)  # fmt: skip
def test_statements(clause, english, french):
    assert statement(clause) == (english, french)


def test_times():
    clause = Clause(named("Élise"), "leave", (noun_phrase("the", "hospital"),), "past")
    french = "Élise a quitté l'hôpital"
    assert statement(clause, first="yesterday") == ("Yesterday, Élise left the hospital.", f"Hier, {french}.")
    assert statement(clause, last="this morning") == ("Élise left the hospital this morning.", f"{french} ce matin.")


def test_two_clauses():
    arriving, waiting = Clause(SHE, "arrive", tense="when-future"), Clause(HE, "wait for", (QUEEN,), "future")
    assert fronted("when", arriving, waiting) == (
        "When she arrives, he will wait for the queen.",
        "Quand elle arrivera, il attendra la reine.",
    )
    laughing, falling = Clause(MYSELF, "laugh", tense="past"), Clause(THEY, "fall", tense="past")
    assert linked(laughing, "because", falling) == (
        "I laughed because they fell.",
        "J'ai ri parce qu'ils sont tombés.",
    )
    assert linked(laughing, "but", falling) == ("I laughed, but they fell.", "J'ai ri, mais ils sont tombés.")
    assert fronted("if", Clause(THEY, "lie"), Clause(MYSELF, "cry")) == (
        "If they lie, I cry.",
        "S'ils mentent, je pleure.",
    )
    assert linked(Clause(MYSELF, "believe"), "that", Clause(named("Emma"), "sleep")) == (
        "I believe that Emma sleeps.",
        "Je crois qu'Emma dort.",
    )


@pytest.mark.parametrize(
    "clause, word, english, french",
    [
        (Clause(SHE, "sleep"), "", "Does she sleep?", "Est-ce qu'elle dort ?"),
        (Clause(YOU, "find", clitic="him", tense="past"), "where", "Where did you find him?",
         "Où est-ce que vous l'avez trouvé ?"),
        (Clause(DOCTOR, "dance", adverb="often", tense="progressive"), "", "Was the doctor often dancing?",
         "Est-ce que le médecin dansait souvent ?"),
        (Clause(QUEEN, "be", (predicate("proud", QUEEN),)), "why", "Why is the queen proud?",
         "Pourquoi est-ce que la reine est fière ?"),
        (Clause(HE, "write", (noun_phrase("a", "letter", "long"),), "future"), "when",
         "When will he write a long letter?", "Quand est-ce qu'il écrira une longue lettre ?"),
    ],
)  # fmt: skip
def test_questions(clause, word, english, french):
    assert question(clause, word=word) == (english, french)


FORMS = {
    "eat": "mange mange mangeons mangez mangent mangeais mangions mangerons mangé",
    "threaten": "menace menace menaçons menacez menacent menaçais menacions menacerons menacé",
    "forget": "oublie oublie oublions oubliez oublient oubliais oubliions oublierons oublié",
    "choose": "choisis choisit choisissons choisissez choisissent choisissais choisissions choisirons choisi",
    "wait for": "attends attend attendons attendez attendent attendais attendions attendrons attendu",
    "buy": "achète achète achetons achetez achètent achetais achetions achèterons acheté",
    "send": "envoie envoie envoyons envoyez envoient envoyais envoyions enverrons envoyé",
    "be": "suis est sommes êtes sont étais étions serons été",
    "need": "ai a avons avez ont avais avions aurons eu",
    "go to": "vais va allons allez vont allais allions irons allé",
    "say": "dis dit disons dites disent disais disions dirons dit",
    "die": "meurs meurt mourons mourez meurent mourais mourions mourrons mort",
}


@pytest.mark.parametrize("name", FORMS)
def test_conjugation(name):
    verb = VERBS[name]
    forms = [*verb.present, verb.imperfect(0), verb.imperfect(2), verb.future(2), verb.participle]
    assert " ".join(forms) == FORMS[name]


def test_verbs_end_as_french_verbs_do():
    for verb in VERBS.values():
        assert verb.infinitive.endswith(("er", "ir", "re"))
        assert verb.future_stem.endswith("r")
        if verb.infinitive not in ("être", "dire"):
            assert verb.present[2].endswith("ons") and verb.present[3].endswith("ez"), verb
        assert verb.present[4].endswith(("ent", "ont")), verb


def test_no_two_english_forms_are_alike():
    forms = [form for noun in NOUNS.values() for form in noun.english]
    assert len(set(forms)) == len(forms)
    assert not set(forms) & set(ADJECTIVES)


def test_the_grammar_is_large():
    assert count_words() > 500
    assert count_sentences() > 30e9


@pytest.fixture(scope="module")
def splits():
    return {split: list(itertools.islice(draw(split), 12_000)) for split in SPLITS}


def test_sizes(splits):
    sources = {split: {pair[0] for pair, _ in found} for split, found in splits.items()}
    assert [len(sources[split]) for split in SPLITS] == [12_000, 1_000, 1_000]
    assert len(set().union(*sources.values())) == 14_000


def test_held_out_triples_are_never_trained(splits):
    triples = {split: {triple for _, found in drawn for triple in found} for split, drawn in splits.items()}
    for split in ("validation", "test"):
        own = {triple for triple in triples[split] if split_of([triple]) == split}
        assert len(own) > 900
        assert not own & triples["train"]
        assert all(own & set(found) for _, found in splits[split])
    assert {split_of([triple]) for triple in triples["train"]} == {"train"}
    assert {split_of([triple]) for triple in triples["test"]} == {"train", "test"}


def test_sentences_are_whole(splits):
    for pair, _ in itertools.chain.from_iterable(splits.values()):
        english, french = pair
        assert len(english) <= MAX_LENGTH
        assert english[0].isupper() and french[0].isupper()
        assert english.endswith("?") == french.endswith(" ?")
        assert english[-1] in ".?" and french[-1] in ".?"
        for character in "\t\n_|-":
            assert f" {character} " not in f"{english} {french}" and "_" not in french
        for wrong in (" de le ", " de les ", " à le ", " à les ", " de des ", " ne a", " le a", " que il", "  "):
            assert wrong not in french


def test_an_english_sentence_has_one_translation():
    drawer, translations = Drawer(generator("translations", "test")), {}
    drawn = [write() for _, write in (drawer.sentence() for _ in range(10_000))]
    for english, french in drawn:
        assert translations.setdefault(english, french) == french
    assert len(translations) < len(drawn)  # some were there twice


def test_the_pairs_are_the_same_on_every_machine(splits):
    assert [splits[split][0][0][0] for split in SPLITS] == [
        "I was no longer waking up.",
        "Do some tired lions often bite too many animals?",
        "A stupid sister is thirsty, but some polite shepherds answer some funny kings.",
    ]
    assert list(itertools.islice(pairs("test"), 200)) == [pair for pair, _ in splits["test"][:200]]


def test_there_are_three_splits():
    with pytest.raises(CorpusError, match="Received: split='dev'"):
        pairs("dev")
