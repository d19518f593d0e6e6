"""Codes with their words that more than one field uses."""

from __future__ import annotations

from server.form.model import Option
from server.i18n import N_


def options(*pairs: tuple[str, str]) -> tuple[Option, ...]:
    return tuple(Option(value, label) for value, label in pairs)


SIDES = options(("left", N_("Left")), ("right", N_("Right")), ("both", N_("Both")), ("midline", N_("Middle")))
LIMB_SIDES = SIDES[:3]

_REGION_LABELS: dict[str, str] = {
    "head": N_("Head"), "face": N_("Face"), "neck": N_("Neck"), "shoulder": N_("Shoulder"),
    "upper_arm": N_("Upper arm"), "elbow": N_("Elbow"), "forearm": N_("Forearm"), "wrist": N_("Wrist"),
    "hand": N_("Hand"), "fingers": N_("Fingers"), "thoracic": N_("Upper back"), "low_back": N_("Low back"),
    "pelvis": N_("Pelvis"), "hip": N_("Hip"), "groin": N_("Groin"), "thigh": N_("Thigh"), "knee": N_("Knee"),
    "lower_leg": N_("Lower leg"), "ankle": N_("Ankle"), "foot": N_("Foot"), "toes": N_("Toes"),
    "chest": N_("Chest"), "abdomen": N_("Abdomen"), "arm": N_("Whole arm"), "leg": N_("Whole leg"),
    "trunk": N_("Trunk"), "other": N_("Other"),
}  # fmt: skip


def regions(*codes: str) -> tuple[Option, ...]:
    return tuple(Option(code, _REGION_LABELS[code]) for code in codes)


PAIN_REGIONS = regions(
    "head", "face", "neck", "shoulder", "upper_arm", "elbow", "forearm", "wrist", "hand", "fingers",
        "thoracic",
    "low_back", "pelvis", "hip", "groin", "thigh", "knee", "lower_leg", "ankle", "foot", "toes", "chest",
    "abdomen", "other",
)  # fmt: skip
#: C3: "midline" is for these only
MIDLINE_REGIONS = ("head", "face", "neck", "thoracic", "low_back", "chest", "abdomen", "pelvis")
JOINTS = regions(
    "neck", "shoulder", "elbow", "wrist", "hand", "fingers", "thoracic", "low_back", "hip", "knee", "ankle",
    "foot", "other",
)  # fmt: skip
MUSCLES = regions(
    "arm",
    "shoulder",
    "elbow",
    "wrist",
    "hand",
    "leg",
    "hip",
    "knee",
    "ankle",
    "foot",
    "neck",
    "trunk",
    "other",
)

PLACES = options(("home", N_("Home")), ("work", N_("Work")), ("school", N_("School")))
SETTINGS = options(
    ("home", N_("Home")),
    ("clinic", N_("Clinic")),
    ("hospital", N_("Hospital")),
    ("school", N_("School")),
    ("video", N_("Video")),
)

CONDITIONS = options(
    ("back_pain", N_("Back pain")),
    ("neck_pain", N_("Neck pain")),
    ("shoulder_tendonitis", N_("Shoulder tendonitis")),
    ("shoulder_bursitis", N_("Shoulder bursitis")),
    ("rotator_cuff_tear", N_("Rotator cuff tear")),
    ("carpal_tunnel", N_("Carpal tunnel")),
    ("arthritis", N_("Arthritis")),
    ("sports_injury", N_("Sports injury")),
    ("post_surgery", N_("After surgery")),
    ("stroke", N_("Stroke")),
    ("partial_paralysis", N_("Partial paralysis")),
    ("spinal_cord_injury", N_("Spinal cord injury")),
    ("ms", N_("Multiple sclerosis")),
    ("parkinsons", N_("Parkinson's")),
    ("cancer", N_("Cancer")),
    ("cardiovascular", N_("Heart or circulation")),
    ("other", N_("Other")),
)

#: ISO 3166-2:CA
PROVINCES = options(
    ("CA-ON", N_("Ontario")),
    ("CA-QC", N_("Quebec")),
    ("CA-AB", N_("Alberta")),
    ("CA-BC", N_("British Columbia")),
    ("CA-MB", N_("Manitoba")),
    ("CA-NB", N_("New Brunswick")),
    ("CA-NL", N_("Newfoundland and Labrador")),
    ("CA-NS", N_("Nova Scotia")),
    ("CA-NT", N_("Northwest Territories")),
    ("CA-NU", N_("Nunavut")),
    ("CA-PE", N_("Prince Edward Island")),
    ("CA-SK", N_("Saskatchewan")),
    ("CA-YT", N_("Yukon")),
)
COUNTRIES = options(("CA", N_("Canada")), ("US", N_("United States")), ("other", N_("Another country")))
