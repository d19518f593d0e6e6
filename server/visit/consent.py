"""The consent that a patient gives before the visit. A text never changes under its version: a new text is a new version."""

from __future__ import annotations

from dataclasses import dataclass

from server.i18n import N_


@dataclass(frozen=True, slots=True)
class Consent:
    version: str
    paragraphs: tuple[str, ...]


CONSENTS = (
    Consent(
        "2026-11",
        (
            N_(
                "This is a free 20-minute video visit with a licensed physiotherapist or occupational therapist. It does not replace emergency care."
            ),
            N_("By video the therapist cannot touch or test everything. They may ask you to be seen in person."),
            N_(
                "Sound and picture go encrypted from your browser to the therapist's. Nothing is recorded. A call can break off; we then phone you."
            ),
            N_(
                "The therapist writes a note. The law asks the clinic to keep it. You may ask to see it, or to have it corrected."
            ),
            N_("We ask where you are so that help can find you in an emergency. You can stop at any time."),
        ),
    ),
)
CURRENT = CONSENTS[-1]
