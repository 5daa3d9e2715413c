"""The verbs of `english_french`: their forms in both languages, and what they go with."""

import functools
from dataclasses import dataclass

#: English base, third person, past and -ing; French infinitive, and where it is irregular the present (je, il, nous,
#: vous, ils), the future's stem and the participle; the letters of subjects and of objects (see `french_lexicon`; "-"
#: is no object, "=" an adjective, "that" a clause); then what is particular: a French word before the object, "être" or
#: "se" in the passé composé, "stative" (no -ing), "definite" (no "a" or "some"), "to" (a receiver), "stressed" (the
#: object can be "lui"). A verb with "be" needs no English forms.
_TABLE = """
    see sees saw seeing | voir vois voit voyons voyez voient verr vu | pa patfl | stative
    look_for looks_for looked_for looking_for | chercher | pa patfl |
    find finds found finding | trouver | pa patfl |
    lose loses lost losing | perdre | p atf |
    watch watches watched watching | regarder | pa patl |
    draw draws drew drawing | dessiner | p patfl |
    photograph photographs photographed photographing | photographier | p patfl |
    paint paints painted painting | peindre peins peint peignons peignez peignent peindr peint | p patfl |
    describe describes described describing | décrire décris décrit décrivons décrivez décrivent décrir décrit | p patfl |
    hide hides hid hiding | cacher | p patf |
    forget forgets forgot forgetting | oublier | p ptf |
    keep keeps kept keeping | garder | pa atf |
    take takes took taking | prendre prends prend prenons prenez prennent prendr pris | pa tf |
    touch touches touched touching | toucher | pa patf |
    push pushes pushed pushing | pousser | pa pat |
    pull pulls pulled pulling | tirer | pa pat |
    carry carries carried carrying | porter | pa tf |
    lift lifts lifted lifting | soulever soulève soulève soulevons soulevez soulèvent soulèver soulevé | pa patf |
    throw throws threw throwing | jeter jette jette jetons jetez jettent jetter jeté | p tf |
    love loves loved loving | aimer | pa patfl | stative definite
    hate hates hated hating | détester | pa patfl | stative definite
    prefer prefers preferred preferring | préférer préfère préfère préférons préférez préfèrent préférer préféré | pa patfl | stative definite
    admire admires admired admiring | admirer | p patl | definite
    fear fears feared fearing | craindre crains craint craignons craignez craignent craindr craint | pa pa | stative definite
    choose chooses chose choosing | choisir | p patfl |
    protect protects protected protecting | protéger protège protège protégeons protégez protègent protéger protégé | pa patl |
    follow follows followed following | suivre suis suit suivons suivez suivent suivr suivi | pa pa |
    hear hears heard hearing | entendre | pa pa | stative
    wait_for waits_for waited_for waiting_for | attendre | pa pa |
    recognize recognizes recognized recognizing | reconnaître reconnais reconnaît reconnaissons reconnaissez reconnaissent reconnaîtr reconnu | pa patl | stative
    greet greets greeted greeting | saluer | p p |
    invite invites invited inviting | inviter | p p |
    thank thanks thanked thanking | remercier | p p |
    kiss kisses kissed kissing | embrasser | p p |
    help helps helped helping | aider | pa pa |
    meet meets met meeting | rencontrer | pa pa |
    call calls called calling | appeler appelle appelle appelons appelez appellent appeller appelé | p pa |
    punish punishes punished punishing | punir | p pa |
    arrest arrests arrested arresting | arrêter | p p |
    threaten threatens threatened threatening | menacer | pa pa |
    frighten frightens frightened frightening | effrayer effraie effraie effrayons effrayez effraient effraier effrayé | pa pa |
    surprise surprises surprised surprising | surprendre surprends surprend surprenons surprenez surprennent surprendr surpris | pa pa |
    attack attacks attacked attacking | attaquer | pa pa |
    save saves saved saving | sauver | pa pa |
    kill kills killed killing | tuer | pa pa |
    bite bites bit biting | mordre | a pa |
    cure cures cured curing | guérir | p pa |
    betray betrays betrayed betraying | trahir | p p |
    feed feeds fed feeding | nourrir | p pa |
    wash washes washed washing | laver | p patf |
    buy buys bought buying | acheter achète achète achetons achetez achètent achèter acheté | p atfl |
    sell sells sold selling | vendre | p atfl |
    steal steals stole stealing | voler | pa tf |
    break breaks broke breaking | casser | pa t |
    repair repairs repaired repairing | réparer | p t |
    clean cleans cleaned cleaning | nettoyer nettoie nettoie nettoyons nettoyez nettoient nettoier nettoyé | p tl |
    destroy destroys destroyed destroying | détruire détruis détruit détruisons détruisez détruisent détruir détruit | pa tl |
    build builds built building | construire construis construit construisons construisez construisent construir construit | p l |
    visit visits visited visiting | visiter | p l |
    leave leaves left leaving | quitter | pa pl |
    open opens opened opening | ouvrir ouvre ouvre ouvrons ouvrez ouvrent ouvrir ouvert | pa c |
    close closes closed closing | fermer | p c |
    drive drives drove driving | conduire conduis conduit conduisons conduisez conduisent conduir conduit | p v |
    read reads read reading | lire lis lit lisons lisez lisent lir lu | p w |
    write writes wrote writing | écrire écris écrit écrivons écrivez écrivent écrir écrit | p w |
    translate translates translated translating | traduire traduis traduit traduisons traduisez traduisent traduir traduit | p w |
    understand understands understood understanding | comprendre comprends comprend comprenons comprenez comprennent comprendr compris | p pw | stative
    eat eats ate eating | manger | pa f |
    taste tastes tasted tasting | goûter | p f |
    prepare prepares prepared preparing | préparer | p f |
    serve serves served serving | servir sers sert servons servez servent servir servi | p f |
    share shares shared sharing | partager | p f |
    give gives gave giving | donner | p atf | to
    show shows showed showing | montrer | p atfl | to
    send sends sent sending | envoyer envoie envoie envoyons envoyez envoient enverr envoyé | p tf | to
    lend lends lent lending | prêter | p at | to
    offer offers offered offering | offrir offre offre offrons offrez offrent offrir offert | p atf | to
    bring brings brought bringing | apporter | p tf | to
    obey obeys obeyed obeying | obéir | pa p | à
    answer answers answered answering | répondre | p p | à
    look_like looks_like looked_like looking_like | ressembler | pa pa | à stative
    belong_to belongs_to belonged_to belonging_to | appartenir appartiens appartient appartenons appartenez appartiennent appartiendr appartenu | tl p | à stative definite
    think_of thinks_of thought_of thinking_of | penser | p patfl | à stressed
    talk_about talks_about talked_about talking_about | parler | p patfl | de stressed
    dream_of dreams_of dreamt_of dreaming_of | rêver | pa patfl | de stressed
    need needs needed needing | avoir ai a avons avez ont aur eu | pa patfl | besoin_de stative stressed
    remember remembers remembered remembering | souvenir souviens souvient souvenons souvenez souviennent souviendr souvenu | pa patl | se de stative stressed
    make_fun_of makes_fun_of made_fun_of making_fun_of | moquer | p pa | se de stressed
    take_care_of takes_care_of took_care_of taking_care_of | occuper | p pal | se de stressed
    go_to goes_to went_to going_to | aller vais va allons allez vont ir allé | p g | à être definite
    return_to returns_to returned_to returning_to | retourner | p g | à être definite
    come_from comes_from came_from coming_from | venir viens vient venons venez viennent viendr venu | pa ig | de être definite
    enter enters entered entering | entrer | pa i | dans être
    go_out_of goes_out_of went_out_of going_out_of | sortir sors sort sortons sortez sortent sortir sorti | pa i | de être definite
    arrive arrives arrived arriving | arriver | pa - | être
    come_back comes_back came_back coming_back | revenir reviens revient revenons revenez reviennent reviendr revenu | pa - | être
    fall falls fell falling | tomber | patf - | être
    die dies died dying | mourir meurs meurt mourons mourez meurent mourr mort | pa - | être
    stay stays stayed staying | rester | pa - | être
    wake_up wakes_up woke_up waking_up | réveiller | pa - | se
    get_up gets_up got_up getting_up | lever lève lève levons levez lèvent lèver levé | pa - | se
    rest rests rested resting | reposer | pa - | se
    hurry hurries hurried hurrying | dépêcher | pa - | se
    get_dressed gets_dressed got_dressed getting_dressed | habiller | p - | se
    get_bored gets_bored got_bored getting_bored | ennuyer ennuie ennuie ennuyons ennuyez ennuient ennuier ennuyé | pa - | se
    sleep sleeps slept sleeping | dormir dors dort dormons dormez dorment dormir dormi | pa - |
    sing sings sang singing | chanter | p - |
    dance dances danced dancing | danser | pa - |
    laugh laughs laughed laughing | rire ris rit rions riez rient rir ri | p - |
    smile smiles smiled smiling | sourire souris sourit sourions souriez sourient sourir souri | p - |
    cry cries cried crying | pleurer | p - |
    run runs ran running | courir cours court courons courez courent courr couru | pa - |
    walk walks walked walking | marcher | pa - |
    swim swims swam swimming | nager | pa - |
    jump jumps jumped jumping | sauter | pa - |
    work works worked working | travailler | p - |
    travel travels travelled travelling | voyager | p - |
    lie lies lied lying | mentir mens ment mentons mentez mentent mentir menti | p - |
    snore snores snored snoring | ronfler | p - |
    shout shouts shouted shouting | crier | p - |
    tremble trembles trembled trembling | trembler | pa - |
    blush blushes blushed blushing | rougir | p - |
    flee flees fled fleeing | fuir fuis fuit fuyons fuyez fuient fuir fui | pa - |
    disappear disappears disappeared disappearing | disparaître disparais disparaît disparaissons disparaissez disparaissent disparaîtr disparu | patf - |
    burn burns burned burning | brûler | tl - |
    be_hungry | avoir ai a avons avez ont aur eu | pa - | faim
    be_thirsty | avoir ai a avons avez ont aur eu | pa - | soif
    be_right | avoir ai a avons avez ont aur eu | p - | raison
    be_wrong | avoir ai a avons avez ont aur eu | p - | tort
    be_cold | avoir ai a avons avez ont aur eu | pa - | froid
    be_afraid_of | avoir ai a avons avez ont aur eu | pa patfl | peur_de stressed
    be | être suis est sommes êtes sont ser été | patfl = |
    become becomes became becoming | devenir deviens devient devenons devenez deviennent deviendr devenu | patfl = | être
    know knows knew knowing | savoir sais sait savons savez savent saur su | p that | stative
    say says said saying | dire dis dit disons dites disent dir dit | p that |
    think thinks thought thinking | penser | p that | stative
    believe believes believed believing | croire crois croit croyons croyez croient croir cru | p that | stative
    hope hopes hoped hoping | espérer espère espère espérons espérez espèrent espérer espéré | p that | stative
    can | pouvoir peux peut pouvons pouvez peuvent pourr pu | pa modal |
    must | devoir dois doit devons devez doivent devr dû | pa modal |
    want_to wants_to | vouloir veux veut voulons voulez veulent voudr voulu | pa modal |
"""  # noqa: E501

_IMPERFECT = ("ais", "ait", "ions", "iez", "aient")
_FUTURE = ("ai", "a", "ons", "ez", "ont")
_PARTICULARS = ("être", "se", "stative", "definite", "to", "stressed")


@dataclass(frozen=True)
class Verb:
    """A verb's forms, and what it goes with.

    The persons of the French present are je, il, nous, vous and ils.
    """

    english: tuple[str, ...]
    infinitive: str
    present: tuple[str, ...]
    future_stem: str
    participle: str
    subjects: str
    objects: str
    link: str
    particulars: tuple[str, ...]

    @functools.cached_property
    def tenses(self) -> tuple[str, ...]:
        """The tenses that the verb is used in; "read" is told from "read" by none, so it has no past here."""
        tenses = ("present", "past", "progressive", "future")
        if self.is_be or "stative" in self.particulars:
            return ("present", "past", "future")
        return tenses if self.english[0] != self.english[2] else ("progressive", "future")

    @functools.cached_property
    def is_be(self) -> bool:
        """Whether English says it with "be"."""
        return self.english[0].split()[0] == "be"

    @functools.cached_property
    def is_reflexive(self) -> bool:
        """Whether French says it with "se"."""
        return "se" in self.particulars

    @functools.cached_property
    def has_agreement(self) -> bool:
        """Whether the participle agrees with the subject, as it does with être."""
        return "être" in self.particulars or self.is_reflexive

    def imperfect(self, person: int) -> str:
        """Returns a form of the imparfait."""
        stem = "ét" if self.infinitive == "être" else self.present[2].removesuffix("ons")
        return soften(stem, _IMPERFECT[person]) + _IMPERFECT[person]

    def future(self, person: int) -> str:
        """Returns a form of the futur simple."""
        return self.future_stem + _FUTURE[person]


def soften(stem: str, ending: str) -> str:
    """Spells a stem in -ge, -ç, -g or -c so that it sounds the same before any ending.

    >>> soften("mang", "ons"), soften("mange", "ions"), soften("menaç", "ions")
    ('mange', 'mang', 'menac')
    """
    stem = stem[:-1] + "c" if stem.endswith("ç") else stem[:-1] if stem.endswith("ge") else stem
    if ending[0] in "ao":
        return stem[:-1] + "ç" if stem.endswith("c") else stem + "e" * stem.endswith("g")
    return stem


def _conjugate_regular(infinitive: str) -> tuple[tuple[str, ...], str, str]:
    stem, group = infinitive[:-2], infinitive[-2:]
    if group == "er":
        present = (f"{stem}e", f"{stem}e", f"{soften(stem, 'ons')}ons", f"{stem}ez", f"{stem}ent")
        return present, infinitive, f"{stem}é"
    if group == "ir":
        return tuple(stem + end for end in ("is", "it", "issons", "issez", "issent")), infinitive, f"{stem}i"
    return tuple(stem + end for end in ("s", "", "ons", "ez", "ent")), infinitive[:-1], f"{stem}u"


def _read_verb(row: str) -> Verb:
    english, french, classes, rest = (field.split() for field in row.split("|"))
    infinitive, *forms = french
    present, future_stem, participle = (
        (tuple(forms[:5]), forms[5], forms[6]) if forms else _conjugate_regular(infinitive)
    )
    link = " ".join(word.replace("_", " ") for word in rest if word not in _PARTICULARS)
    return Verb(
        english=tuple(form.replace("_", " ") for form in english),
        infinitive=infinitive,
        present=present,
        future_stem=future_stem,
        participle=participle,
        subjects=classes[0],
        objects=classes[1],
        link=link,
        particulars=tuple(word for word in rest if word in _PARTICULARS),
    )


#: By the English base form; "avoir" is there for the passé composé alone.
VERBS = {verb.english[0]: verb for verb in map(_read_verb, _TABLE.strip().splitlines())}
AVOIR, ETRE = VERBS["need"], VERBS["be"]
