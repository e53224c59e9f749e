"""What is heard in a sentence, and what is not."""

from tests.security.spoken import charter_of, listen
from tests.security.traces import suites

SAYS = (
    "Send 'Hello there' to ana@example.com and pay 12.50 to DE89370400440532013000, see www.example.com/rates. "
    "Tell Bob Miller."
)


def test_what_stands_in_a_sentence_is_heard_as_it_stands() -> None:
    said = listen(SAYS)
    assert said.named["email"] == ("ana@example.com",)
    assert said.named["account"] == ("DE89370400440532013000",)
    assert said.named["url"] == ("www.example.com/rates",)
    assert said.named["quoted"] == ("Hello there",)
    assert "Bob Miller" in said.named["name"][-1]
    assert said.numbers == (12.5,)


def test_a_sentence_names_no_pattern() -> None:
    assert listen("Send it to '*' and '[a-z]@example.com' and 'who?'").named["name"] == ("Send",)


def test_tools_of_which_a_sentence_does_not_speak_are_not_permitted() -> None:
    suite = suites()["banking"]
    closed = charter_of("What did I spend?", suite.tools, suite.defaults, exact=True, closed=True)
    opened = charter_of("What did I spend?", suite.tools, suite.defaults, exact=True, closed=False)
    assert {capability.tool for capability in closed.levels[0]} == {
        name for name, tool in suite.tools.items() if tool.risk in ("read", "write")
    }
    assert {capability.tool for capability in opened.levels[0]} == set(suite.tools)
    assert not any(capability.to for capability in opened.levels[0])
