"""The founder's key, the session that it opens, and the proofs that make an answer the founder's.

One rule: who cannot prove it is not the founder: a key that is lost, changed or too open, a session that is over and
a clock that went back are errors, never a lesser way in. When a proof is needed is the gate's business.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firm.errors import PolicyDenied, UsageError
from firm.policy.canonical import canonical
from firm.policy.seal import (
    KeyFault,
    Sealed,
    WrongPassphrase,
    read_private,
    read_unchangeable,
    remove_private,
    seal_with_passphrase,
    unseal_with_passphrase,
    write_private,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY, PUBLIC, SESSION = "founder.key", "founder.pub", "session"
"""Files in `.firm/`."""
SESSION_S = 8 * 3600
"""How long `firm login` lets answers be signed."""
SKEW_S = 2
"""So far a clock may be set back (time servers do that) before it counts as one that went back."""

_FORMAT = "firm/v1/founder-key"
_SESSION_DOMAIN = b"firm/v1/session\0"
_ANSWER_DOMAIN = b"firm/v1/answer\0"
_PUBLIC_PREFIX = "ed25519:"


class NoSession(UsageError):
    """No session is open: the founder has to log in first."""


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The founder key's word for the key of a session."""

    public: bytes
    not_before_us: int
    not_after_us: int
    signature: bytes


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That an answer is the founder's: signed by the key of a session."""

    at_us: int
    certificate: Certificate
    signature: bytes


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    public: bytes
    sealed: Sealed


class _SessionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    private: bytes
    certificate: Certificate
    boot_us: int
    """Time since the machine was started when it was opened."""


class Session:
    """A session that is open; its private key is never shown."""

    __slots__ = ("_private", "certificate")

    def __init__(self, private: "Ed25519PrivateKey", certificate: Certificate) -> None:
        self._private, self.certificate = private, certificate

    @property
    def until_us(self) -> int:
        """When it is over, microseconds since 1970."""
        return self.certificate.not_after_us

    def sign(self, message: bytes) -> bytes:
        """Signature of the session's key; `message` begins with the domain of what is signed."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"Session(until_us={self.until_us!r})"

    def __reduce__(self) -> Any:
        raise UsageError(
            "a session is not stored and not sent: open it where it is needed, with `open_session`"
        )


# --- the key ---------------------------------------------------------------------------------------------------


def make_key(folder: Path, passphrase: str) -> bytes:
    """Make the founder key, sealed with a passphrase; its public half.

    Args:
        folder: The firm's `.firm/`.
        passphrase: 8 to 1,000 characters.

    Raises:
        UsageError: there is one already, the passphrase cannot be one, or the files cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if (folder / KEY).exists() or (folder / PUBLIC).exists():
        raise UsageError(
            f"there is a founder key in {str(folder)!r} already; `firm login` opens a session with it"
        )
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    sealed = seal_with_passphrase(private.private_bytes_raw(), passphrase, _purpose(public))
    write_private(folder / KEY, msgspec.json.encode(_KeyFile(_FORMAT, public, sealed)) + b"\n")
    _write_public(folder, public)
    return public


def public_key(folder: Path) -> bytes | None:
    """The public half of the founder key, with which proofs are checked; None: there is no key.

    Raises:
        KeyFault: the file is damaged, can be changed by others, or is gone while the key is there.
    """
    body = read_unchangeable(folder / PUBLIC, "the founder's public key")
    if body is None:
        if (folder / KEY).exists():
            raise KeyFault(
                f"{str(folder / PUBLIC)!r} is gone; `firm login` writes it again from the founder key"
            )
        return None
    return _parse_public(body, folder / PUBLIC)


def shown_key(public: bytes) -> str:
    """A public key as text."""
    import base64

    return _PUBLIC_PREFIX + base64.b64encode(public).decode()


def check_key(folder: Path) -> bytes | None:
    """Look at the founder key without opening it; its public half, None: there is none.

    Raises:
        KeyFault: it is lost, damaged, too open, or not the one of the public half.
    """
    file, public = _key_file(folder), read_unchangeable(folder / PUBLIC, "the founder's public key")
    if file is None:
        if public is not None:
            raise _lost(folder)
        return None
    if public_key(folder) != file.public:
        raise _mismatch(folder)
    return file.public


def _open_key(folder: Path, passphrase: str) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    file = _key_file(folder)
    if file is None:
        if (folder / PUBLIC).exists():
            raise _lost(folder)
        raise KeyFault(f"there is no founder key in {str(folder)!r}; `firm login` at a terminal makes one")
    raw = unseal_with_passphrase(file.sealed, passphrase, _purpose(file.public))
    if raw is None or len(raw) != 32:
        raise WrongPassphrase(
            f"the passphrase does not open {str(folder / KEY)!r}: type it again; if it is surely right, the file "
            "was changed: restore it from a backup"
        )
    private = Ed25519PrivateKey.from_private_bytes(raw)
    if private.public_key().public_bytes_raw() != file.public:
        raise _mismatch(folder)
    _agree(folder, file.public)
    return private


def _agree(folder: Path, public: bytes) -> None:
    """The file of the public half holds the same key; written again where it is gone."""
    body = read_unchangeable(folder / PUBLIC, "the founder's public key")
    if body is None:
        _write_public(folder, public)
    elif _parse_public(body, folder / PUBLIC) != public:
        raise _mismatch(folder)


def _key_file(folder: Path) -> _KeyFile | None:
    body = read_private(folder / KEY, "the founder key")
    if body is None:
        return None
    try:
        file = msgspec.json.decode(body, type=_KeyFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KeyFault(f"{str(folder / KEY)!r} is damaged ({error}); restore it from a backup") from None
    if file.format != _FORMAT or len(file.public) != 32:
        raise KeyFault(
            f"{str(folder / KEY)!r} has the format {file.format!r}, this firm knows {_FORMAT!r}; update this "
            "program, or restore the file from a backup"
        )
    return file


def _purpose(public: bytes) -> str:
    return f"{_FORMAT} {public.hex()}"


def _write_public(folder: Path, public: bytes) -> None:
    write_private(folder / PUBLIC, shown_key(public).encode() + b"\n", mode=0o644)


def _parse_public(body: bytes, path: Path) -> bytes:
    import base64
    import binascii

    text = body.decode("ascii", "replace").strip()
    try:
        public = base64.b64decode(text.removeprefix(_PUBLIC_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        public = b""
    if not text.startswith(_PUBLIC_PREFIX) or len(public) != 32:
        raise KeyFault(
            f"{str(path)!r} does not hold a public key; delete it, and `firm login` writes it again"
        )
    return public


def _lost(folder: Path) -> KeyFault:
    return KeyFault(
        f"the founder key {str(folder / KEY)!r} is gone, its public half is there: restore it from a backup. If there "
        f"is none, delete {str(folder / PUBLIC)!r}: then `firm login` makes a new key, and what was proved with the "
        "old one does not count any more"
    )


def _mismatch(folder: Path) -> KeyFault:
    return KeyFault(
        f"{PUBLIC!r} and {KEY!r} in {str(folder)!r} are not of one pair: somebody has replaced one of them; restore "
        "both from a backup"
    )


# --- the session -----------------------------------------------------------------------------------------------


def login(folder: Path, passphrase: str, now_us: int, *, boot_us: int | None = None) -> Session:
    """Open a session of eight hours; one that was open is replaced.

    Args:
        folder: The firm's `.firm/`.
        passphrase: Of the founder key.
        now_us: Microseconds since 1970.
        boot_us: Since the machine was started; None: looked up.

    Raises:
        WrongPassphrase: the passphrase is another one.
        KeyFault: the key is lost, damaged, too open, or not the one of the public half.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    founder, private = _open_key(folder, passphrase), Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    window = now_us, now_us + SESSION_S * 1_000_000
    certificate = Certificate(public, *window, founder.sign(_certified(public, *window)))
    kept = _SessionFile(private.private_bytes_raw(), certificate, _boot_us() if boot_us is None else boot_us)
    write_private(folder / SESSION, msgspec.json.encode(kept) + b"\n")
    return Session(private, certificate)


def logout(folder: Path) -> bool:
    """End the session: its key is deleted; False: none was open.

    Raises:
        UsageError: the file cannot be deleted.
    """
    return remove_private(folder / SESSION)


def open_session(folder: Path, now_us: int, *, boot_us: int | None = None) -> Session:
    """The session that is open.

    Args:
        folder: The firm's `.firm/`.
        now_us: Microseconds since 1970.
        boot_us: Since the machine was started; None: looked up.

    Raises:
        NoSession: none is open, it is over, or the clock went back since it was opened.
        KeyFault: its file is damaged or too open, or another founder key has opened it.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    kept = _session_file(folder)
    founder = public_key(folder)
    if founder is None or not _is_certified(kept.certificate, founder):
        raise KeyFault(
            f"{str(folder / SESSION)!r} was not opened by this founder key; log in again: `firm login`"
        )
    _check_time(kept, now_us, _boot_us() if boot_us is None else boot_us)
    private = Ed25519PrivateKey.from_private_bytes(kept.private)
    if private.public_key().public_bytes_raw() != kept.certificate.public:
        raise KeyFault(f"{str(folder / SESSION)!r} was changed; log in again: `firm login`")
    return Session(private, kept.certificate)


def _session_file(folder: Path) -> _SessionFile:
    body = read_private(folder / SESSION, "the founder's session")
    if body is None:
        raise NoSession("no session is open; log in first: `firm login`")
    try:
        kept = msgspec.json.decode(body, type=_SessionFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KeyFault(
            f"{str(folder / SESSION)!r} is damaged ({error}); log in again: `firm login`"
        ) from None
    if len(kept.private) != 32:
        raise KeyFault(f"{str(folder / SESSION)!r} is damaged; log in again: `firm login`")
    return kept


def _check_time(kept: _SessionFile, now_us: int, boot_us: int) -> None:
    """The session is not over, by the clock on the wall and by the time that the machine has been up."""
    window, since_us = kept.certificate, boot_us - kept.boot_us
    if now_us > window.not_after_us or since_us > SESSION_S * 1_000_000:
        raise NoSession("the session is over; log in again: `firm login`")
    if now_us < window.not_before_us or now_us - window.not_before_us < since_us - SKEW_S * 1_000_000:
        raise NoSession(
            "the clock went back since the session was opened, so nobody can say whether it is over; put the clock "
            "right, or log in again: `firm login`"
        )


def _boot_us() -> int:
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1000


# --- proofs ----------------------------------------------------------------------------------------------------


def sign_answer(
    session: Session, question_id: str, action_hash: str, answer: object, now_us: int
) -> dict[str, Any]:
    """Prove that an answer is the founder's, as builtins to be kept with the answer.

    Args:
        session: That is open.
        question_id: What is answered.
        action_hash: Of the exact action that the question shows; '' where there is none.
        answer: As builtins; an entry "proof" in it does not count.
        now_us: Microseconds since 1970.

    Raises:
        NoSession: the session is over, or the clock went back to before it was opened.
    """
    window = session.certificate
    if not window.not_before_us <= now_us <= window.not_after_us:
        over = (
            "is over" if now_us > window.not_after_us else "begins only later by this clock, which went back"
        )
        raise NoSession(f"the session {over}; log in again: `firm login`")
    signature = session.sign(_answered(question_id, action_hash, answer, at_us=now_us, by=window))
    proof: dict[str, Any] = msgspec.to_builtins(Proof(now_us, window, signature))
    return proof


def check_proof(
    public: bytes | None,
    question_id: str,
    action_hash: str,
    answer: object,
    proof: object,
    now_us: int,
    *,
    asked_us: int = 0,
) -> Proof:
    """See that an answer is the founder's; the proof, read.

    Args:
        public: The founder's public key, see `public_key`; None: there is no key, so nothing can be proved.
        question_id: What was answered.
        action_hash: Of the exact action that is to be done now.
        answer: As builtins; an entry "proof" in it does not count.
        proof: What `sign_answer` gave.
        now_us: Microseconds since 1970.
        asked_us: When the question was put: a proof that is older is refused.

    Raises:
        PolicyDenied: it is not proved, with the reason.
    """
    if public is None:
        raise _unproved("there is no founder key: make one with `firm login`, and answer again")
    if proof is None:
        raise _unproved("it was given without a session: run `firm login`, and answer again")
    try:
        read = msgspec.convert(proof, Proof)
    except (msgspec.MsgspecError, RecursionError):
        raise _unproved("its proof cannot be read") from None
    window = read.certificate
    if not _is_certified(window, public):
        raise _unproved("the session was not opened by this firm's founder key")
    if not 0 <= window.not_after_us - window.not_before_us <= SESSION_S * 1_000_000:
        raise _unproved(f"the session is longer than {SESSION_S // 3600} hours")
    try:
        message = _answered(question_id, action_hash, answer, at_us=read.at_us, by=window)
    except (UsageError, TypeError, ValueError, RecursionError):
        raise _unproved("the answer has no canonical form") from None
    if not _is_signed(window.public, read.signature, message):
        raise _unproved("the proof is of another question, another action or another answer")
    if not window.not_before_us <= read.at_us <= window.not_after_us:
        raise _unproved("it was signed outside of its session")
    if read.at_us < asked_us:
        raise _unproved("it was signed before the question was put")
    if read.at_us > now_us + SKEW_S * 1_000_000:
        raise _unproved("it was signed in the future: the clock went back; put it right")
    return read


def _unproved(why: str) -> PolicyDenied:
    return PolicyDenied(f"the answer does not count as the founder's: {why}")


def _is_certified(certificate: Certificate, founder: bytes) -> bool:
    window = certificate.not_before_us, certificate.not_after_us
    try:
        message = _certified(certificate.public, *window)
    except (UsageError, TypeError, ValueError):
        return False
    return _is_signed(founder, certificate.signature, message)


def _certified(public: bytes, not_before_us: int, not_after_us: int) -> bytes:
    window = {"not_before_us": not_before_us, "not_after_us": not_after_us}
    return _SESSION_DOMAIN + canonical({"public": public.hex(), **window})


def _answered(question_id: str, action_hash: str, answer: object, *, at_us: int, by: Certificate) -> bytes:
    if isinstance(answer, dict):
        answer = {key: value for key, value in answer.items() if key != "proof"}
    said = {"question": question_id, "action": action_hash, "answer": answer}
    return _ANSWER_DOMAIN + canonical({**said, "at_us": at_us, "session": by.public.hex()})


def _is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(public) != 32 or len(signature) != 64:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
