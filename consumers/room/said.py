"""What the room says to people when something is not as they expected, in Swedish and in English."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from consumers.words import Language


class Said(StrEnum):
    """The occasions."""

    WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105
    SLOWED = "SLOWED"
    BUSY = "BUSY"
    NO_ACCOUNTS = "NO_ACCOUNTS"
    STALE_FORM = "STALE_FORM"
    NO_SUCH_PAGE = "NO_SUCH_PAGE"
    NOT_YOURS = "NOT_YOURS"
    NOT_ADMINISTRATOR = "NOT_ADMINISTRATOR"
    READ_ONLY = "READ_ONLY"
    BAD_FORM = "BAD_FORM"
    CHANGED_MEANWHILE = "CHANGED_MEANWHILE"
    STALE_DRAFT = "STALE_DRAFT"
    BUS_AWAY = "BUS_AWAY"
    BUS_REFUSES = "BUS_REFUSES"
    AHEAD = "AHEAD"
    NO_SUCH_TIME = "NO_SUCH_TIME"
    SESSION_OVER = "SESSION_OVER"
    PAST_BUSY = "PAST_BUSY"
    NOT_IN_THE_PAST = "NOT_IN_THE_PAST"
    NOT_SETTLED = "NOT_SETTLED"
    NO_REPORT = "NO_REPORT"


def said(occasion: Said, language: Language, *facts: object) -> str:
    """The sentence, with its facts put in."""
    return _TEXTS[language][occasion].format(*facts)


_SWEDISH = {
    Said.WRONG_PASSWORD: "Kontot eller lösenordet stämmer inte.",
    Said.SLOWED: "För många misslyckade försök. Vänta {} s och försök igen.",
    Said.BUSY: "Just nu loggar många in. Försök igen om en stund.",
    Said.NO_ACCOUNTS: "Den här hubben har inga konton än. Den som sköter den lägger upp ett med: ntsg room user add",
    Said.STALE_FORM: "Sidan var för gammal eller hör till en annan inloggning. Läs in den på nytt och försök igen.",
    Said.NO_SUCH_PAGE: "Sidan finns inte.",
    Said.NOT_YOURS: "Ditt konto får läsa men inte agera.",
    Said.NOT_ADMINISTRATOR: "Det är för den som har rollen administratör.",
    Said.READ_ONLY: "Den här hubben har inga behörigheter att agera med; den visar bara bilden.",
    Said.BAD_FORM: "Det går inte att skicka: {}",
    Said.CHANGED_MEANWHILE: "{} har ändrats under tiden: revision {} gäller nu, du såg {}. Läs den och gör om.",
    Said.STALE_DRAFT: "Förhandsgranskningen gäller inte längre. Gör om den.",
    Said.BUS_AWAY: "Bussen svarar inte, så inget besked om leverans har kommit. Skicka igen; det blir inte dubbelt.",
    Said.BUS_REFUSES: "Bussen tar inte emot det: {}",
    Said.AHEAD: "Den tidpunkten har inte varit än.",
    Said.NO_SUCH_TIME: "Den tiden finns inte. Natten till sommartid hoppar klockan från 02.00 till 03.00.",
    Said.SESSION_OVER: "Inloggningen har gått ut. Logga in igen, så kommer du tillbaka dit där du var.",
    Said.PAST_BUSY: "Flera äldre lägesbilder räknas redan fram. Försök igen om en stund.",
    Said.NOT_IN_THE_PAST: "Du ser en äldre bild. Gå till nuläget innan du agerar.",
    Said.NO_REPORT: "Rapporten kunde inte göras eller läsas: {}",
    Said.NOT_SETTLED: "Hubben har inte hela bilden just nu. Vänta tills den är i takt innan du agerar.",
}

_ENGLISH = {
    Said.WRONG_PASSWORD: "The account or the password is wrong.",
    Said.SLOWED: "Too many failed attempts. Wait {} s and try again.",
    Said.BUSY: "Many are signing in right now. Try again in a moment.",
    Said.NO_ACCOUNTS: "This hub has no accounts yet. Whoever runs it adds one with: ntsg room user add",
    Said.STALE_FORM: "The page was too old, or belongs to another session. Load it anew and try again.",
    Said.NO_SUCH_PAGE: "There is no such page.",
    Said.NOT_YOURS: "Your account may read, not act.",
    Said.NOT_ADMINISTRATOR: "That is for whoever has the role of administrator.",
    Said.READ_ONLY: "This hub has no credentials to act with; it only shows the picture.",
    Said.BAD_FORM: "This cannot be sent: {}",
    Said.CHANGED_MEANWHILE: "{} was changed meanwhile: revision {} holds now, you saw {}. Read it, then act again.",
    Said.STALE_DRAFT: "The preview does not hold any more. Make it anew.",
    Said.BUS_AWAY: "The bus does not answer, so there is no receipt. Send it again; it will not count twice.",
    Said.BUS_REFUSES: "The bus does not take it: {}",
    Said.AHEAD: "That instant has not been yet.",
    Said.NO_SUCH_TIME: "There is no such time. In the night to summer time the clock leaps from 02:00 to 03:00.",
    Said.SESSION_OVER: "Your session has ended. Log in again, and you come back to where you were.",
    Said.PAST_BUSY: "Several pictures of the past are being made already. Try again in a moment.",
    Said.NOT_IN_THE_PAST: "You look at an older picture. Go to now before you act.",
    Said.NO_REPORT: "The report could not be made or read: {}",
    Said.NOT_SETTLED: "The hub does not have the whole picture right now. Wait until it has before you act.",
}

_TEXTS: Mapping[Language, Mapping[Said, str]] = {Language.SWEDISH: _SWEDISH, Language.ENGLISH: _ENGLISH}
