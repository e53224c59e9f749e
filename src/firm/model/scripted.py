"""A model that answers by rule: for tests, and for work that needs a model's place but not its judgement.

One rule: what it was asked is kept, and it never invents: a request that no rule fits is an error.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from firm.errors import UsageError
from firm.model.message import Message, Text, ToolCall, ToolResult
from firm.model.reply import Reply
from firm.model.request import Delta, Request, Watch
from firm.model.target import Abilities, Model
from firm.model.transcript import of_each
from firm.model.wire.fault import Fault, Kind
from firm.units import Usage

Answer = str | Reply | ToolCall | Fault | Exception | Mapping[str, Any] | list[Any]
"""What a rule gives: words, a whole reply, a tool call, a value (becomes JSON), or an error to raise."""
Rule = Callable[[Request], Answer | Awaitable[Answer | None] | None]


class ScriptedModel:
    """Answers by rule, without any network.

    Args:
        answers: A function from request to answer; or a mapping of words that stand in the last message to answers;
            or a list of answers, one a call, in order.
        name: As which it shows up.

    Use it as any other model: `Firm.open(models={"default": ScriptedModel({"hello": "hi"})})`.
    """

    def __init__(
        self, answers: Rule | Mapping[str, Answer] | Iterable[Answer], *, name: str = "scripted"
    ) -> None:
        self.model = Model("http://scripted.localhost", name, context_tokens=1_000_000)
        self.abilities = Abilities(probed=True)
        self.requests: list[Request] = []
        """What it was asked, in order."""
        self._rule = _rule_of(answers)

    async def say(self, request: Request, abilities: Abilities, watch: Watch | None) -> Reply:
        """Answer by the first rule that fits."""
        self.requests.append(request)
        found = self._rule(request)
        answer = await found if inspect.isawaitable(found) else found
        if answer is None:
            said = request.messages[-1].text
            raise Fault(Kind.REQUEST, f"no rule of the scripted model fits {said!r:.200}; add one")
        if isinstance(answer, Exception):
            raise answer
        reply = _reply_of(answer, request, self.model.name)
        if watch is not None:
            for word in _pieces(reply.text):
                watch(Delta(word))
        return reply

    async def close(self) -> None:
        """Nothing is open."""


def _rule_of(answers: Rule | Mapping[str, Answer] | Iterable[Answer]) -> Rule:
    if callable(answers):
        return answers
    if isinstance(answers, Mapping):
        table = dict(answers)

        def by_words(request: Request) -> Answer | None:
            said = request.messages[-1].text
            return next((answer for words, answer in table.items() if words in said), None)

        return by_words
    if isinstance(answers, str):
        raise UsageError(f"ScriptedModel({answers!r}): give a function, a mapping, or a list of answers")
    rest = iter(answers)
    return lambda request: next(rest, None)


def _reply_of(answer: Answer, request: Request, name: str) -> Reply:
    if isinstance(answer, Reply):
        return msgspec.structs.replace(answer)  # who gets it may write on it
    usage = Usage(sum(of_each(request.messages, "scripted", _read)))
    if isinstance(answer, ToolCall):
        return Reply((answer,), usage + Usage(output=_tokens(answer.arguments)), "tool_calls", name)
    words = answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
    return Reply((Text(words),), usage + Usage(output=_tokens(words)), "stop", name)


def _read(message: Message) -> int:
    """About as many tokens as a message has."""
    found = 0
    for part in message.parts:
        match part:
            case ToolCall(_, name, arguments):
                found += _tokens(name + arguments)
            case Text(text) | ToolResult(_, text):
                found += _tokens(text)
    return found or 1


def _tokens(text: str) -> int:
    """About as many as a real tokenizer would count; at least 1."""
    return max(1, len(text.encode("utf-8", "replace")) // 4)


def _pieces(text: str) -> list[str]:
    return [text[start : start + 8] for start in range(0, len(text), 8)]
