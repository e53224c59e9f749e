"""Webhooks: POST /hooks/NAME begins the mission of the schedule with that hook.

One rule: who sends is known by a signature, or sends from this machine; what is sent is untrusted, and the same
delivery begins one mission, however often it comes.
"""

import asyncio
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from firm.errors import FirmError, PolicyDenied
from firm.ids import digest
from firm.model.wire.text import to_json
from firm.org.time.begin import begin_mission, event_of
from firm.policy.secret import Secrets
from firm.serve.exchange import Exchange
from firm.serve.refusal import Refusal

if TYPE_CHECKING:
    from firm.root.firm import Firm

PATH = "/hooks"
MAX_BYTES = 1024 * 1024
"""Of a body."""
HOST = "localhost"
"""The secret of a hook is bound to this host: it is not for sending anywhere."""
SIGNATURES = ("x-hub-signature-256", "x-firm-signature")
"""`sha256=` and HMAC-SHA256 of the body in hex, as GitHub sends it."""
DELIVERIES = ("x-github-delivery", "webhook-id", "idempotency-key", "x-delivery-id")
"""What names a delivery, the first that is there; without one the body does, for a day."""
_SHA256 = re.compile(r"(?:sha256=)?([0-9a-f]{64})", re.IGNORECASE | re.ASCII)


class Hooks:
    """The door for webhooks: `Server.start(…, doors={PATH: Hooks(firm, local=…)})`.

    Args:
        firm: Open, for as long as requests come.
        local: The server is reached from this machine only.
    """

    def __init__(self, firm: "Firm", *, local: bool) -> None:
        self._firm, self._local = firm, local
        self._secrets = Secrets(firm.home.state)

    async def __call__(self, exchange: Exchange) -> None:
        """One delivery; 202 with the id of its mission's run."""
        name = exchange.path.removeprefix(PATH).strip("/")
        schedule = next((one for one in self._firm.config.schedules if one.hook and one.hook == name), None)
        secret = await asyncio.to_thread(self._secret, name) if schedule is not None else ""
        if schedule is None or not (secret or self._local):  # a stranger does not learn which hooks there are
            raise Refusal(
                404, "there is no such hook, or it has no secret: firm secret set hook-NAME", "unknown_hook"
            )
        if exchange.method != "POST":
            raise Refusal(405, f"{exchange.method:.20} does nothing at a hook; send POST", "method")
        body = await exchange.body(MAX_BYTES)
        if secret:
            _check_signature(exchange, body, secret)
        begun = await begin_mission(
            self._firm, schedule, stamp_of(exchange.headers, body), event_of(_text_of(body))
        )
        await exchange.answer(202, to_json({"run": begun.run, "new": begun.new}))

    def _secret(self, name: str) -> str:
        """What the hook's sender signs with; '': it has none."""
        try:
            if f"hook-{name}" not in {one.name for one in self._secrets.list()}:
                return ""
            return self._secrets.get(f"hook-{name}", HOST)
        except PolicyDenied as error:
            raise Refusal(503, f"{error}; a hook's is for host {HOST}", "secret_unreadable") from None
        except FirmError as error:
            raise Refusal(503, str(error), "secret_unreadable") from None


def stamp_of(headers: dict[str, str], body: bytes) -> str:
    """What tells a delivery from others: its id, else its body and the day in UTC."""
    for name in DELIVERIES:
        if given := headers.get(name, "").strip():
            return digest("firm/delivery", given)[:16]
    return f"{datetime.now(UTC):%Y%m%d}-{digest('firm/body', body)[:16]}"


def signature(body: bytes, secret: str) -> str:
    """What a sender puts into `x-firm-signature`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _check_signature(exchange: Exchange, body: bytes, secret: str) -> None:
    given = next((exchange.headers[name] for name in SIGNATURES if name in exchange.headers), "")
    found = _SHA256.fullmatch(given.strip())
    if found is None or not hmac.compare_digest(f"sha256={found[1].lower()}", signature(body, secret)):
        raise Refusal(
            401,
            f"the signature is missing or wrong: send {SIGNATURES[1]}: sha256=HMAC-SHA256 of the body in hex",
            "wrong_signature",
        )


def _text_of(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\0", "")
