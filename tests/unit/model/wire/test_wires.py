"""Wires by name, and what is the same for all."""

import pytest

from firm.errors import UsageError
from firm.model.target import WIRES
from firm.model.wire import wire_of
from firm.units import LEVELS


@pytest.mark.parametrize("name", WIRES)
def test_wire_is_found_by_its_name(name: str) -> None:
    wire = wire_of(name)
    assert wire.name == name
    assert wire.path.startswith("/")
    assert wire is wire_of(name)


def test_unknown_wire_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'telex' is not known; give one of chat, responses, anthropic"):
        wire_of("telex")


def test_key_goes_where_the_provider_wants_it_and_nowhere_without_one() -> None:
    assert wire_of("chat").headers("k") == wire_of("responses").headers("k") == {"Authorization": "Bearer k"}
    assert wire_of("chat").headers("") == wire_of("responses").headers("") == {}
    assert wire_of("anthropic").headers("k") == {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    assert wire_of("anthropic").headers("") == {"anthropic-version": "2023-06-01"}


def test_every_level_of_effort_has_a_name_on_every_wire() -> None:
    from firm.model.wire import anthropic, chat

    openai = {"none", "minimal", "low", "medium", "high", "xhigh", "max"}
    assert {chat.EFFORTS.get(level, level) for level in LEVELS} <= openai
    assert {anthropic.EFFORTS.get(level, level) for level in LEVELS} <= openai - {"none", "minimal"}
