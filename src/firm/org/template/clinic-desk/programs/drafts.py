"""Checks of the drafts: no dose, no diagnosis, no change of medicine, no comfort that nobody can give.

One rule: a pattern that refuses too much costs a round; one that lets a dose through costs more. So they are wide.
"""

import re
from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment
from firm.org.words import Say

_COUNT = r"(?:\d+(?:[.,/]\d+)?|half|one|two|three|four|five|six|a|半|一|两|二|三|四)"
_UNIT = (
    r"(?:mg|mcg|µg|g|grams?|ml|millilit\w+|milligrams?|tablets?|pills?|capsules?|drops?|puffs?|(?:tea|table)?spoon\w*|"
    r"units?|iu|毫克|微克|克|毫升|片|粒|滴|勺|支|袋|单位)"
)
_TIMES = (
    r"\b(?:once|twice|(?:two|three|four|\d+) times) (?:a|per|each|every) day|\bevery (?:\w+|\d+(?: to \d+)?) hours?|"
    r"每[天日]\S{0,3}次|[一日]日[一二三四两\d]+次|每隔?\S{1,4}小时"
)
DANGERS = {
    "dose": re.compile(rf"(?<![A-Za-z0-9.]){_COUNT}\s?{_UNIT}(?![A-Za-z])|{_TIMES}", re.IGNORECASE),
    "change of medicine": re.compile(
        r"\b(?:stop|start|begin|skip|double|halve|increase|reduce|lower)\b[^.\n]{0,30}\b(?:tak\w+|dose|medicines?|tablets?|"
        r"pills?|medication)|\b(?:give|take) (?:him|her|it|them|an?|some|your)? ?(?:ibuprofen|paracetamol|aspirin)|"
        r"(?:停|加|减|增加|减少)(?:药|量)|(?:可以|请|应)[^。\n]{0,6}(?:服用|吃)[^。\n]{0,6}(?:布洛芬|阿司匹林|药)",
        re.IGNORECASE,
    ),
    "diagnosis": re.compile(
        r"\byou (?:probably |likely |may |might |could |seem to |appear to |clearly )+(?:have|suffer)|\bsounds? like|"
        r"\b(?:it|this|that|she|he) (?:is|looks|seems|may be|might be|could be) "
        r"(?:probably|likely|most likely|typical|just|only)|"
        r"\b(?:consistent with|sign of|symptoms? of|suffer\w* from|diagnos\w+)|"
        r"\byou (?:do not |don't )?have (?:diabetes|cancer|an? \w+(?:itis|osis|oma|emia)|"
        r"an? infection|the flu|migraine)|"
        r"(?:您|你|他|她|孩子|母亲)(?:可能|大概|很可能|应该|多半|没有)?(?:得了|患了?|是得)|(?:看|听)起来像|诊断为|症状符合|只是年纪",
        re.IGNORECASE,
    ),
    "false comfort": re.compile(
        r"\b(?:harmless|nothing to worry|no need to worry|don't worry|do not worry|no reason to worry|perfectly normal|"
        r"is normal|will pass)|不用担心|不必担心|没事|无大碍|很正常|会好的",
        re.IGNORECASE,
    ),
}
SOONER = re.compile(
    r"\b(?:call|ring|phone|telephone)\b[^.\n]*\b(?:sooner|worse|at once|immediately|now|today)|"
    r"\b(?:worse|sooner)\b[^.\n]*\b(?:call|ring|phone)|(?:加重|恶化|更严重|变差)[^。\n]*(?:拨打|打电话|致电|来电)",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d[\d.,:/-]*\d|\d")
CHINESE = {
    "there is no draft for {id}": "缺少{id}的答复",
    "{id} has two drafts": "{id}有两份答复",
    "{id} is an emergency or no question; it gets no draft": "{id}是紧急来信或不存在；不应起草",
    "{count} drafts for {all} questions that are no emergency": "{all}封非紧急来信有{count}份答复",
    "{id}: {words!r} reads as a {danger}; leave that to a doctor": "{id}：{words!r}属于{danger}；请交给医生",
    "{id} is a same-day question; say when the patient should call sooner": "{id}须当天处理；请写明何时应提前来电",
    "{count} drafts searched for {dangers}": "在{count}份答复中查找了{dangers}",
    "dose": "用量",
    "change of medicine": "用药变更",
    "diagnosis": "诊断",
    "false comfort": "无依据的安慰",
    "{id}: the figure {figure} stands neither in the facts nor in the question": "{id}：数字{figure}不在资料或来信中",
    "{count} figures looked up in the facts": "在诊所资料中核对了{count}个数字",
}


def each_has_one(given: Assignment, made: Artifact) -> Verdict:
    """Whether each question that is no emergency has one draft, and no other has any."""
    say = Say(given.language, CHINESE)
    wanted = [one["id"] for one in given.input("urgency").data["sorted"] if one["urgency"] != "emergency"]
    found = [one["id"] for one in made.data["drafts"]]
    reasons = [say("there is no draft for {id}", id=one) for one in wanted if one not in found]
    reasons += [say("{id} has two drafts", id=one) for one in wanted if found.count(one) > 1]
    phrase = "{id} is an emergency or no question; it gets no draft"
    reasons += [say(phrase, id=one) for one in found if one not in wanted]
    phrase = "{count} drafts for {all} questions that are no emergency"
    return _verdict("each_has_one", reasons, say(phrase, count=len(found), all=len(wanted)))


def are_safe(given: Assignment, made: Artifact) -> Verdict:
    """Whether no draft holds what only a doctor may say, and whoever may get worse knows when to call."""
    say = Say(given.language, CHINESE)
    urgency = {one["id"]: one["urgency"] for one in given.input("urgency").data["sorted"]}
    reasons = []
    for one in made.data["drafts"]:
        for danger, words in dangers_in(str(one["text"])):
            phrase = "{id}: {words!r} reads as a {danger}; leave that to a doctor"
            reasons.append(say(phrase, id=one["id"], words=words, danger=say(danger)))
        if urgency.get(one["id"]) == "same-day" and not SOONER.search(str(one["text"])):
            phrase = "{id} is a same-day question; say when the patient should call sooner"
            reasons.append(say(phrase, id=one["id"]))
    shown = ", ".join(say(danger) for danger in DANGERS)
    seen = say("{count} drafts searched for {dangers}", count=len(made.data["drafts"]), dangers=shown)
    return _verdict("are_safe", reasons, seen)


def dangers_in(text: str) -> list[tuple[str, str]]:
    """What a draft must not say: of which kind, and the words."""
    plain = " ".join(text.replace("’", "'").split())
    return [(danger, hit.group()) for danger, pattern in DANGERS.items() for hit in pattern.finditer(plain)]


def figures_are_given(given: Assignment, made: Artifact) -> Verdict:
    """Whether each figure of a draft stands in the facts of the practice or in its question."""
    say, count = Say(given.language, CHINESE), 0
    questions: dict[str, Any] = {one["id"]: one for one in given.input("questions").data["questions"]}
    facts = set(_FIGURE.findall(given.input("facts").text))
    reasons = []
    for one in made.data["drafts"]:
        asked = questions.get(one["id"], {"text": "", "ref": ""})
        known = facts | set(_FIGURE.findall(f"{asked['text']} {asked['ref']}"))
        for figure in _FIGURE.findall(str(one["text"])):
            count += 1
            if figure not in known:
                phrase = "{id}: the figure {figure} stands neither in the facts nor in the question"
                reasons.append(say(phrase, id=one["id"], figure=figure))
    return _verdict("figures_are_given", reasons, say("{count} figures looked up in the facts", count=count))


def _verdict(by: str, reasons: list[str], seen: str) -> Verdict:
    return Verdict(accept=not reasons, by=by, reasons=tuple(reasons), evidence=(seen,))
