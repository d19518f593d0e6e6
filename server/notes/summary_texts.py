"""The sentences of the patient's summary: plain words, grade 6 or below in English (measured by a test).

Model texts: CLINICAL.md, section 3. The French is written for itself in ``locales/fr/notes.po``.
"""

from __future__ import annotations

from server.i18n import N_

PROFESSION = {"PT": N_("physiotherapist"), "OT": N_("occupational therapist")}

MET = {
    "video": N_("You met %(name)s, %(profession)s, by video on %(date)s."),
    "in_person": N_("You met %(name)s, %(profession)s, in person on %(date)s."),
    "phone_fallback": N_("You spoke with %(name)s, %(profession)s, by phone on %(date)s."),
}

GOAL = N_("You want to reach this: %(goal)s")
HARD_NOW = N_("These things are hard for you now (0 means you can't do it, 10 means as well as before):")
ACTIVITY = N_("%(activity)s: %(score)s out of 10")

SUGGESTION: dict[str, tuple[str, ...]] = {
    "pt": (N_("We suggest that you see a physiotherapist (PT)."),),
    "ot": (N_("We suggest that you see an occupational therapist (OT)."),),
    "pt_then_ot": (
        N_("We suggest that you see a physiotherapist (PT) first."),
        N_("The PT will help you get strength and movement back."),
        N_("Then see an occupational therapist (OT). The OT will help you use what you got back in your day."),
    ),
    "ot_then_pt": (
        N_("We suggest that you see an occupational therapist (OT) first."),
        N_("The OT will help to make your home safe and your day easier."),
        N_("Then see a physiotherapist (PT). The PT will help you move better."),
    ),
    "concurrent": (
        N_("We suggest that you see a physiotherapist (PT) and an occupational therapist (OT)."),
        N_("You can start with both at the same time."),
    ),
    "urgent_E": (
        N_("You need medical care now. Call 9-1-1 or go to an emergency department."),
        N_("We can talk about therapy when a doctor has seen you."),
    ),
    "urgent_S": (
        N_("You need to see a doctor today."),
        N_("We can talk about therapy when a doctor has seen you."),
    ),
    "urgent_P": (
        N_("You need to see a doctor or a nurse practitioner in the next few days."),
        N_("We can talk about therapy when they have seen you."),
    ),
    "in_person_assessment": (
        N_("We suggest that a therapist sees you in person."),
        N_("By video we could not see all that we need to know."),
    ),
    "none_self_care": (
        N_("You do not need therapy now."),
        N_("You can look after this yourself with the advice below."),
    ),
}

WHY_HEADING = N_("Why we suggest this:")
WHY: dict[str, str] = {
    "rP1": N_("Your joints do not move as far as they should."),
    "rP2": N_("You have lost some strength."),
    "rP3": N_("Walking is hard for you."),
    "rP4": N_("You want to be steady on your feet and not fall."),
    "rP5": N_("You got hurt in sports."),
    "rP6": N_("Your back, your neck or your joints bother you."),
    "rP7": N_("You are healing after surgery."),
    "rP8": N_("Your health makes it harder to move."),
    "rP9": N_("You get tired fast."),
    "rO1": N_("You need help to wash, dress, eat or use the toilet."),
    "rO2": N_("You need help to get in and out of a bed or a chair."),
    "rO3": N_("Some daily tasks are hard to do alone."),
    "rO4": N_("Some tasks are hard for your hands."),
    "rO5": N_("Trouble with memory or focus gets in the way of your day."),
    "rO6": N_("Some things at home, at work or at school get in your way."),
    "rO7": N_("You want to work on your bladder or bowel control."),
    "rG1": N_("You want to move better or get back to a sport."),
    "rG2": N_("You want your daily tasks to go better."),
}
WHY_TALK = N_("This comes from what you told us and what we saw.")

WHAT_PT = (
    N_("A physiotherapist (PT) helps you move better."),
    N_("You work on strength, joint movement, walking and pain."),
    N_("You may do exercises, hands-on treatment or pool exercises."),
    N_("Your PT also teaches you what helps at home."),
)
WHAT_OT = (
    N_("An occupational therapist (OT) helps you do the daily tasks that matter to you."),
    N_("This can be getting dressed, washing, eating, using the toilet or writing."),
    N_("It can be moving from a wheelchair to your bed."),
    N_("An OT can also change how your home, work or school is set up."),
    N_("Some people do memory or puzzle tasks, too."),
)
WHAT_BOTH = (
    N_("PTs and OTs both train at university. Both must follow rules set by law."),
    N_("Both can help with pain, movement and choosing equipment."),
    N_("You can see them at home, in a clinic, in a hospital or at school."),
)

MAY_DO = {
    "N5": N_("With your PT you may do this: %(list)s."),
    "N6": N_("With your OT you may work on this: %(list)s."),
}
PLAIN: dict[str, str] = {
    "manual_therapy": N_("hands-on treatment"),
    "specific_exercises": N_("exercises for one part of the body"),
    "whole_body_activity": N_("moves for the whole body"),
    "hydrotherapy": N_("pool exercises"),
    "education_advice": N_("tips for home"),
    "stretching": N_("stretching"),
    "dry_needling": N_("dry needling"),
    "taping": N_("taping"),
    "eating": N_("eating"),
    "dressing": N_("getting dressed"),
    "bathing": N_("washing"),
    "toileting": N_("using the toilet"),
    "wheelchair_bed_transfer": N_("moving from a wheelchair to your bed"),
    "continence_training": N_("bladder or bowel control"),
    "home_set_up": N_("how your home is set up"),
    "work_set_up": N_("how your work is set up"),
    "school_set_up": N_("how your school is set up"),
    "cognitive_tasks": N_("memory or puzzle tasks"),
    "hand_eye_tasks": N_("tasks for hand and eye"),
    "relearn_writing_hand_use": N_("writing and using your hand"),
}

START_SECOND = {
    "pt_then_ot": N_("Start with the OT when: %(criterion)s"),
    "ot_then_pt": N_("Start with the PT when: %(criterion)s"),
}
DOSE = (N_("Plan one visit %(place)s."), N_("Plan about %(n)s visits %(place)s."))
PLACE = {
    "home": N_("at home"),
    "clinic": N_("at the clinic"),
    "hospital": N_("at the hospital"),
    "school": N_("at school"),
    "video": N_("by video"),
}
BOOK = N_("Call us to book.")
FOLLOW_UP = {
    "video": N_("Next talk: %(date)s, by video, with %(who)s."),
    "in_person": N_("Next visit: %(date)s, in person, with %(who)s."),
    "phone": N_("Next talk: %(date)s, by phone, with %(who)s."),
}
NO_FOLLOW_UP = N_("You do not need to come back. Call us if something changes.")
SHARED = N_("You said we may share this visit with: %(to)s.")
NOT_SHARED = N_("You asked us not to share this visit. We will not send it to anyone.")
ADVICE = N_("Our advice for now: %(advice)s")

HELP = (
    N_("Call 9-1-1 now if your face droops, your arm is weak or your speech is slurred."),
    N_("Call 9-1-1 if you have chest pain or trouble breathing."),
    N_("Go to an emergency department now if you have back pain and you go numb between your legs."),
    N_("Go now if you lose control of your bladder or bowel."),
    N_("Thoughts of suicide? Call or text 9-8-8, day or night."),
    N_("Call us if you get worse or something new starts. At night, call Health811 at 8-1-1."),
)

RECORD = (
    N_("You can ask to read your record. You can ask us to fix a mistake in it."),
    N_("Do you have a question about privacy or want to complain? Call the clinic."),
    N_("You can also write to the college of your therapist. It sets the rules for our work."),
)
SIGNED = N_("Signed by %(name)s, %(profession)s, on %(date)s.")

NOT_COMPLETED = N_("Your visit on %(date)s was not completed.")
NOT_COMPLETED_WHY = {
    "technical": N_("The call did not work well enough."),
    "patient_left": N_("You left before the end."),
    "consent_refused": N_("You did not agree to go on. That is your right."),
    "no_identity": N_("We could not be sure who was on the call."),
    "other": N_("Something came up, and we had to stop."),
}
NO_SUGGESTION = N_("So we have no suggestion for you yet.")
OFFERED = N_("What we can do next: %(offered)s")
