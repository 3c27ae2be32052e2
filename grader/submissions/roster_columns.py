"""Which columns of a class list hold a name and which an id, in the languages of its platforms."""

import unicodedata
from collections.abc import Iterable, Sequence

# As Canvas, Gradescope, Moodle, Brightspace, Blackboard, GitHub Classroom and offices write them;
# how a header is cased, accented, hyphenated or underlined does not count.
WHOLE = (
    "Student", "Name", "Full name", "Student name", "Display name", "Vollständiger Name",
    "Nom complet", "Nombre completo", "Nome completo", "Volledige naam", "ФИО", "姓名", "氏名",
    "이름", "Nom", "Nombre", "Nome", "Naam", "Имя", "Identifier",
)  # fmt: skip
# Family name and given name: a word of one language may mean the other in another.
PARTS = (
    ("Last name", "First name"), ("Lastname", "Firstname"), ("Surname", "First name"),
    ("Surname", "Given name"), ("Family name", "Given name"), ("Family name", "First name"),
    ("Last name", "Given name"), ("Nachname", "Vorname"), ("Nom de famille", "Prénom"),
    ("Nom", "Prénom"), ("Cognoms", "Nom"), ("Apellido(s)", "Nombre"), ("Apellidos", "Nombre"),
    ("Apellidos", "Nombres"), ("Cognome", "Nome"), ("Sobrenome", "Nome"), ("Apelido", "Nome"),
    ("Achternaam", "Voornaam"), ("Efternamn", "Förnamn"), ("Efternavn", "Fornavn"),
    ("Etternavn", "Fornavn"), ("Sukunimi", "Etunimi"), ("Nazwisko", "Imię"),
    ("Příjmení", "Jméno"), ("Soyad", "Ad"), ("Фамилия", "Имя"), ("姓", "名"),
)  # fmt: skip
IDS = (
    "ID", "SIS User ID", "SIS Login ID", "SID", "Student ID", "Student number", "ID number",
    "Username", "User name", "Login", "Login ID", "NetID", "Email", "Email address", "Mail",
    "Matrikelnummer", "OrgDefinedId", "Display ID", "UserID", "User ID", "Number", "Roll number",
    "GitHub username", "ID-Nummer", "Anmeldename", "E-Mail-Adresse", "Numéro d'identification",
    "Numéro étudiant", "Nom d'utilisateur", "Adresse de courriel", "Adresse e-mail", "Número de ID",
    "Nombre de usuario", "Matrícula", "Dirección de correo", "Correo electrónico", "Numero ID",
    "Matricola", "Indirizzo email", "Número de identificação", "Endereço de e-mail",
    "Studentnummer", "ID-nummer", "Gebruikersnaam", "E-mailadres", "Numer albumu", "Adres e-mail",
    "学号", "学籍番号", "학번", "Индивидуальный номер", "Адрес электронной почты",
)  # fmt: skip


def plain(text: str) -> list[str]:
    """Return the words of a name or a header, without case, accents and signs."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss")).casefold()
    kept = "".join(
        c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in decomposed
    )
    return kept.split()


def key(header: str) -> str:
    """Return a header as it is compared."""
    return "".join(plain(header))


class Columns:
    """The columns of a table that say who somebody is; `names` and `ids` are their places."""

    def __init__(self, header: Sequence[str]) -> None:
        self._places = {key(text): at for at, text in reversed([*enumerate(header)]) if key(text)}
        self.family, self.given = self._parts()
        self.whole = self._found(WHOLE)
        self.ids = self._found(IDS)

    @property
    def has_names(self) -> bool:
        return bool(self.whole) or self.family is not None

    def place(self, *headers: str) -> int | None:
        """Return the place of the first of some headers, None where there is none of them."""
        return next(iter(self._found(headers)), None)

    def has(self, headers: Iterable[str]) -> bool:
        return all(key(one) in self._places for one in headers)

    def _found(self, headers: Iterable[str]) -> tuple[int, ...]:
        known = (self._places.get(key(one)) for one in headers)
        return tuple(dict.fromkeys(at for at in known if at is not None))

    def _parts(self) -> tuple[int | None, int | None]:
        for family, given in PARTS:
            if self.has((family, given)):
                return self.place(family), self.place(given)
        families = (family for family, _ in PARTS[:8])  # words that mean nothing else elsewhere
        return self.place(*families), None
