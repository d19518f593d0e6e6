"""Who hears what: by example, and for any message of anybody in any state."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.bucket import Bucket
from signaling.calls import Leg
from signaling.messages import (
    Admit,
    Chat,
    Chats,
    Confirm,
    Description,
    Got,
    Hello,
    IceCandidate,
    Leave,
    Media,
    NeedOffer,
    PageMessage,
    PeerCandidate,
    PeerDescription,
    PeerNeedOffer,
    PeerSafety,
    PeerStatus,
    Phone,
    QualitySample,
    Refusal,
    Safety,
    SafetyStep,
    Skip,
    Status,
)
from signaling.switch import (
    AskOffer,
    Do,
    Effect,
    Forward,
    Negotiated,
    Negotiation,
    Refuse,
    Sender,
    decide,
    first_offer,
)
from signaling.visits import CallState, Role

SDP = Path(__file__).parent / "sdp"
OFFER = (SDP / "chromium-156-call-offer.sdp").read_bytes().decode()
ANSWER = (SDP / "chromium-156-call-answer.sdp").read_bytes().decode()
OFFERED, ANSWERED = Leg("BdnQ", "pbeycMPyc7GS7Fxs86Lh1H10"), Leg("nXLe", "AxyFDBO1bIn7XkuO338uclXp")
HOST = "candidate:1252415304 1 udp 2122194687 192.168.1.20 51946 typ host generation 0"

LI, ANA, STRANGER = "therapistPageInstance0", "patientPageInstance000", "anotherPageInstance000"
LI_PAGE, ANA_PAGE = Sender("therapist", LI, "v"), Sender("patient", ANA, "v")
WAITING = CallState("v", "waiting", "relay", None, ANA, 0)
OPEN = CallState("v", "in_session", "relay", LI, ANA, 100, staff="li")
DIRECT = replace(OPEN, policy="direct+relay")
OVER = replace(OPEN, phase="over")

offer = Description(to=ANA, seq=1, kind="offer", generation=0, sdp=OFFER)
answer = Description(to=LI, seq=1, kind="answer", generation=0, sdp=ANSWER)
candidate = IceCandidate(to=ANA, seq=2, generation=0, candidate=HOST, mid="0")
OF_A_CALL: list[PageMessage] = [
    Confirm(), offer, answer, candidate, NeedOffer(to=LI, seq=1), Status(to=LI, seq=1, muted=True, camera_off=False),
    Safety(to=LI, seq=1, run=1, step="nonce", value="n" * 22), Got(to=LI, seq=1), Media(state="connected", path="relay", generation=0),
    Chat(id=LI, text="Hello"), Chats(after=0), Phone(on=True),
    QualitySample(loss_in=0, loss_out=0, rtt_ms=9, jitter_ms=1, kbps_in=1, kbps_out=1, state="good", path=None),
]  # fmt: skip


def refusal(effects: list[Effect]) -> str:
    assert isinstance(effects[0], Refuse)
    return effects[0].message.code


@pytest.mark.parametrize("message", OF_A_CALL, ids=lambda message: message.type)
@pytest.mark.parametrize("state", [None, WAITING, OVER], ids=["none", "waiting", "over"])
@pytest.mark.parametrize("sender", [LI_PAGE, ANA_PAGE], ids=["therapist", "patient"])
def test_outside_of_an_admission_nobody_hears_anything(
    message: PageMessage, state: CallState | None, sender: Sender
) -> None:
    effects = decide(message, sender, state, None)
    assert refusal(effects) == "not_admitted"
    assert len(effects) == 1


def test_an_offer_goes_to_the_patient_without_candidates_and_is_remembered() -> None:
    remembered, forward = decide(offer, LI_PAGE, OPEN, None)
    assert remembered == Negotiated(LI, ANA, Negotiation(0, OFFERED))
    assert isinstance(forward, Forward)
    assert (forward.role, forward.to) == ("patient", ANA)
    assert isinstance(forward.message, PeerDescription)
    assert (forward.message.sender, forward.message.role) == (LI, "therapist")
    assert "a=candidate" not in forward.message.sdp


def test_the_answer_completes_the_credentials() -> None:
    remembered, forward = decide(answer, ANA_PAGE, OPEN, Negotiation(0, OFFERED))
    assert remembered == Negotiated(LI, ANA, Negotiation(0, OFFERED, ANSWERED))
    assert isinstance(forward, Forward)
    assert forward.to == LI


def test_an_answer_to_an_unknown_offer_asks_for_another() -> None:
    effects = decide(answer, ANA_PAGE, OPEN, None)
    assert effects[0] == Negotiated(LI, ANA, Negotiation(0, None, ANSWERED))
    assert isinstance(effects[1], Forward)
    assert effects[2] == AskOffer(LI, ANA)


def test_an_old_offer_is_kept_back_without_leaving_a_hole() -> None:
    assert decide(offer, LI_PAGE, OPEN, Negotiation(1, OFFERED, ANSWERED)) == [
        Forward("patient", ANA, Skip(sender=LI, role="therapist", seq=1))
    ]


def test_a_generation_keeps_its_credentials() -> None:
    other = Leg("else", "x" * 22)
    no, skip = decide(offer, LI_PAGE, OPEN, Negotiation(0, other))
    assert refusal([no]) == "bad_sdp"
    assert isinstance(skip, Forward)
    assert isinstance(skip.message, Skip)
    assert refusal(decide(offer, LI_PAGE, OPEN, Negotiation(0, None, replace(ANSWERED, ufrag="BdnQ")))) == "bad_sdp"


def test_the_same_offer_again_is_forwarded_again() -> None:
    effects = decide(offer, LI_PAGE, OPEN, Negotiation(0, OFFERED, ANSWERED))
    assert effects[0] == Negotiated(LI, ANA, Negotiation(0, OFFERED, ANSWERED))
    assert isinstance(effects[1], Forward)


@pytest.mark.parametrize(
    "sender, message",
    [(ANA_PAGE, offer.model_copy(update={"to": LI})), (LI_PAGE, answer.model_copy(update={"to": ANA}))],
)
def test_only_the_therapists_page_offers(sender: Sender, message: Description) -> None:
    no, skip = decide(message, sender, OPEN, None)
    assert refusal([no]) == "wrong_role"
    assert isinstance(skip, Forward)


def test_candidates_pass_by_policy() -> None:
    assert decide(candidate, LI_PAGE, OPEN, None) == [Forward("patient", ANA, Skip(sender=LI, role="therapist", seq=2))]
    assert decide(candidate, LI_PAGE, DIRECT, None) == [
        Forward(
            "patient", ANA, PeerCandidate(sender=LI, role="therapist", seq=2, generation=0, candidate=HOST, mid="0")
        )
    ]
    bad = candidate.model_copy(update={"candidate": HOST.replace("192.168.1.20", "router.example")})
    assert refusal(decide(bad, LI_PAGE, DIRECT, None)) == "bad_candidate"


def test_only_the_therapist_shares_a_screen_or_asks_for_a_view() -> None:
    def passed_on(sender: Sender, to: str) -> PeerStatus:
        said = Status(to=to, seq=1, muted=False, camera_off=False, away="phone", sharing=True, guide="hand")
        (effect,) = decide(said, sender, OPEN, None)
        assert isinstance(effect, Forward)
        assert isinstance(effect.message, PeerStatus)
        return effect.message

    by_therapist, by_patient = passed_on(LI_PAGE, ANA), passed_on(ANA_PAGE, LI)
    assert (by_therapist.sharing, by_therapist.guide, by_therapist.away) == (True, "hand", "phone")
    assert (by_patient.sharing, by_patient.guide, by_patient.away) == (False, "", "phone")


def test_need_offer_comes_from_the_patients_page_alone() -> None:
    assert decide(NeedOffer(to=LI, seq=4), ANA_PAGE, OPEN, None) == [
        Forward("therapist", LI, PeerNeedOffer(sender=ANA, role="patient", seq=4))
    ]
    assert refusal(decide(NeedOffer(to=ANA, seq=4), LI_PAGE, OPEN, None)) == "wrong_role"


SAFETY: dict[SafetyStep, tuple[int, set[str]]] = {
    "commit": (43, {"therapist"}),
    "nonce": (22, {"patient"}),
    "reveal": (22, {"therapist"}),
    "mismatch": (0, {"patient"}),
    "unable": (0, {"therapist", "patient"}),
}


@pytest.mark.parametrize("step", SAFETY)
@pytest.mark.parametrize("sender, to", [(LI_PAGE, ANA), (ANA_PAGE, LI)], ids=["therapist", "patient"])
def test_each_step_of_the_safety_words_is_for_one_role(step: SafetyStep, sender: Sender, to: str) -> None:
    length, roles = SAFETY[step]
    said = Safety(to=to, seq=7, run=2, step=step, value="v" * length)
    other: Role = "patient" if sender.role == "therapist" else "therapist"
    effects = decide(said, sender, OPEN, None)
    if sender.role in roles:
        heard = PeerSafety(sender=sender.instance, role=sender.role, seq=7, run=2, step=step, value="v" * length)
        assert effects == [Forward(other, to, heard)]
    else:
        assert refusal(effects) == "wrong_role"
        assert effects[1:] == [Forward(other, to, Skip(sender=sender.instance, role=sender.role, seq=7))]


def test_a_page_that_is_not_current_speaks_to_nobody() -> None:
    old = Sender("therapist", STRANGER, "v")
    for message in OF_A_CALL:
        assert refusal(decide(message, old, OPEN, None)) == "not_current"


def test_nobody_is_addressed_but_the_peer() -> None:
    for message in (offer, candidate, Status(to=ANA, seq=1, muted=True, camera_off=True), Got(to=ANA, seq=1),
                    Safety(to=ANA, seq=1, run=1, step="unable", value="")):  # fmt: skip
        for to in (STRANGER, LI):
            assert refusal(decide(message.model_copy(update={"to": to}), LI_PAGE, OPEN, None)) == "bad_peer"


def test_the_offer_of_an_admission_is_the_first_message_to_the_patients_page() -> None:
    admitted = replace(WAITING, phase="admitted", therapist_page=LI)
    assert admitted.patient_page == ANA
    offer = first_offer(Admit(visit="v", offer="sdp"), admitted)
    assert offer == Description(to=ANA, seq=1, kind="offer", generation=0, sdp="sdp")
    assert first_offer(Admit(visit="v"), admitted) is None
    assert first_offer(Admit(visit="v", offer="sdp"), replace(admitted, patient_page=None)) is None


def test_only_a_therapist_admits_and_only_a_patient_confirms() -> None:
    admit = Admit(visit="v")
    assert decide(admit, Sender("therapist", LI, None), None, None) == [Do(admit)]
    assert refusal(decide(admit, ANA_PAGE, WAITING, None)) == "wrong_role"
    assert decide(Confirm(), ANA_PAGE, OPEN, None) == [Do(Confirm())]
    assert refusal(decide(Confirm(), LI_PAGE, OPEN, None)) == "wrong_role"
    assert decide(Leave(), ANA_PAGE, WAITING, None) == [Do(Leave())]
    assert refusal(decide(Hello(instance=LI, fresh=True), LI_PAGE, OPEN, None)) == "bad_message"


instances = st.sampled_from([LI, ANA, STRANGER])
seqs = st.integers(1, 9)
generations = st.integers(0, 2)
any_message = st.one_of(
    st.builds(Admit, visit=st.just("v"), offer=st.none() | st.text(min_size=1, max_size=9)),
    st.just(Confirm()),
    st.just(Leave()),
    st.builds(Got, to=instances, seq=seqs),
    st.builds(NeedOffer, to=instances, seq=seqs),
    st.builds(Status, to=instances, seq=seqs, muted=st.booleans(), camera_off=st.booleans(),
              away=st.sampled_from(["", "phone", "hidden"]), sharing=st.booleans(), guide=st.sampled_from(["", "body"])),
    st.builds(Safety, to=instances, seq=seqs, run=st.just(1), step=st.sampled_from(["nonce", "reveal"]),
              value=st.just("n" * 22)),
    st.builds(Media, state=st.sampled_from(["connected", "lost"]), path=st.none(), generation=generations),
    st.builds(Description, to=instances, seq=seqs, kind=st.sampled_from(["offer", "answer"]),
              generation=generations, sdp=st.sampled_from([OFFER, ANSWER, "v=0"])),
    st.builds(IceCandidate, to=instances, seq=seqs, generation=generations,
              candidate=st.sampled_from([HOST, "", "junk"]), mid=st.just("0")),
)  # fmt: skip
any_state = st.one_of(
    st.none(),
    st.builds(
        CallState,
        visit=st.just("v"),
        phase=st.sampled_from(["waiting", "admitted", "in_session", "over"]),
        policy=st.sampled_from(["relay", "direct+relay"]),
        therapist_page=st.none() | instances,
        patient_page=st.none() | instances,
        relay_expires=st.just(1.0),
    ),
)
any_negotiation = st.none() | st.builds(
    Negotiation,
    generation=generations,
    offer=st.sampled_from([None, OFFERED]),
    answer=st.sampled_from([None, ANSWERED]),
)
any_sender = st.builds(Sender, role=st.sampled_from(["patient", "therapist"]), instance=instances, visit=st.just("v"))


@given(any_message, any_sender, any_state, any_negotiation)
def test_for_any_message_of_anybody(
    message: PageMessage, sender: Sender, state: CallState | None, negotiation: Negotiation | None
) -> None:
    effects = decide(message, sender, state, negotiation)
    assert effects, "every message is answered, forwarded or done"
    forwards = [effect for effect in effects if isinstance(effect, Forward)]
    for forward in forwards:
        assert state is not None
        assert state.open
        assert state.page(sender.role) == sender.instance
        assert forward.role != sender.role
        assert forward.to == state.page(forward.role)
        assert forward.message.sender == sender.instance
        assert forward.message.role == sender.role
        assert not isinstance(message, Admit | Confirm | Leave | Media)
        if isinstance(forward.message, PeerCandidate):
            assert state.policy == "direct+relay"
    blocked = [e.message.code for e in effects if isinstance(e, Refuse) and isinstance(e.message, Refusal)]
    unreachable = set(blocked) & {"not_admitted", "not_current", "bad_peer"}
    if isinstance(message, Description | IceCandidate | NeedOffer | Status | Safety) and not unreachable:
        assert [forward.message.seq for forward in forwards] == [message.seq], "numbers have no holes"


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.5, 3)), max_size=60))
def test_a_bucket_gives_no_more_than_burst_and_rate(takes: list[tuple[float, float]]) -> None:
    bucket, now, taken = Bucket(rate=2, burst=10, now=0), 0.0, 0.0
    for pause, tokens in takes:
        now += pause
        taken += tokens if bucket.take(now, tokens) else 0
    assert taken <= 10 + 2 * now + 1e-6
    assert not Bucket(rate=1, burst=1, now=100).take(0, 2), "a clock that steps back gives nothing"
