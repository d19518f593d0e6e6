"""The gates for descriptions and candidates, on what Chromium really writes and on what nobody should."""

import re
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.candidates import CandidateRefused, candidate_gate
from signaling.messages import MAX_SDP
from signaling.sdp import SdpRefused, sdp_gate

FOLDER = Path(__file__).parent / "sdp"
Kind = Literal["offer", "answer"]


def read(name: str) -> str:
    return (FOLDER / f"{name}.sdp").read_bytes().decode()


OFFER, ANSWER = read("chromium-156-call-offer"), read("chromium-156-call-answer")
FULL = read("chromium-156-full-offer")


def refused(text: str, kind: Kind = "offer") -> str:
    with pytest.raises(SdpRefused) as caught:
        sdp_gate(text, kind)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sdp")), ids=lambda path: path.stem)
def test_real_descriptions_pass_without_their_addresses(path: Path) -> None:
    text = path.read_bytes().decode()
    passed = sdp_gate(text, "offer" if "offer" in path.stem else "answer")
    assert f"a=ice-ufrag:{passed.leg.ufrag}\r\n" in text
    assert f"a=ice-pwd:{passed.leg.pwd}\r\n" in text
    assert "candidate" not in passed.text
    assert not re.search(r"192\.0\.2|fd00|\.local|127\.0\.0\.1", passed.text)
    assert set(re.findall(r"^m=\w+ (\d+)", passed.text, re.M)) <= {"0", "9"}
    # Everything else is the browser's own text, in its order.
    kept = [line for line in text.split("\r\n") if not re.match("[mco]=|a=candidate|a=rtcp:", line)]
    assert [line for line in passed.text.split("\r\n") if not re.match("[mco]=|a=rtcp:", line)] == kept
    assert sdp_gate(passed.text, "offer" if "offer" in path.stem else "answer") == passed


def test_every_way_to_hide_an_address_is_closed() -> None:
    hidden = OFFER.replace(
        "a=mid:0\r\n",
        "a=mid:0\r\na=candidate:1 1 udp 1 203.0.113.9 5000 typ host\r\na=remote-candidates:1 203.0.113.9 5000\r\n"
        "a=end-of-candidates\r\nc=IN IP4 203.0.113.9\r\na=candidate :1 1 udp 1 203.0.113.9 5000 typ host\r\n"
        "a=x-google-flag:203.0.113.9\r\ni=203.0.113.9\r\nu=http://203.0.113.9/\r\ne=a@203.0.113.9\r\nk=clear:203.0.113.9\r\n"
        "a=alt:1 1 : 203.0.113.9 5000\r\na=altc:1 IP4 203.0.113.9 5000\r\na=ice-lite\r\n",
    )
    hidden = hidden.replace("m=audio 9", "m=audio 5000").replace("s=-", "s=203.0.113.9")
    hidden = re.sub(r"a=rtcp:.*", "a=rtcp:5000 IN IP4 203.0.113.9\r", hidden)
    passed = sdp_gate(hidden, "offer").text
    assert "203.0.113.9" not in passed
    assert "5000" not in passed
    assert "ice-lite" not in passed


def test_a_bundle_only_zero_stays_zero() -> None:
    firefox = OFFER.replace("m=video 9", "m=video 0").replace("a=mid:1\r\n", "a=mid:1\r\na=bundle-only\r\n")
    assert "m=video 0 UDP/TLS/RTP/SAVPF" in sdp_gate(firefox, "offer").text


AUDIO = OFFER[OFFER.index("m=audio") : OFFER.index("m=video")]


@pytest.mark.parametrize(
    "text, why",
    [
        (OFFER + AUDIO.replace("a=mid:0", "a=mid:7"), "too many audio"),
        (FULL + FULL[FULL.index("m=video") : FULL.index("a=mid:1")] + "a=mid:8\r\n", "too many video"),
        (OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "profile"),
        (OFFER.replace("UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF"), "profile"),
        (OFFER.replace("m=audio", "m=message"), "m="),
        (re.sub("a=fingerprint:.*\r\n", "", OFFER), "0 fingerprint"),
        (re.sub("a=fingerprint:sha-256 ..", "a=fingerprint:sha-256 00", OFFER, count=1), "2 fingerprint"),
        (re.sub("a=fingerprint:sha-256 .*", "a=fingerprint:sha-1 00:11\r", OFFER), "fingerprint"),
        (re.sub("a=ice-ufrag:.*\r\n", "", OFFER), "0 ice-ufrag"),
        (re.sub("a=ice-ufrag:.*\r\n", "a=ice-ufrag:else\r\n", OFFER, count=1), "2 ice-ufrag"),
        (re.sub("a=ice-pwd:.*\r\n", "a=ice-pwd:short\r\n", OFFER), "ice credentials"),
        (re.sub("a=ice-ufrag:.*\r\n", "a=ice-ufrag:a:bcd\r\n", OFFER), "ice credentials"),
        (re.sub("(a=ice-ufrag:.*\r\n)", r"\1\1", OFFER), "repeated ice-ufrag"),
        (OFFER.replace("a=setup:actpass", "a=setup:active"), "setup"),
        (OFFER.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"), "outside of the bundle"),
        (OFFER.replace("a=group:BUNDLE 0 1\r\n", ""), "bundle"),
        (OFFER.replace("a=mid:1", "a=mid:0"), "mid"),
        (OFFER.replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (OFFER.replace("v=0", "v=1"), "v="),
        (OFFER[: OFFER.index("m=audio")], "0 ice-ufrag"),
        (OFFER.replace("a=rtpmap:111 opus/48000/2", "a=rtpmap:x opus/48000/2"), "unreadable: ValueError"),
        (OFFER.replace("a=mid:0", "a=mid:0\x0ba=candidate:1"), "characters"),
        (OFFER.replace("a=mid:0", "a=mid:0\ra=candidate:1"), "characters"),
        (OFFER.replace("a=mid:0", "a=mid:0\u2028a=candidate:1"), "characters"),
        (OFFER.replace("a=mid:0", "a=mid:0\r\na=msid:" + "x" * 2000), "size"),
        (OFFER + "a=candidate:1 1 udp 1 203.0.113.9 5000 typ host\r\n" * 10_000, "size"),
        (OFFER + "a=x\r\n" * 2000, "size"),
        ("", "session"),
        ("x" * (MAX_SDP + 1), "size"),
    ],
)  # fmt: skip
def test_what_our_pages_never_write_is_refused(text: str, why: str) -> None:
    assert refused(text) == why


def test_an_answer_is_no_offer() -> None:
    assert refused(ANSWER, "offer") == "setup"
    assert refused(OFFER, "answer") == "setup"


LINES = OFFER.split("\r\n")


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_changed_passes_clean_or_is_refused(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "twice", "swap", "text", "candidate"])):
            case "drop":
                del lines[at]
            case "twice":
                lines.insert(at, lines[at])
            case "swap":
                lines[at], lines[-at - 1] = lines[-at - 1], lines[at]
            case "text":
                lines[at] = lines[at][: data.draw(st.integers(0, 12))] + data.draw(st.text(max_size=20))
            case _:
                lines.insert(at, "a=candidate:1 1 udp 1 203.0.113.9 5000 typ host")
    try:
        passed = sdp_gate("\r\n".join(lines), "offer")
    except SdpRefused:
        return
    assert "candidate" not in passed.text
    assert passed.leg.grammatical
    assert sdp_gate(passed.text, "offer") == passed


# Candidates

HOST = "candidate:1252415304 1 udp 2122194687 192.168.1.20 51946 typ host generation 0 ufrag BdnQ network-id 1"
MDNS = "candidate:69141 1 udp 2113942271 078930b0-607d-4012-90cd-0878e57a8c84.local 44333 typ host generation 0"
SRFLX = "candidate:84216 1 udp 1694498815 203.0.113.5 61000 typ srflx raddr 192.168.1.20 rport 51946 generation 0"
RELAY = "candidate:842 1 udp 41885439 198.51.100.7 49200 typ relay raddr 203.0.113.5 rport 61000 generation 0"
TCP = "candidate:1518 1 tcp 1518214911 192.168.1.20 9 typ host tcptype active generation 0"


@pytest.mark.parametrize("line", [HOST, MDNS, SRFLX, RELAY, TCP])
def test_under_policy_relay_no_candidate_of_a_client_passes(line: str) -> None:
    assert candidate_gate(line, "relay") is None
    claimed = line.replace(" typ host", " typ relay").replace("srflx", "relay")
    assert candidate_gate(claimed, "relay") is None, "the claimed type is worth nothing"


def test_under_policy_relay_an_address_of_our_turn_server_passes_without_the_related_one() -> None:
    passed = candidate_gate(RELAY, "relay", turn={"198.51.100.7"})
    assert passed == RELAY.replace("raddr 203.0.113.5 rport 61000", "raddr 0.0.0.0 rport 0")
    assert candidate_gate(RELAY, "relay", turn={"198.51.100.8"}) is None


@pytest.mark.parametrize("line", [HOST, MDNS, TCP])
def test_under_the_direct_policy_host_candidates_pass(line: str) -> None:
    assert candidate_gate(line, "direct+relay") == line


def test_the_related_address_never_passes() -> None:
    assert candidate_gate(SRFLX, "direct+relay") == SRFLX.replace("192.168.1.20 rport 51946", "0.0.0.0 rport 0")


def test_the_end_of_candidates_is_never_forwarded() -> None:
    assert candidate_gate("", "direct+relay") is None


@pytest.mark.parametrize(
    "old, new",
    [
        ("192.168.1.20", "host.example"), ("192.168.1.20", "printer.local"), ("192.168.1.20", "localhost"),
        ("192.168.1.20", "127.0.0.1"), ("192.168.1.20", "::1"), ("192.168.1.20", "0.0.0.0"), ("192.168.1.20", "::"),
        ("192.168.1.20", "::ffff:127.0.0.1"), ("192.168.1.20", "2002:7f00:1::"), ("192.168.1.20", "224.0.0.1"),
        ("192.168.1.20", "ff02::1"), ("192.168.1.20", "255.255.255.255"), ("192.168.1.20", "0177.0.0.1"),
        ("192.168.1.20", "2130706433"), ("51946", "0"), ("51946", "53"), ("51946", "70000"), ("udp", "sctp"),
        (" 1 udp", " 3 udp"), ("typ host", "typ evil"), ("generation 0", "generation 0 generation 1"),
        ("2122194687", "4294967296"), ("ufrag BdnQ", "ufrag B:nQ"), ("typ host", "typ host\r\na=x"),
        ("typ host", "typ host tcptype passive"), ("candidate:", "candidate:\x00"), ("1252415304", "x" * 33),
    ],
)  # fmt: skip
def test_junk_is_refused(old: str, new: str) -> None:
    with pytest.raises(CandidateRefused):
        candidate_gate(HOST.replace(old, new), "direct+relay")


def test_on_one_machine_loopback_is_an_address_like_another() -> None:
    line = HOST.replace("192.168.1.20", "127.0.0.1")
    assert candidate_gate(line, "direct+relay", loopback=True) == line


NEARLY = r"candidate:\w{1,5} 1 udp \d{1,10} [0-9a-f.:]{1,20} \d{1,5} typ \w{4,5}.{0,40}"


@given(st.text(max_size=200) | st.from_regex(NEARLY))
def test_any_text_is_a_candidate_nothing_or_refused(text: str) -> None:
    try:
        passed = candidate_gate(text, "direct+relay")
    except CandidateRefused:
        return
    assert passed is None or candidate_gate(passed, "direct+relay") == passed
