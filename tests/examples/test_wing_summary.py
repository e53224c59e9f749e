"""The model's paragraph in the report of the wing example: asked once, marked, escaped, its numbers compared."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firm import Firm, workflow
from firm.errors import UsageError
from firm.lab.report import Story, page
from firm.model import Models, Reply, Request, ScriptedModel, Text
from paragraph import MAX_CHARS, box, marked
from summary import Summary, figures, prompt, summarize
from words import words

from tests.unit.lab.stories import found, nothing  # isort: skip

SAY = words("en")
STORY = found()
RECORD = figures(STORY)


def ask_once(answer: Any, story: Story = STORY) -> tuple[Summary, ScriptedModel]:
    """The summary where the default model answers by rule."""
    model = ScriptedModel(lambda request: answer, name="parrot")

    async def inside() -> Summary:
        async with Models({"default": model}):
            return await summarize(story)

    return asyncio.run(inside()), model


@workflow
async def sum_up_twice(story: Story) -> list[Summary]:
    """Two calls, so that a run can end between them."""
    return [await summarize(story), await summarize(story)]


# --- asking ---------------------------------------------------------------------------------------------------


def test_the_model_is_given_the_record_and_a_seed() -> None:
    summary, model = ask_once("It flies.")
    assert summary == Summary("It flies.", "parrot")
    [request] = model.requests
    said = request.messages[0].text
    for fact in (
        "drag is 0.",
        "41200 candidates in 120 s",
        "drag of 185.2.",
        "has 166.4; the new",
        "11.3 %",
    ):
        assert fact in said
    assert "XFOIL, a second solver, says so." in said
    assert "it has 171.1." in said
    assert (request.sampling.temperature, request.sampling.seed) == (0, 7)


def test_the_word_of_a_surrogate_is_called_that_and_nothing_found_is_said() -> None:
    champion = STORY.champion
    assert champion is not None
    alone = msgspec.structs.replace(
        STORY, champion=msgspec.structs.replace(champion, trust="surrogate", holdout=None), baselines=()
    )
    said = prompt(alone, SAY)
    assert "the word of a surrogate" in said
    assert "XFOIL" not in said and "catalogue" not in said and "other air" not in said
    assert "No section was found that holds." in prompt(nothing(), SAY)


def test_a_reply_that_is_in_the_journal_is_not_asked_for_again(tmp_path: Path) -> None:
    asked: list[Request] = []
    reached = asyncio.Event()

    async def slow(request: Request) -> str:
        asked.append(request)
        if len(asked) == 2:
            reached.set()
            await asyncio.Event().wait()  # the first life ends here
        return f"answer {len(asked)}"

    async def life(*, last: bool) -> Any:
        async with Firm.open(tmp_path, models={"default": ScriptedModel(slow)}) as firm:
            run = await firm.start(sum_up_twice, STORY, id="s")
            if last:
                return await run.result()
            await asyncio.wait_for(reached.wait(), 5)
            firm.grace_s = 0.0
            return None

    asyncio.run(life(last=False))
    assert [one.text for one in asyncio.run(life(last=True))] == ["answer 1", "answer 3"]
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (UsageError("no model here; run: firm models pull x"), "no model here; run: firm models pull x"),
        (RuntimeError(), "RuntimeError"),
        (" \n", "the model answered without a word"),
    ],
)
def test_whatever_goes_wrong_is_a_reason(answer: Any, why: str) -> None:
    assert ask_once(answer)[0] == Summary(why_not=why)


def test_no_firm_and_no_model_are_reasons_too() -> None:
    assert "outside any firm" in asyncio.run(summarize(STORY)).why_not
    assert asyncio.run(summarize(STORY, model="")) == Summary(why_not="none was wanted")


def test_a_model_elsewhere_is_not_said_to_be_on_this_machine() -> None:
    reply = Reply((Text("It flies."),), model="big", endpoint="https://models.example.com/v1")
    assert box(Summary("It flies.", "big"), RECORD, SAY).count("(big, on this machine)") == 1

    class Elsewhere(ScriptedModel):
        def __init__(self) -> None:
            super().__init__(lambda request: reply)
            self.model = type(self.model)("https://models.example.com/v1", "big")

    async def inside() -> Summary:
        async with Models({"default": Elsewhere()}):
            return await summarize(STORY)

    summary = asyncio.run(inside())
    assert summary.host == "models.example.com"
    assert "(big, at models.example.com)" in box(summary, RECORD, SAY)


def test_a_chinese_paragraph_is_asked_for_in_chinese() -> None:
    asked = prompt(STORY, words("zh"))
    assert "请用中文" in asked
    assert "185.2" in asked
    assert "founder" not in asked


# --- showing --------------------------------------------------------------------------------------------------


def test_the_paragraph_is_marked_as_a_models() -> None:
    shown = box(Summary("From 0 to 185.2, 41,200 candidates.", "parrot"), RECORD, SAY)
    assert (
        "Written by a model (parrot, on this machine), not checked by a person; the figures above are the record."
        in shown
    )
    assert "Every number in digits is in the record." in shown
    assert "<u" not in shown


def test_hostile_text_becomes_text_and_nothing_else() -> None:
    hostile = '<script>alert(1)</script>"\x00\x1b[2J\u202egnp.exe\ud800 &amp;' + "x" * 10_000
    shown = box(Summary(hostile, '<img src="x">', host="<b>"), RECORD, SAY)
    shown.encode()
    assert "<script" not in shown and "<img" not in shown and "<b>" not in shown
    assert "&lt;script&gt;" in shown and "&amp;amp;" in shown and "&lt;b&gt;" in shown
    assert not any(char in shown for char in "\x00\x1b\u202e")
    assert len(shown) < MAX_CHARS + 1_000


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("From 0 to 185 with 41,200 candidates in 120 s, 185.2 to be exact.", []),
        ("It is 186, or 185.21, at 185.", ["186", "185.21"]),
        ("It got better by 11.3% or 11 %, not by 12 %, nor 11.3.", ["12 %", "11.3"]),
        ("It has 185%, or 11‰.", ["185%", "11‰"]),
        ("From -185 to 185, a 120-second search.", ["-185"]),
        ("In all 3,600 steps, and 0,120.", ["3,600"]),
        ("升阻比从0提高到185.2，共120秒，提高11.3％，增长１７２。", ["１７２"]),
        ("<b>9</b>", ["9"]),
    ],
)
def test_numbers_that_are_not_in_the_record_are_underlined(text: str, strange: list[str]) -> None:
    shown, count = marked(text, RECORD, "not in the record")
    assert count == len(strange)
    assert shown.count("<u ") == count
    for number in strange:
        assert f'<u class="strange" title="not in the record">{number}</u>' in shown


def test_the_box_counts_what_it_underlines() -> None:
    shown = box(Summary("It is 999 after 120 s.", "parrot"), RECORD, SAY)
    assert "Underlined: 1 not in the record." in shown


def test_without_a_paragraph_one_line_says_why() -> None:
    shown = box(Summary(why_not="no weights; <run>: firm models pull x."), RECORD, SAY)
    assert shown == (
        '<p class="note">No model wrote a summary here: no weights; &lt;run&gt;: firm models pull x.</p>'
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_paragraph_stands_below_the_first_screen_of_the_report(language: str) -> None:
    extra = box(Summary("It flies.", "parrot"), RECORD, words(language))
    shown = page(STORY, language, extra=extra)
    assert shown.index("</header>") < shown.index(extra) < shown.index('<section id="again">')
    assert "It flies." not in page(STORY, language)
