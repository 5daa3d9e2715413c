"""The words of `english_french`: their forms in both languages, and what they go with."""

from typing import NamedTuple

#: What nouns are: p(erson), a(nimal), f(ood), t(hing), l (place); and w(ritten), c (opens and closes), v(ehicle),
#: i (one is in it), g (one goes to it). Verbs and adjectives name the letters that they go with.
#: A group's nouns: English singular and plural, French singular and plural. Where English does not tell a person's
#: sex, French has the masculine; an underscore is a space.
_NOUNS = {
    ("m", "p"): """
        king kings roi rois, prince princes prince princes, man men homme hommes, boy boys garçon garçons,
        father fathers père pères, brother brothers frère frères, uncle uncles oncle oncles, son sons fils fils,
        grandfather grandfathers grand-père grands-pères, nephew nephews neveu neveux, monk monks moine moines,
        knight knights chevalier chevaliers, soldier soldiers soldat soldats, sailor sailors marin marins,
        painter painters peintre peintres, doctor doctors médecin médecins, baker bakers boulanger boulangers,
        butcher butchers boucher bouchers, farmer farmers fermier fermiers, fisherman fishermen pêcheur pêcheurs,
        shepherd shepherds berger bergers, writer writers écrivain écrivains, actor actors acteur acteurs,
        waiter waiters serveur serveurs, wizard wizards sorcier sorciers, hero heroes héros héros, duke dukes duc ducs,
        judge judges juge juges, lawyer lawyers avocat avocats, thief thieves voleur voleurs, spy spies espion espions,
        engineer engineers ingénieur ingénieurs, giant giants géant géants, emperor emperors empereur empereurs,
        friend friends ami amis, child children enfant enfants, neighbour neighbours voisin voisins,
        teacher teachers professeur professeurs, student students étudiant étudiants, general generals général généraux,
        gardener gardeners jardinier jardiniers, admiral admirals amiral amiraux
        """,
    ("f", "p"): """
        queen queens reine reines, princess princesses princesse princesses, woman women femme femmes,
        girl girls fille filles, mother mothers mère mères, sister sisters sœur sœurs, aunt aunts tante tantes,
        grandmother grandmothers grand-mère grands-mères, niece nieces nièce nièces, widow widows veuve veuves,
        actress actresses actrice actrices, waitress waitresses serveuse serveuses, witch witches sorcière sorcières,
        heroine heroines héroïne héroïnes, duchess duchesses duchesse duchesses, nurse nurses infirmière infirmières,
        countess countesses comtesse comtesses, empress empresses impératrice impératrices
        """,
    ("m", "a"): """
        horse horses cheval chevaux, dog dogs chien chiens, cat cats chat chats, bird birds oiseau oiseaux,
        wolf wolves loup loups, fox foxes renard renards, bear bears ours ours, rabbit rabbits lapin lapins,
        duck ducks canard canards, donkey donkeys âne ânes, owl owls hibou hiboux, lion lions lion lions,
        tiger tigers tigre tigres, elephant elephants éléphant éléphants, monkey monkeys singe singes,
        snake snakes serpent serpents, squirrel squirrels écureuil écureuils, hedgehog hedgehogs hérisson hérissons,
        pig pigs cochon cochons, butterfly butterflies papillon papillons, animal animals animal animaux,
        crow crows corbeau corbeaux
        """,
    ("f", "a"): """
        cow cows vache vaches, mouse mice souris souris, goose geese oie oies, hen hens poule poules,
        goat goats chèvre chèvres, bee bees abeille abeilles, spider spiders araignée araignées,
        frog frogs grenouille grenouilles, ant ants fourmi fourmis
        """,
    ("m", "f"): """
        egg eggs œuf œufs, cake cakes gâteau gâteaux, cheese cheeses fromage fromages, onion onions oignon oignons,
        bean beans haricot haricots, lemon lemons citron citrons, apricot apricots abricot abricots,
        leek leeks poireau poireaux, pineapple pineapples ananas ananas, cabbage cabbages chou choux,
        mushroom mushrooms champignon champignons
        """,
    ("f", "f"): """
        apple apples pomme pommes, orange oranges orange oranges, pear pears poire poires,
        cherry cherries cerise cerises, potato potatoes pomme_de_terre pommes_de_terre, tomato tomatoes tomate tomates,
        strawberry strawberries fraise fraises, carrot carrots carotte carottes, soup soups soupe soupes,
        pie pies tarte tartes, omelette omelettes omelette omelettes, peach peaches pêche pêches,
        plum plums prune prunes
        """,
    ("m", "t"): """
        knife knives couteau couteaux, hammer hammers marteau marteaux, hat hats chapeau chapeaux, bed beds lit lits,
        coat coats manteau manteaux, necklace necklaces collier colliers, mirror mirrors miroir miroirs,
        glass glasses verre verres, toy toys jouet jouets, violin violins violon violons, piano pianos piano pianos,
        drum drums tambour tambours, treasure treasures trésor trésors, jewel jewels bijou bijoux,
        tree trees arbre arbres, painting paintings tableau tableaux, basket baskets panier paniers,
        flag flags drapeau drapeaux
        """,
    ("f", "t"): """
        key keys clé clés, table tables table tables, chair chairs chaise chaises, shirt shirts chemise chemises,
        dress dresses robe robes, shoe shoes chaussure chaussures, ring rings bague bagues, flower flowers fleur fleurs,
        stone stones pierre pierres, clock clocks horloge horloges, lamp lamps lampe lampes, cup cups tasse tasses,
        plate plates assiette assiettes, spoon spoons cuillère cuillères, fork forks fourchette fourchettes,
        doll dolls poupée poupées, axe axes hache haches, harp harps harpe harpes, sword swords épée épées,
        crown crowns couronne couronnes, ladder ladders échelle échelles, guitar guitars guitare guitares,
        map maps carte cartes, candle candles bougie bougies, bell bells cloche cloches
        """,
    ("m", "tw"): """
        book books livre livres, newspaper newspapers journal journaux, poem poems poème poèmes,
        novel novels roman romans
        """,
    ("f", "tw"): "letter letters lettre lettres",
    ("m", "tc"): "bag bags sac sacs, drawer drawers tiroir tiroirs, umbrella umbrellas parapluie parapluies",
    ("f", "tc"): """
        box boxes boîte boîtes, suitcase suitcases valise valises, door doors porte portes,
        window windows fenêtre fenêtres, bottle bottles bouteille bouteilles, envelope envelopes enveloppe enveloppes
        """,
    ("m", "tv"): """
        boat boats bateau bateaux, train trains train trains, plane planes avion avions, lorry lorries camion camions
        """,
    ("f", "tv"): "car cars voiture voitures",
    ("m", "lig"): """
        castle castles château châteaux, market markets marché marchés, hospital hospitals hôpital hôpitaux,
        hotel hotels hôtel hôtels, museum museums musée musées, park parks parc parcs, office offices bureau bureaux,
        theatre theatres théâtre théâtres, restaurant restaurants restaurant restaurants, palace palaces palais palais,
        village villages village villages, shop shops magasin magasins
        """,
    ("f", "lig"): """
        church churches église églises, school schools école écoles, station stations gare gares,
        factory factories usine usines, library libraries bibliothèque bibliothèques, inn inns auberge auberges,
        bakery bakeries boulangerie boulangeries
        """,
    ("m", "li"): "garden gardens jardin jardins, field fields champ champs, desert deserts désert déserts",
    ("f", "li"): """
        house houses maison maisons, forest forests forêt forêts, town towns ville villes, cave caves grotte grottes,
        kitchen kitchens cuisine cuisines, prison prisons prison prisons, cellar cellars cave caves,
        street streets rue rues, tower towers tour tours, bedroom bedrooms chambre chambres
        """,
    ("m", "l"): "bridge bridges pont ponts",
    ("f", "lg"): "beach beaches plage plages, farm farms ferme fermes",
    ("f", "l"): "island islands île îles, mountain mountains montagne montagnes, river rivers rivière rivières",
}

#: Adjectives by place and letters: English, and French m., f., m. plural, f. plural and m. before a vowel; one form
#: alone where the others are regular, two where the plurals are.
_ADJECTIVES = {
    ("before", "patfl"): "small petit, big grand, pretty joli, beautiful beau belle beaux belles bel",
    ("before", "patl"): "old vieux vieille vieux vieilles vieil",
    ("before", "ptl"): "new nouveau nouvelle nouveaux nouvelles nouvel, bad mauvais",
    ("before", "pf"): "good bon bonne",
    ("before", "pa"): "young jeune, fat gros grosse",
    ("before", "tl"): "long long longue",
    ("before", "pl"): "former ancien ancienne",
    ("after", "atfl"): """
        red rouge, black noir, white blanc blanche, green vert, blue bleu, grey gris, yellow jaune,
        brown marron marron marron marron
        """,
    ("after", "p"): """
        rich riche, proud fier fière, jealous jaloux jalouse, lazy paresseux paresseuse, polite poli,
        kind gentil gentille, shy timide, honest honnête, foreign étranger étrangère, blind aveugle, deaf sourd,
        ambitious ambitieux ambitieuse, talkative bavard, loyal loyal loyale loyaux loyales
        """,
    ("after", "pa"): """
        happy heureux heureuse, sad triste, tired fatigué, sick malade, curious curieux curieuse, strong fort,
        brave courageux courageuse, clever intelligent, stupid stupide, cruel cruel cruelle, patient patient,
        nervous nerveux nerveuse, weak faible, calm calme, gentle doux douce, crazy fou folle, funny drôle
        """,
    ("after", "pal"): "dangerous dangereux dangereuse, famous célèbre, mysterious mystérieux mystérieuse",
    ("after", "al"): "wild sauvage",
    ("after", "av"): "fast rapide, slow lent",
    ("after", "patfl"): "strange étrange, enormous énorme, ordinary ordinaire, magnificent magnifique, ugly laid",
    ("after", "ptl"): "French français, English anglais, Italian italien italienne, Greek grec grecque",
    ("after", "tf"): """
        heavy lourd, light léger légère, expensive cher chère, round rond, thick épais épaisse, dry sec sèche
        """,
    ("after", "tl"): """
        dirty sale, clean propre, empty vide, modern moderne, medieval médiéval médiévale médiévaux médiévales,
        royal royal royale royaux royales, useful utile, useless inutile, solid solide, secret secret secrète,
        hideous hideux hideuse
        """,
    ("after", "t"): "broken cassé, golden doré, precious précieux précieuse, fragile fragile, square carré",
    ("after", "f"): """
        fresh frais fraîche, ripe mûr, sweet sucré, bitter amer amère, hot chaud, cold froid,
        delicious délicieux délicieuse
        """,
    ("after", "l"): "quiet tranquille, narrow étroit, public public publique, high haut, distant lointain",
}

#: Forms: m., m. before a vowel, f., f. before a vowel, m. plural, f. plural; "-" is none. An article after a negated
#: verb has a line of its own.
_DETERMINERS = """
    the       | the       | le le la la les les
    a         | a         | un un une une - -
    not a     | a         | de de de de - -
    some      | some      | - - - - des des
    any       | any       | - - - - de de
    this      | this      | ce cet cette cette - -
    these     | these     | - - - - ces ces
    my        | my        | mon mon ma mon mes mes
    your      | your      | votre votre votre votre vos vos
    his       | his       | son son sa son ses ses
    her       | her       | son son sa son ses ses
    our       | our       | notre notre notre notre nos nos
    their     | their     | leur leur leur leur leurs leurs
    each      | each      | chaque chaque chaque chaque - -
    two       | two       | - - - - deux deux
    three     | three     | - - - - trois trois
    four      | four      | - - - - quatre quatre
    five      | five      | - - - - cinq cinq
    six       | six       | - - - - six six
    seven     | seven     | - - - - sept sept
    eight     | eight     | - - - - huit huit
    nine      | nine      | - - - - neuf neuf
    ten       | ten       | - - - - dix dix
    twelve    | twelve    | - - - - douze douze
    twenty    | twenty    | - - - - vingt vingt
    several   | several   | - - - - plusieurs plusieurs
    many      | many      | - - - - beaucoup_de beaucoup_de
    few       | few       | - - - - peu_de peu_de
    too many  | too many  | - - - - trop_de trop_de
    all the   | all the   | - - - - tous_les toutes_les
"""

NAMES = {
    "m": "Paul Louis Pierre Luc Antoine Arthur Simon Victor Oscar Émile Olivier Martin".split(),
    "f": "Marie Anna Alice Emma Julie Claire Léa Élise Inès Clara Sophie Irène".split(),
}

#: English subject and object; French subject, object before the verb, and stressed; the verb's person.
PRONOUNS = {
    "I": ("me", "je", "me", "moi", 0),
    "he": ("him", "il", "le", "lui", 1),
    "she": ("her", "elle", "la", "elle", 1),
    "we": ("us", "nous", "nous", "nous", 2),
    "you": ("you", "vous", "vous", "vous", 3),
    "they": ("them", "ils", "les", "eux", 4),
}

#: Adverbs beside the verb; the first three go with "ne".
ADVERBS = {
    **{"not": "pas", "never": "jamais", "no longer": "plus"},
    **{"always": "toujours", "often": "souvent", "sometimes": "parfois", "rarely": "rarement", "also": "aussi"},
    **{"really": "vraiment", "finally": "enfin", "probably": "probablement"},
}
NEGATIONS = ("not", "never", "no longer")

MANNERS = {
    **{"slowly": "lentement", "quickly": "rapidement", "silently": "silencieusement", "carefully": "soigneusement"},
    **{"gently": "doucement", "happily": "joyeusement", "sadly": "tristement", "patiently": "patiemment"},
    **{"bravely": "courageusement", "secretly": "secrètement", "calmly": "calmement"},
}
PLACES = {"here": "ici", "over there": "là-bas", "everywhere": "partout", "outside": "dehors"}

#: The times that each tense can be placed in.
TIMES = {
    "present": {
        **{"today": "aujourd'hui", "every day": "tous les jours", "now": "maintenant", "in summer": "en été"},
        **{"in winter": "en hiver", "in spring": "au printemps", "every year": "tous les ans"},
    },
    "past": {"yesterday": "hier", "this morning": "ce matin", "last year": "l'année dernière"},
    "progressive": {"yesterday": "hier", "this morning": "ce matin"},
    "future": {"tomorrow": "demain", "tonight": "ce soir", "soon": "bientôt", "next week": "la semaine prochaine"},
}

#: Prepositions, and the letters of the nouns after them.
PREPOSITIONS = {
    "in": ("dans", "i"),
    "on": ("sur", "t"),
    "under": ("sous", "t"),
    "behind": ("derrière", "tl"),
    "in front of": ("devant", "tl"),
    "near": ("près de", "patl"),
    "next to": ("à côté de", "patl"),
    "far from": ("loin de", "pal"),
    "opposite": ("en face de", "l"),
    "around": ("autour de", "tl"),
    "with": ("avec", "pa"),
    "without": ("sans", "pa"),
    "for": ("pour", "p"),
    "thanks to": ("grâce à", "pa"),
    "because of": ("à cause de", "patl"),
    "to": ("à", "p"),
}

CONJUNCTIONS = {
    **{"because": "parce que", "when": "quand", "while": "pendant que", "if": "si", "that": "que"},
    **{"and": "et", "but": "mais"},
}
QUESTION_WORDS = {"where": "où", "why": "pourquoi", "when": "quand", "how": "comment"}

#: h that lets no elision happen, at the start of these words.
ASPIRATED = "héros", "hibou", "hérisson", "haricot", "hache", "harpe", "hideu", "haut", "huit"


class Noun(NamedTuple):
    """A noun's forms, its gender ("m" or "f"), and the letters of what it is."""

    english: tuple[str, str]
    french: tuple[str, str]
    gender: str
    letters: str


class Adjective(NamedTuple):
    """An adjective's French forms (m., f., m. plural, f. plural, m. before a vowel), its place, and its letters."""

    french: tuple[str, ...]
    is_before: bool
    letters: str


def _read_nouns() -> dict[str, Noun]:
    nouns = {}
    for (gender, letters), group in _NOUNS.items():
        for row in group.split(","):
            one, many, un, des = row.replace("\n", " ").split()
            nouns[one] = Noun((one, many), (un.replace("_", " "), des.replace("_", " ")), gender, letters)
    return nouns


def _decline(forms: list[str]) -> tuple[str, ...]:
    masculine, *others = forms
    feminine = others[0] if others else masculine if masculine.endswith("e") else f"{masculine}e"
    plural = masculine if masculine[-1] in "sx" else f"{masculine}s"
    complete = [masculine, feminine, *(others[1:3] or (plural, f"{feminine}s"))]
    return (*complete, others[3] if len(others) > 3 else masculine)


def _read_adjectives() -> dict[str, Adjective]:
    adjectives = {}
    for (place, letters), group in _ADJECTIVES.items():
        for row in group.split(","):
            english, *forms = row.split()
            adjectives[english] = Adjective(_decline(forms), place == "before", letters)
    return adjectives


def _read_determiners() -> dict[str, tuple[str, list[str]]]:
    rows = [[field.strip() for field in row.split("|")] for row in _DETERMINERS.strip().splitlines()]
    return {name: (english, [form.replace("_", " ") for form in forms.split()]) for name, english, forms in rows}


NOUNS = _read_nouns()
ADJECTIVES = _read_adjectives()
DETERMINERS = _read_determiners()
