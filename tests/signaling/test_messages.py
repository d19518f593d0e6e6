"""What a page may say at all; and protocol.md names every message and field."""

import contextlib
import json
import re
import typing
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling import messages
from signaling.messages import (
    MAX_MESSAGE,
    Got,
    Hello,
    PageMessage,
    PeerGot,
    PeerSafety,
    PeerStatus,
    ProtocolError,
    ServerMessage,
    Snapshot,
    Status,
    dump,
    parse,
    parse_server,
)

INSTANCE = "therapistPageInstance0"
OTHER = "patientPageInstance000"
PROTOCOL = (Path(messages.__file__).parent / "protocol.md").read_text()


def members(union: Any) -> list[Any]:
    return [leaf for part in get_args(union) for leaf in (members(part) if get_args(part) else [part])]


PAGE_MESSAGES, SERVER_MESSAGES = members(PageMessage), members(ServerMessage)


def refused(frame: str | bytes) -> str:
    with pytest.raises(ProtocolError) as caught:
        parse(frame)
    return caught.value.code


HELLO: dict[str, Any] = {"type": "hello", "instance": INSTANCE, "fresh": True}
GOT: dict[str, Any] = {"type": "got", "to": OTHER, "seq": 3}


def test_a_message_is_one_frozen_type() -> None:
    assert parse(json.dumps(HELLO)) == Hello(instance=INSTANCE, fresh=True)
    assert parse(json.dumps(GOT).encode()) == Got(to=OTHER, seq=3)
    with pytest.raises(ValueError):
        parse(json.dumps(GOT)).seq = 4  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        {"type": "wellcome"}, {"type": None}, {"type": ["got"]}, {"to": None}, {"to": ""}, {"to": OTHER + "\n"},
        {"to": OTHER[:-1]}, {"seq": "3"}, {"seq": 3.0}, {"seq": True}, {"seq": 0}, {"seq": -1}, {"seq": 2**70},
        {"from": INSTANCE}, {"role": "therapist"}, {"extra": 1}, {"to": {"a": 1}}, {"seq": [3]},
    ],
)  # fmt: skip
def test_wrong_types_missing_and_unknown_fields_are_refused(change: dict[str, Any]) -> None:
    assert refused(json.dumps(GOT | change)) == "bad_message"
    for name in GOT:
        assert refused(json.dumps({key: value for key, value in GOT.items() if key != name})) == "bad_message"


@pytest.mark.parametrize(
    "step, length", [("commit", 43), ("nonce", 22), ("reveal", 22), ("mismatch", 0), ("unable", 0)]
)
def test_a_step_of_the_safety_words_has_its_length_and_no_other(step: str, length: int) -> None:
    said: dict[str, Any] = {"type": "safety", "to": OTHER, "seq": 1, "run": 1, "step": step, "value": "a" * length}
    message = parse(json.dumps(said))
    assert json.loads(dump(message)) == said
    for wrong in ("a" * (length + 1), "a" * (length - 1) if length else "a" * 43, "+" + "a" * (length - 1), "a" * 4000):
        assert refused(json.dumps(said | {"value": wrong})) == "bad_message"
    for change in ({"run": 0}, {"run": 10_001}, {"run": "1"}, {"step": "verdict"}, {"fingerprint": "a"}):
        assert refused(json.dumps(said | change)) == "bad_message"


CHAT: dict[str, Any] = {"type": "chat", "id": INSTANCE, "text": "Bonjour"}


@pytest.mark.parametrize("text", ["a", " Ça va?\n– Oui ✓ ", "😀", "x" * 2000, "مرحبا", "<script>"])
def test_what_people_write_passes_as_they_wrote_it(text: str) -> None:
    message = parse(json.dumps(CHAT | {"text": text}))
    assert json.loads(dump(message)) == CHAT | {"text": text}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n \n",
        "\u00a0",
        "x" * 2001,
        "a\x00b",
        "a\x1b[2J",
        "a\tb",
        "a\rb",
        "\x7f",
        "\x85",
        "\ud800",
        1,
        None,
        ["a"],
    ],
)
def test_control_characters_and_what_is_too_long_or_empty_are_refused(text: Any) -> None:
    assert refused(json.dumps(CHAT | {"text": text})) == "bad_message"


QUALITY: dict[str, Any] = {
    "type": "quality", "loss_in": 0, "loss_out": None, "rtt_ms": 60_000, "jitter_ms": 3, "kbps_in": 9, "kbps_out": 9,
    "state": "weak", "path": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"loss_in": 101}, {"loss_in": -1}, {"loss_in": 1.5}, {"rtt_ms": 60_001}, {"kbps_in": True}, {"state": "fair"},
        {"state": None}, {"path": "192.0.2.1"}, {"address": "192.0.2.1"}, {"jitter_ms": "3"},
    ],
)  # fmt: skip
def test_a_quality_sample_holds_numbers_and_no_addresses(change: dict[str, Any]) -> None:
    assert json.loads(dump(parse(json.dumps(QUALITY)))) == QUALITY
    assert refused(json.dumps(QUALITY | change)) == "bad_message"


@pytest.mark.parametrize(
    "frame, code",
    [
        (f'{{"type":"got","to":"{OTHER}","seq":1,"seq":2}}', "duplicate_key"),
        ('{"type":"ping","__proto__":{"admin":true}}', "forbidden_key"),
        (f'{{"type":"got","to":"{OTHER}","seq":NaN}}', "not_json"),
        (f'{{"type":"got","to":"{OTHER}","seq":Infinity}}', "not_json"),
        (f'{{"type":"got","to":"{OTHER}","seq":1e400}}', "bad_message"),
        ("[" * 60_000, "not_json"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "not_json"),
        ('{"type":"ping"} {"type":"ping"}', "not_json"),
        ("[]", "bad_message"),
        ("null", "bad_message"),
        ("", "not_json"),
        ("\ufeff{}", "not_json"),
        (b'{"type":"\xff\xfe"}', "not_json"),
        ('{"type":"ping","x":"' + "a" * MAX_MESSAGE + '"}', "oversize"),
        ('{"type":"ping","x":"' + "é" * (MAX_MESSAGE // 2) + '"}', "oversize"),
        (f'{{"type":"got","to":"{OTHER}","seq":{"9" * 5000}}}', "not_json"),
    ],
)
def test_what_is_no_message_says_why(frame: str | bytes, code: str) -> None:
    assert refused(frame) == code


def test_a_lone_surrogate_reaches_nobody() -> None:
    description = {
        "type": "description",
        "to": OTHER,
        "seq": 1,
        "kind": "offer",
        "generation": 0,
        "sdp": "\ud800",
    }
    assert refused(json.dumps(description)) == "bad_message"


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
def test_any_json_is_a_message_or_a_protocol_error(value: Any) -> None:
    try:
        message = parse(json.dumps(value))
    except ProtocolError:
        return
    assert isinstance(message, tuple(PAGE_MESSAGES))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_protocol_error(frame: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        parse(frame)


@given(st.dictionaries(st.sampled_from(["type", "to", "seq", "kind", "sdp", "instance", "fresh", "generation"]),
                       st.one_of(st.sampled_from(["got", "hello", "description", "offer", OTHER]),
                                 st.integers(), st.booleans())))  # fmt: skip
def test_what_is_taken_is_what_was_said(content: dict[str, Any]) -> None:
    try:
        message = parse(json.dumps(content))
    except ProtocolError:
        return
    said = {key: value for key, value in json.loads(dump(message)).items() if value is not None}
    assert said == content


def test_a_status_of_an_older_page_still_parses() -> None:
    old = {"type": "status", "to": OTHER, "seq": 1, "muted": True, "camera_off": False}
    assert parse(json.dumps(old)) == Status(
        to=OTHER, seq=1, muted=True, camera_off=False, away="", sharing=False, guide=""
    )
    assert refused(json.dumps({**old, "guide": "face"})) == "bad_message"


def test_what_a_peer_says_carries_from() -> None:
    assert json.loads(dump(PeerGot(sender=INSTANCE, role="patient", seq=1))) == {
        "type": "got", "from": INSTANCE, "role": "patient", "seq": 1,
    }  # fmt: skip


def test_messages_between_nodes_come_back_the_same() -> None:
    for message in (
        PeerStatus(sender=INSTANCE, role="patient", seq=1, muted=True, camera_off=False),
        PeerSafety(sender=INSTANCE, role="therapist", seq=2, run=1, step="reveal", value="a" * 22),
        Snapshot(kind="queue", version=3, data={"rows": [{"name": "Zoé"}]}),
    ):
        assert parse_server(dump(message)) == message


def aliased(message: Any) -> set[str]:
    return {field.serialization_alias or name for name, field in message.model_fields.items()} - {"type"}


@pytest.mark.parametrize("message", [*PAGE_MESSAGES, *SERVER_MESSAGES], ids=lambda message: message.__name__)
def test_protocol_names_every_message_and_its_fields(message: Any) -> None:
    name = message.model_fields["type"].default
    documented = [
        {field.strip().rstrip("?") for field in re.split(r",(?![^{\[]*[}\]])", fields)} - {""}
        for fields in re.findall(rf"\*\*`{name}`\*\*[^{{]*`\{{([^\n]*?)\}}`", PROTOCOL)
    ]
    received = re.findall(rf"\*\*`{name}`\*\*[^\n]*received as `\{{([^}}]*)\}}`", PROTOCOL)
    documented += [{field.strip() for field in fields.split(",")} for fields in received]
    documented = [{field.split(":")[0] for field in fields} for fields in documented]
    assert aliased(message) in documented, (name, documented)


def test_protocol_names_no_other_message() -> None:
    known = {message.model_fields["type"].default for message in [*PAGE_MESSAGES, *SERVER_MESSAGES]}
    named = set(re.findall(r"\*\*`([a-z_]+)`\*\*", PROTOCOL))
    assert named == known
    assert typing.get_type_hints(messages.Refusal)["code"] is str
