"""The founder key, sessions, and proofs: what opens them, and everything that does not."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firm.errors import PolicyDenied, UsageError
from firm.policy import identity, seal
from firm.policy.canonical import canonical
from firm.policy.identity import (
    SESSION_S,
    Certificate,
    NoSession,
    Proof,
    Session,
    check_key,
    check_proof,
    login,
    logout,
    make_key,
    open_session,
    public_key,
    shown_key,
    sign_answer,
)
from firm.policy.seal import KeyFault, WrongPassphrase

WORDS = "correct horse battery"
NOW = 1_800_000_000_000_000
BOOT = 5_000_000_000
LONG = SESSION_S * 1_000_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `.firm/` in which scrypt costs nothing."""
    monkeypatch.setattr(seal, "SCRYPT_N", 16)
    made = tmp_path / ".firm"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def keyed(folder: Path) -> Path:
    """The same with a founder key."""
    make_key(folder, WORDS)
    return folder


# --- the key ---------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_sealed_and_private(folder: Path) -> None:
    assert (check_key(folder), public_key(folder)) == (None, None)
    public = make_key(folder, WORDS)
    assert check_key(folder) == public_key(folder) == public
    assert shown_key(public).startswith("ed25519:")
    assert (folder / "founder.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="already"):
        make_key(folder, WORDS)
    assert check_key(folder) == public


def test_a_wrong_passphrase_opens_nothing(keyed: Path) -> None:
    for words in ("correct horse batterx", "", "Correct horse battery", "x" * 100_000):
        with pytest.raises(WrongPassphrase, match="does not open"):
            login(keyed, words, NOW)
    assert not (keyed / "session").exists()


def test_no_key_is_said(folder: Path) -> None:
    with pytest.raises(KeyFault, match="no founder key"):
        login(folder, WORDS, NOW)


def test_a_lost_key_is_said_and_not_replaced(keyed: Path) -> None:
    (keyed / "founder.key").unlink()
    for attempt in (lambda: check_key(keyed), lambda: login(keyed, WORDS, NOW)):
        with pytest.raises(KeyFault, match="is gone, its public half is there"):
            attempt()
    with pytest.raises(UsageError, match="already"):
        make_key(keyed, WORDS)


def test_a_lost_public_half_closes_and_login_writes_it_again(keyed: Path) -> None:
    public = public_key(keyed)
    login(keyed, WORDS, NOW)
    (keyed / "founder.pub").unlink()
    for attempt in (lambda: public_key(keyed), lambda: check_key(keyed), lambda: open_session(keyed, NOW)):
        with pytest.raises(KeyFault, match="writes it again"):
            attempt()
    login(keyed, WORDS, NOW)
    assert public_key(keyed) == public


def test_halves_that_are_not_of_one_pair_are_refused(keyed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    make_key(other, WORDS)
    (keyed / "founder.pub").write_bytes((other / "founder.pub").read_bytes())
    for attempt in (lambda: check_key(keyed), lambda: login(keyed, WORDS, NOW)):
        with pytest.raises(KeyFault, match="not of one pair"):
            attempt()


def test_a_public_half_swapped_inside_the_key_file_does_not_open(keyed: Path) -> None:
    file = json.loads((keyed / "founder.key").read_bytes())
    file["public"] = json.loads(msgspec.json.encode(bytes(32)))
    (keyed / "founder.key").write_text(json.dumps(file))
    (keyed / "founder.pub").write_text(shown_key(bytes(32)) + "\n")
    with pytest.raises(WrongPassphrase):
        login(keyed, WORDS, NOW)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"\xff\x00", b"[1]", b'{"format":"firm/v9/founder-key"}', b"x" * 10_000]
)
def test_a_damaged_key_is_said(keyed: Path, body: bytes) -> None:
    (keyed / "founder.key").write_bytes(body)
    with pytest.raises(KeyFault, match="restore it from a backup"):
        login(keyed, WORDS, NOW)


def test_a_key_of_a_later_format_is_said(keyed: Path) -> None:
    text = (keyed / "founder.key").read_text()
    (keyed / "founder.key").write_text(text.replace("firm/v1/", "firm/v2/"))
    with pytest.raises(KeyFault, match="update this program"):
        check_key(keyed)


@pytest.mark.parametrize(
    "body", [b"", b"ed25519:", b"ed25519:AAAA", b"AAAA", b"rsa:" + b"A" * 44, b"\xff\xfe"]
)
def test_a_damaged_public_half_is_said(keyed: Path, body: bytes) -> None:
    (keyed / "founder.pub").write_bytes(body)
    with pytest.raises(KeyFault, match="does not hold a public key"):
        public_key(keyed)


@pytest.mark.parametrize(
    ("file", "mode"), [("founder.key", 0o640), ("founder.pub", 0o646), ("session", 0o604)]
)
def test_files_that_are_too_open_close_the_way(keyed: Path, file: str, mode: int) -> None:
    login(keyed, WORDS, NOW)
    (keyed / file).chmod(mode)
    with pytest.raises(KeyFault, match="too open"):
        login(keyed, WORDS, NOW) if file == "founder.key" else open_session(keyed, NOW)


# --- sessions --------------------------------------------------------------------------------------------------


def test_a_session_lasts_eight_hours_and_ends_at_logout(keyed: Path) -> None:
    made = login(keyed, WORDS, NOW, boot_us=BOOT)
    assert made.until_us == NOW + 8 * 3600 * 1_000_000
    assert (keyed / "session").stat().st_mode & 0o777 == 0o600
    for later in (0, 1, LONG):
        assert open_session(keyed, NOW + later, boot_us=BOOT + later).until_us == made.until_us
    with pytest.raises(NoSession, match="over"):
        open_session(keyed, NOW + LONG + 1, boot_us=BOOT + LONG)
    assert (logout(keyed), logout(keyed)) == (True, False)
    with pytest.raises(NoSession, match="log in first"):
        open_session(keyed, NOW, boot_us=BOOT)


def test_a_clock_that_went_back_closes_the_session(keyed: Path) -> None:
    login(keyed, WORDS, NOW, boot_us=BOOT)
    hour = 3600 * 1_000_000
    for wall, up in ((-1, 0), (-hour, hour), (0, hour), (hour, 2 * hour), (1_000_000, 3_000_001)):
        with pytest.raises(NoSession, match="the clock went back"):
            open_session(keyed, NOW + wall, boot_us=BOOT + up)
    with pytest.raises(NoSession, match="over"):  # eight hours of the machine are eight hours
        open_session(keyed, NOW + hour, boot_us=BOOT + LONG + 1)


def test_a_restart_of_the_machine_and_a_second_of_correction_do_not_end_it(keyed: Path) -> None:
    login(keyed, WORDS, NOW, boot_us=BOOT)
    assert open_session(keyed, NOW + 60_000_000, boot_us=1_000_000)
    assert open_session(keyed, NOW + 1_000_000, boot_us=BOOT + 2_000_000)


def test_a_session_of_another_founder_key_is_refused(keyed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    make_key(other, WORDS)
    login(other, WORDS, NOW)
    (keyed / "session").write_bytes((other / "session").read_bytes())
    (keyed / "session").chmod(0o600)
    with pytest.raises(KeyFault, match="not opened by this founder key"):
        open_session(keyed, NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [("not_after_us", NOW * 2), ("not_before_us", 0), ("public", bytes(32)), ("signature", b"x" * 64)],
)
def test_a_session_that_was_prolonged_or_changed_is_refused(keyed: Path, field: str, value: Any) -> None:
    login(keyed, WORDS, NOW, boot_us=BOOT)
    file = json.loads((keyed / "session").read_bytes())
    file["certificate"][field] = json.loads(msgspec.json.encode(value))
    (keyed / "session").write_text(json.dumps(file))
    with pytest.raises(KeyFault, match="not opened by this founder key"):
        open_session(keyed, NOW + 1, boot_us=BOOT + 1)


def test_a_session_with_another_private_key_is_refused(keyed: Path) -> None:
    login(keyed, WORDS, NOW, boot_us=BOOT)
    file = json.loads((keyed / "session").read_bytes())
    file["private"] = json.loads(msgspec.json.encode(bytes(32)))
    (keyed / "session").write_text(json.dumps(file))
    with pytest.raises(KeyFault, match="was changed"):
        open_session(keyed, NOW, boot_us=BOOT)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"null", b'{"private":"AAAA"}'])
def test_a_damaged_session_is_said(keyed: Path, body: bytes) -> None:
    login(keyed, WORDS, NOW)
    (keyed / "session").write_bytes(body)
    with pytest.raises(KeyFault, match="damaged"):
        open_session(keyed, NOW)


def test_a_session_shows_no_key_and_cannot_be_sent(keyed: Path) -> None:
    session = login(keyed, WORDS, NOW)
    assert repr(session) == f"Session(until_us={NOW + LONG})"
    with pytest.raises(UsageError, match="not stored"):
        pickle.dumps(session)


# --- proofs ----------------------------------------------------------------------------------------------------

ANSWER: dict[str, Any] = {"do": "accept"}


class Case:
    """A proof, and what it is checked against."""

    def __init__(self, folder: Path) -> None:
        self.session = login(folder, WORDS, NOW, boot_us=BOOT)
        self.public: bytes | None = public_key(folder)
        self.question, self.action, self.now = "q1", "a" * 64, NOW + 10
        self.answer: Any = dict(ANSWER)
        self.asked = 0
        self.proof: Any = sign_answer(self.session, self.question, self.action, self.answer, NOW + 5)

    def check(self) -> Proof:
        answer = {**self.answer, "proof": self.proof} if isinstance(self.answer, dict) else self.answer
        return check_proof(
            self.public, self.question, self.action, answer, self.proof, self.now, asked_us=self.asked
        )


@pytest.fixture
def case(keyed: Path) -> Case:
    return Case(keyed)


def test_a_proof_survives_the_journal_and_the_end_of_its_session(case: Case) -> None:
    case.proof = json.loads(json.dumps(case.proof))
    assert case.check().at_us == NOW + 5
    case.now = NOW + 30 * LONG
    assert case.check().at_us == NOW + 5


def _other(session: Session, **changed: Any) -> dict[str, Any]:
    """A proof whose own signature is right, by a certificate that was changed."""
    certificate = msgspec.structs.replace(session.certificate, **changed)
    message = identity._answered("q1", "a" * 64, ANSWER, at_us=NOW + 5, by=certificate)
    made: dict[str, Any] = msgspec.to_builtins(Proof(NOW + 5, certificate, session.sign(message)))
    return made


def _self_made(case: Case) -> dict[str, Any]:
    """By a session that an agent has made for itself."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    founder, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    signature = founder.sign(identity._certified(public, NOW, NOW + LONG))
    return sign_answer(
        Session(key, Certificate(public, NOW, NOW + LONG, signature)), "q1", "a" * 64, ANSWER, NOW + 5
    )


def _at(case: Case, at_us: int) -> dict[str, Any]:
    """Signed by the true session's key, but for another time."""
    window = case.session.certificate
    message = identity._answered("q1", "a" * 64, ANSWER, at_us=at_us, by=window)
    made: dict[str, Any] = msgspec.to_builtins(Proof(at_us, window, case.session.sign(message)))
    return made


def _without_domain(case: Case) -> dict[str, Any]:
    said = {"question": "q1", "action": "a" * 64, "answer": ANSWER, "at_us": NOW + 5}
    message = canonical({**said, "session": case.session.certificate.public.hex()})
    made: dict[str, Any] = msgspec.to_builtins(
        Proof(NOW + 5, case.session.certificate, case.session.sign(message))
    )
    return made


FORGED: dict[str, Callable[[Case], dict[str, Any]]] = {
    "another question": lambda case: {"question": "q2"},
    "another action": lambda case: {"action": "b" * 64},
    "no action": lambda case: {"action": ""},
    "question and action run together": lambda case: {"question": "q1" + "a" * 64, "action": ""},
    "edited arguments": lambda case: {"answer": {"do": "edit", "args": {"to": "mallory"}}},
    "one more word in the answer": lambda case: {"answer": {**ANSWER, "then": "again"}},
    "refusal turned round": lambda case: {
        "proof": sign_answer(case.session, "q1", "a" * 64, {"do": "refuse"}, NOW + 5)
    },
    "text that looks like it": lambda case: {"answer": "accept"},
    "a look-alike": lambda case: {"answer": {"do": "\u0430ccept"}},
    "another time": lambda case: {"proof": {**case.proof, "at_us": NOW + 6}},
    "no proof": lambda case: {"proof": None},
    "no key": lambda case: {"public": None},
    "another firm's key": lambda case: {"public": bytes(range(32))},
    "a key of small order": lambda case: {"public": bytes(31) + b"\x80"},
    "a self-made session": lambda case: {"proof": _self_made(case)},
    "a prolonged session": lambda case: {"proof": _other(case.session, not_after_us=NOW + 2 * LONG)},
    "a session begun earlier": lambda case: {"proof": _other(case.session, not_before_us=0)},
    "an empty certificate": lambda case: {"proof": _other(case.session, signature=b"")},
    "signed before the session": lambda case: {"proof": _at(case, NOW - 1)},
    "signed after the session": lambda case: {"proof": _at(case, NOW + LONG + 1), "now": NOW + 2 * LONG},
    "signed in the future": lambda case: {"proof": _at(case, NOW + LONG), "now": NOW + 10},
    "signed for another purpose": lambda case: {"proof": _without_domain(case)},
    "older than the question": lambda case: {"asked": NOW + 6},
    "the signature of the certificate": lambda case: {
        "proof": {**case.proof, "signature": case.proof["certificate"]["signature"]}
    },
    "a cut signature": lambda case: {"proof": {**case.proof, "signature": case.proof["signature"][:-4]}},
    "no dict": lambda case: {"proof": "yes"},
    "true": lambda case: {"proof": True},
    "an empty dict": lambda case: {"proof": {}},
    "a number for a signature": lambda case: {"proof": {**case.proof, "signature": 1}},
    "one more field": lambda case: {"proof": {**case.proof, "founder": True}},
    "a number too large": lambda case: {"proof": {**case.proof, "at_us": 10**30}},
    "an answer that is no JSON": lambda case: {"answer": {"do": float("nan")}},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_proof_is_refused(case: Case, name: str) -> None:
    assert case.check()
    for field, value in FORGED[name](case).items():
        setattr(case, field, value)
    with pytest.raises(PolicyDenied, match="does not count as the founder's: "):
        case.check()


def test_every_changed_bit_of_a_proof_is_refused(case: Case) -> None:
    """Each byte of each field in turn."""
    whole = msgspec.convert(case.proof, Proof)
    window = whole.certificate
    for field in ("public", "signature"):
        for place in range(0, len(getattr(window, field)), 5):
            changed = bytearray(getattr(window, field))
            changed[place] ^= 0x10
            case.proof = msgspec.to_builtins(
                msgspec.structs.replace(
                    whole, certificate=msgspec.structs.replace(window, **{field: bytes(changed)})
                )
            )
            with pytest.raises(PolicyDenied):
                case.check()
    for place in range(0, 64, 5):
        signature = bytearray(whole.signature)
        signature[place] ^= 0x10
        case.proof = msgspec.to_builtins(msgspec.structs.replace(whole, signature=bytes(signature)))
        with pytest.raises(PolicyDenied):
            case.check()


def test_a_session_that_is_over_signs_nothing(case: Case) -> None:
    for now, why in ((NOW - 1, "went back"), (NOW + LONG + 1, "is over")):
        with pytest.raises(NoSession, match=why):
            sign_answer(case.session, "q1", "", ANSWER, now)


def test_a_reason_says_nothing_of_the_proof(case: Case) -> None:
    case.answer = {"do": "edit"}
    with pytest.raises(PolicyDenied) as refused:
        case.check()
    assert case.proof["signature"] not in str(refused.value)
