"""What each conflict says in English, given its facts. Staff read it in their language, from the same facts."""

from __future__ import annotations

TEXTS = {
    "C01": "{about} ({impact}, {starts_at} to {ends_at}) is planned where others have trouble (incidents: {count}): "
    "postpone it, or agree with them",
    "C02": "{about} ({impact}, {starts_at} to {ends_at}) lies beside works of others on the same kind of service "
    "({count}): move one, or check that a way round remains",
    "C03": "{about} ({impact}, {starts_at} to {ends_at}) lies in a freeze: postpone it, or have an exception made",
    "C04.INCIDENT": "{about} sends users to {hosts}, who has trouble there itself ({impact}): check that the host "
    "can carry them",
    "C04.LOAD": "{about} sends users to {hosts}, whose network is nearly full: check that the host can carry them",
    "C05": "{hosts} is overloaded since after {about} began ({since}): is the roaming the cause? Restrict or end it",
    "C06": "{about} cannot help {guests}, whose own core network is down: choose another measure",
    "C07": "{operator} still sends radio while calls fail ({about}): phones do not look for another network for "
    "112. Ask for the radio to be switched off",
    "C08": "{about} ({type}) is worked against by others ({types}): agree on which is to hold",
    "C09.ALIKE": "{about} reads like other offers of the same operator to other requests (offers: {count}): is it "
    "one thing, promised twice?",
    "C09.SHARED": "{about} is promised to several requests ({count}): agree on who gets it",
    "C09.TWICE": "{about} is promised more than it asks for (offers: {count}): release one for others",
    "C10.FORGOTTEN": "{about} ({type}) is active, but what it was for is over: is it to end?",
    "C10.OVERDUE": "{about} ({type}) is active past its planned end, {planned_end}: is it to end or to go on?",
    "C11": "{about} ({type}) depends on infrastructure that fails (incidents: {count}): choose another way",
    "C12": "{about} is expected to be over at {expected}, but waits for what is expected to last until {awaited}: "
    "ask for a new forecast",
    "C13.CYCLE": "{about} and others name each other as the cause: ask them which came first",
    "C13.DISPUTED": "the cause that {about} gives is disputed: bring the two together",
    "C14": "{about} is declared as severity {declared} and computed as {computed}: ask what the operators know "
    "that is not told, or what they overlook",
    "C15": "{centre} has trouble with 112 that no operator there tells of ({about}): ask all operators there",
    "C16.DEGRADED": "all {count} mobile operators have trouble in {area}: no network to fall back on",
    "C16.OUTAGE": "all {count} mobile operators are out in {area}: nobody can call 112 by mobile phone",
    "C17": "{about} ({type}) leads to a route without a way round ({count}): one more fault would stop it",
    "C18.BEFORE_POWER": "backup energy of {about} ends at {backup_until}, before power returns at {power_return}: "
    "send fuel or a generator",
    "C18.SOON": "backup energy of {about} ends at {backup_until}, and nobody says when power returns: send fuel or "
    "a generator",
}
"""By rule, or by rule and case."""
