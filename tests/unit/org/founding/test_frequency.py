"""How often something is due, read out of plain words."""

import pytest

from firm.org.founding import frequency_of
from firm.org.time.cron import cron_of


@pytest.mark.parametrize(
    ("sentence", "cron"),
    [
        ("a newsletter on wing design, one issue a week", "0 8 * * 1"),
        ("a weekly newsletter", "0 8 * * 1"),
        ("a report every day at 9:30", "30 9 * * *"),
        ("one page per day", "0 8 * * *"),
        ("every Monday at 5 pm", "0 17 * * 1"),
        ("a quiz every Tuesday, and one on Fridays", "0 8 * * 2,5"),
        ("every working day", "0 8 * * 1-5"),
        ("two posts a day", "0 8,17 * * *"),
        ("twice a week", "0 8 * * 1,4"),
        ("three posts a week", "0 8 * * 1,3,5"),
        ("each hour", "0 * * * *"),
        ("looks at the shop every 4 hours", "0 */4 * * *"),
        ("every other day", "0 8 */2 * *"),
        ("every two weeks", "0 8 1,15 * *"),
        ("every 15 minutes", "*/15 * * * *"),
        ("a monthly letter at 12 am", "0 0 1 * *"),
        ("a digest every evening", "0 20 * * *"),
        ("once a quarter", "0 8 1 1,4,7,10 *"),
        ("每周一期的机翼设计通讯", "0 8 * * 1"),
        ("每周五下午3点半发简报", "30 15 * * 5"),
        ("每天早上7点", "0 7 * * *"),
        ("每周日休刊前总结", "0 8 * * 0"),
        ("每个工作日", "0 8 * * 1-5"),
        ("每周两期", "0 8 * * 1,4"),
        ("每3天一次", "0 8 */3 * *"),
        ("月刊", "0 8 1 * *"),
    ],
)
def test_plain_words_become_a_schedule(sentence: str, cron: str) -> None:
    found = frequency_of(sentence)
    assert found is not None
    assert found.cron == cron
    assert cron_of(found.cron).words == cron
    assert found.words.lower() in sentence.lower() or "," in found.words


@pytest.mark.parametrize(
    "sentence",
    [
        "a tutor that is paid 5 dollars a week",
        "a contract is read within a week",
        "an answer in a day",
        "done by Monday",
        "every 7 hours",
        "审查合同",
        "一周之内交付",
        "",
    ],
)
def test_what_says_nothing_certain_starts_nothing(sentence: str) -> None:
    assert frequency_of(sentence) is None


def test_an_hour_that_there_is_not_is_left_out() -> None:
    found = frequency_of("every day at 25:00")
    assert found is not None
    assert found.cron == "0 8 * * *"
