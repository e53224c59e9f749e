"""What a call leaves in the trace: one span, with a moment for each attempt that failed on the way.

One rule: the plain case (asked once, answered) costs next to nothing; words of servers stand in moments only.
"""

import functools
import time
from urllib.parse import urlsplit

from firm.model.reply import Reply
from firm.model.request import PLAIN, Request, Sampling
from firm.model.route import Attempt
from firm.model.vectors import Texts
from firm.trace import Moment, Span, attribute
from firm.trace.span import CHAT, EMBEDDINGS, FALLBACK, HEDGE, REPAIR, RETRY, Value

_MOMENTS = {"retry": RETRY, "fallback": FALLBACK, "hedge": HEDGE}
_PROVIDERS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "api.mistral.ai": "mistral_ai",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.x.ai": "x_ai",
}
"""Hosts whose provider OpenTelemetry has a name for; others go by their host."""


@functools.lru_cache(maxsize=1000)
def _place(endpoint: str) -> dict[str, Value]:
    """Provider and server of an address."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {
        attribute.PROVIDER: _PROVIDERS.get(host, host),
        attribute.SERVER_ADDRESS: host,
        attribute.SERVER_PORT: port,
        attribute.ENDPOINT: endpoint,
    }


def _drawn(sampling: Sampling) -> dict[str, Value]:
    """How the reply was to be drawn, as far as somebody said."""
    found = {
        attribute.REQUEST_TEMPERATURE: sampling.temperature,
        attribute.REQUEST_TOP_P: sampling.top_p,
        attribute.REQUEST_SEED: sampling.seed,
        attribute.REQUEST_STOP: list(sampling.stop) or None,
    }
    return {name: value for name, value in found.items() if value is not None}


class Log:
    """Gathers what becomes of one call."""

    __slots__ = ("_began_s", "_request", "_start_us", "attempts")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._start_us = time.time_ns() // 1000
        self._began_s = time.monotonic()
        self.attempts: list[Attempt] = []

    def answered(self, reply: Reply) -> Span:
        """The span of a call that was answered."""
        attributes = self._asked()
        usage = reply.usage
        attributes[attribute.RESPONSE_MODEL] = reply.model
        attributes.update(_place(reply.endpoint))
        attributes[attribute.FINISH_REASONS] = [reply.stop]
        attributes.update(attribute.of_usage(usage))
        if reply.request_id:
            attributes[attribute.RESPONSE_ID] = reply.request_id
        if reply.priced:
            attributes[attribute.COST_USD] = reply.cost_usd
        if reply.gpu_s:
            attributes[attribute.GPU_S] = reply.gpu_s
        timing = reply.timing
        if timing.first_token_s != timing.total_s:
            attributes[attribute.TIME_TO_FIRST_TOKEN_S] = timing.first_token_s
        if timing.queue_s > 0.001:
            attributes[attribute.QUEUE_S] = timing.queue_s
        return self._span(attributes, "")

    def failed(self, error: BaseException) -> Span:
        """The span of a call that was not."""
        attributes = self._asked()
        if self.attempts:
            last = self.attempts[-1]
            attributes.update(_place(last.endpoint.address))
            if last.status:
                attributes[attribute.HTTP_STATUS] = last.status
        return self._span(attributes, type(error).__qualname__)

    @property
    def _operation(self) -> str:
        return EMBEDDINGS if type(self._request) is Texts else CHAT

    def _asked(self) -> dict[str, Value]:
        request = self._request
        attributes: dict[str, Value] = {
            attribute.REQUEST_MODEL: request.model,
            attribute.REQUEST_MAX_TOKENS: request.max_tokens,
        }
        if request.effort:
            attributes[attribute.REQUEST_REASONING] = request.effort
        if request.session:
            attributes[attribute.CONVERSATION_ID] = request.session
        if request.sampling is not PLAIN:
            attributes.update(_drawn(request.sampling))
        return attributes

    def _span(self, attributes: dict[str, Value], error: str) -> Span:
        took_us = int((time.monotonic() - self._began_s) * 1e6)
        attempts = self.attempts
        if not attempts and not error and not self._request.repair:
            return Span(self._operation, self._start_us, took_us, attributes)
        attributes[attribute.ATTEMPT] = len(attempts)
        return Span(self._operation, self._start_us, took_us, attributes, error, self._moments())

    def _moments(self) -> tuple[Moment, ...]:
        """What went wrong on the way, and what was done about it."""
        moments = []
        if self._request.repair:
            moments.append(Moment(REPAIR, self._start_us, {attribute.REASON: self._request.repair}))
        for number, attempt in enumerate(self.attempts):
            after = self.attempts[number + 1] if number + 1 < len(self.attempts) else None
            if attempt.outcome == "ok" and attempt.why != "hedge":
                continue
            found: dict[str, Value] = {
                attribute.REASON: f"{attempt.outcome}: {attempt.told}" if attempt.told else attempt.outcome,
                attribute.ENDPOINT: attempt.endpoint.address,
            }
            if attempt.status:
                found[attribute.HTTP_STATUS] = attempt.status
            if after is not None:
                found[attribute.REQUEST_MODEL] = after.model
            name = _MOMENTS.get(after.why if after is not None else attempt.why, RETRY)
            at_us = self._start_us + int((attempt.began_s + attempt.took_s - self._began_s) * 1e6)
            moments.append(Moment(name, at_us, found))
        return tuple(moments)
