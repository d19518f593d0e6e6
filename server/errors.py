"""Errors sorted by who must hear them: the person, or the operator. One table maps them to status and words."""

from __future__ import annotations

from collections.abc import Sequence

from server.i18n import N_


class SettingsError(Exception):
    """The operator's: settings that cannot be used. ``problems`` has one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class PersonError(Exception):
    """The person's: says what happened and what to do. ``code`` is a key of :data:`WORDS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def status(self) -> int:
        return WORDS[self.code][0]


class IllegalTransition(PersonError):
    """A change that the table of visit states does not have. It changed nothing."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__("not_possible_now")
        self.state, self.event = state, event


#: code -> (HTTP status, title, what it means and what to do)
WORDS: dict[str, tuple[int, str, str]] = {
    "not_found": (404, N_("This page does not exist"), N_("Check the address, or start again from the home page.")),
    "no_such_visit": (
        404,
        N_("We do not know this visit"),
        N_("The address may be incomplete. Open the whole link again, or call the clinic: we can find your visit."),
    ),
    "not_allowed": (
        403,
        N_("You cannot open this page"),
        N_("You are signed in with an account that does not have this right."),
    ),
    "form_expired": (
        403,
        N_("This form could not be checked"),
        N_("Nothing was saved. Go back, load the page again and send it once more."),
    ),
    "taken": (
        409,
        N_("Another therapist has just admitted this patient"),
        N_("Nothing else changed. Your queue shows who is still waiting."),
    ),
    "busy": (409, N_("You are already in a visit"), N_("End the visit that is open before you admit someone else.")),
    "not_possible_now": (
        409,
        N_("That is no longer possible"),
        N_("The visit has moved on since you opened this page. Load the page again to see where it is."),
    ),
    "slot_taken": (
        409,
        N_("That time has just been taken"),
        N_("Nothing was changed. Go back and choose another time."),
    ),
    "slot_not_over": (
        409,
        N_("This appointment is not over yet"),
        N_("The patient may still come. You can mark a no-show once the time of the appointment is over."),
    ),
    "line_length": (
        422,
        N_("A line of 3 to 300 characters is needed"),
        N_("Nothing was changed. Go back, write the line and send it once more."),
    ),
    "nobody_next": (
        409,
        N_("Nobody is next for you now"),
        N_("Whoever waits is away, speaks another language or has been admitted. Your list shows who is there."),
    ),
    "not_enough": (
        422,
        N_("The two records do not agree enough"),
        N_("Nothing was linked. Two of name, date of birth and phone must be the same in both."),
    ),
    "no_such_colleague": (
        422,
        N_("Nobody here can take this visit"),
        N_("The person you chose does not take patients now, or has another profession. Choose somebody else."),
    ),
    "message_empty": (422, N_("Your message is empty"), N_("Write a few words, or choose one of the answers.")),
    "message_long": (
        422,
        N_("Your message is too long"),
        N_("It was not sent. Go back and make it shorter: 500 characters at most."),
    ),
    "not_invited": (
        404,
        N_("This invitation is not valid"),
        N_("It may be over, or the link is incomplete. Ask whoever sent it to you, or call the clinic."),
    ),
    "too_many_guests": (
        409,
        N_("Nobody more can be invited"),
        N_("At most two more people can take part. Take one invitation back before you make another."),
    ),
    "note_changed": (
        409,
        N_("This note was changed in another window"),
        N_("Your text is still on this page. Copy what you need, then load the page again."),
    ),
    "note_signed": (409, N_("This note is signed"), N_("A signed note cannot be changed.")),
    "too_large": (413, N_("That was too long to send"), N_("Shorten your text and send it again.")),
    "too_many": (429, N_("Too many tries"), N_("Wait a few minutes and try again, or call the clinic.")),
    "broken": (
        500,
        N_("Something went wrong on our side"),
        N_(
            "Please try again in a minute. If you are waiting for a visit, your place is kept. You can also call the clinic."
        ),
    ),
    "unavailable": (503, N_("The service is not ready"), N_("Please try again in a minute. Your place is kept.")),
}
