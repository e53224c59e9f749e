"""How often something is due, read out of plain words: 'one issue a week', 'every Monday at 9', '每周一'.

One rule: only what is certainly said becomes a schedule; what is not understood starts nothing.
"""

import re
from dataclasses import dataclass

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_DAYS_ZH = "日一二三四五六"
_ONE = r"(?:once|one|an?|1|每次|一)"
_PER = r"(?:an?|per|each|every)"
_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "ten": 10,
    "twelve": 12,
    "other": 2,
}
_NUMBERS |= {"一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "十": 10}
HOUR = 8
"""Of the day, where nothing is said."""


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often, as a schedule."""

    cron: str
    """Five fields; this machine's time."""
    name: str
    """Kebab case: weekly, every-monday …"""
    words: str
    """Where it was read."""


@dataclass(frozen=True, slots=True)
class _Form:
    pattern: re.Pattern[str]
    name: str
    days: str
    """Day of the month, month and day of the week."""
    hours: str = ""
    """Instead of the one hour; '*': every one."""


def _form(name: str, days: str, english: str, chinese: str, *, unit: str = "", hours: str = "") -> _Form:
    """A way of saying it; with `unit` also 'every week', 'each week', 'one issue a week', 'once per week'."""
    ways = [english, chinese]
    if unit:
        ways += [rf"\b(?:every|each) {unit}\b", _ONE_A.replace("UNIT", unit)]
    return _Form(re.compile("|".join(ways)), name, days, hours)


_ONE_A = (
    rf"\b{_ONE}\b(?:(?!\b(?:usd|dollars?|cents?|euros?)\b)[^,.;，。；]){{0,40}}?"
    rf"(?<!\bin)(?<!within)(?<!\bfor)\s{_PER} UNIT\b"
)
"""Not 'in a week', not 'one dollar a week'."""
_MONEY = r"(?!usd\b|dollars?\b|cents?\b|euros?\b)"
_TWO = rf"\b(?:twice|(?:two|2) {_MONEY}\w+)"
_THREE = rf"\b(?:three|3) {_MONEY}\w+"
_WEEK = "(?:周|星期|礼拜)"
_TIMES = "[次期篇份]"
_FORMS = (
    _form("twice-a-day", "* * *", rf"{_TWO} {_PER} day\b", f"(?:每天|每日|一天)[两二]{_TIMES}", hours="8,17"),
    _form("twice-a-week", "* * 1,4", rf"{_TWO} {_PER} week\b", f"[每一]{_WEEK}[两二]{_TIMES}"),
    _form("thrice-a-week", "* * 1,3,5", rf"{_THREE} {_PER} week\b", f"[每一]{_WEEK}三{_TIMES}"),
    _form(
        "weekdays",
        "* * 1-5",
        r"\b(?:every|each) (?:working |business |week)day\b|\bon (?:working |week)days\b",
        "每个?工作日",
    ),
    _form("hourly", "* * *", r"\bhourly\b", "每个?小时|每一小时", unit="hour", hours="*"),
    _form(
        "daily",
        "* * *",
        r"\bdaily\b|\b(?:every|each) (?:morning|evening|night)\b",
        f"每一?天|每日|每晚|每早|日报|天天|一天一{_TIMES}",
        unit="day",
    ),
    _form("weekly", "* * 1", r"\bweekly\b", f"每个?{_WEEK}|周刊|周报|一周一{_TIMES}", unit="week"),
    _form("monthly", "1 * *", r"\bmonthly\b", f"每个?月|月刊|月报|一个?月一{_TIMES}", unit="month"),
    _form("quarterly", "1 1,4,7,10 *", r"\bquarterly\b", "每个?季度|季刊|季报", unit="quarter"),
    _form("yearly", "1 1 *", r"\byearly\b|\bannually\b", "每年|年刊|年报", unit="year"),
)
_ON_DAY = re.compile(rf"\b(?:every|each|on) ({'|'.join(_DAYS)})s?\b")
_ON_DAY_ZH = re.compile(rf"每个?(?:周|星期|礼拜)([{_DAYS_ZH}天])(?![次期篇份])")
_EVERY_FEW = re.compile(rf"\bevery (\d+|{'|'.join(_NUMBERS)}) (minute|hour|day|week|month)s?\b")
_EVERY_FEW_ZH = re.compile(r"每隔?(\d+|[两二三四五六十])个?(分钟|小时|天|周|星期|月)")
_UNITS_ZH = {"分钟": "minute", "小时": "hour", "天": "day", "周": "week", "星期": "week", "月": "month"}
_COUNTS = {
    "minute": (5, 10, 15, 20, 30),
    "hour": (1, 2, 3, 4, 6, 8, 12),
    "day": tuple(range(1, 15)),
    "week": (1, 2),
    "month": (1, 2, 3, 4, 6),
}
"""What a calendar can say; of the others nothing is certain."""
_AT = re.compile(r"\bat (\d{1,2})(?::(\d{2}))?\s*(am|pm|a\.m\.|p\.m\.|o'clock)?(?![\d:])")
_AT_ZH = re.compile(r"(早上|上午|中午|下午|晚上|凌晨)?(\d{1,2})(?:[点时](半|\d{1,2})?|[:：](\d{2}))")
_EVENING = re.compile(r"\b(?:every|each) (?:evening|night)\b|每晚")


def frequency_of(sentence: str) -> Frequency | None:
    """How often something is due; None where nothing certain is said.

    Args:
        sentence: English or Chinese.
    """
    text = " ".join(sentence.lower().split())
    minute, hour = _time(text)
    for read in (_few, _on_day):
        if (found := read(text, minute, hour)) is not None:
            return found
    for form in _FORMS:
        if hit := form.pattern.search(text):
            at = "0 *" if form.hours == "*" else f"{minute} {form.hours or hour}"
            return Frequency(f"{at} {form.days}", form.name, hit.group().strip())
    return None


def _on_day(text: str, minute: int, hour: int) -> Frequency | None:
    found = {_DAYS.index(hit.group(1)): hit.group() for hit in _ON_DAY.finditer(text)}
    found |= {_day_zh(hit.group(1)): hit.group() for hit in _ON_DAY_ZH.finditer(text)}
    if not found:
        return None
    days = sorted(found)
    name = "every-" + "-".join(_DAYS[day] for day in days)
    cron = f"{minute} {hour} * * {','.join(str(day) for day in days)}"
    return Frequency(cron, name, ", ".join(found[day] for day in days))


def _few(text: str, minute: int, hour: int) -> Frequency | None:
    """Every so many minutes, hours, days; weeks and months where a calendar can say them."""
    hit = _EVERY_FEW.search(text) or _EVERY_FEW_ZH.search(text)
    if hit is None:
        return None
    number, unit = hit.groups()
    count, unit = int(_NUMBERS.get(number, number)), _UNITS_ZH.get(unit, unit)
    if count not in _COUNTS[unit]:
        return None
    cron = {
        "minute": f"*/{count} * * * *",
        "hour": f"0 */{count} * * *",
        "day": f"{minute} {hour} */{count} * *",
        "week": f"{minute} {hour} * * 1" if count == 1 else f"{minute} {hour} 1,15 * *",
        "month": f"{minute} {hour} 1 */{count} *",
    }[unit]
    return Frequency(cron, f"every-{count}-{unit}s", hit.group())


def _day_zh(character: str) -> int:
    return 0 if character == "天" else _DAYS_ZH.index(character)


def _time(text: str) -> tuple[int, int]:
    """Minute and hour that are said."""
    if hit := _AT.search(text):
        hour, minute, half = int(hit.group(1)), int(hit.group(2) or 0), (hit.group(3) or "")[:1]
        hour = hour % 12 + 12 * (half == "p") if half in ("a", "p") else hour
    elif hit := _AT_ZH.search(text):
        part, said, after, minutes = hit.groups()
        hour, minute = int(said), 30 if after == "半" else int(after or minutes or 0)
        hour = hour % 12 + 12 if part in ("下午", "晚上") else hour
    else:
        hour, minute = (20 if _EVENING.search(text) else HOUR), 0
    return (minute, hour) if hour < 24 and minute < 60 else (0, HOUR)
