"""Plays every role of the desk by script, for the two contracts that come with it.

One rule: it knows nothing but those; of any other contract its quotations are refused, as they should be.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from firm.model.request import Request

FINDINGS = Path(__file__).with_name("rehearsal.toml")
FIRST = {
    "en": "Do not sign as it stands; sign after the changes below.",
    "zh": "不能照原样签署；完成以下修改后方可签署。",
}
MENDED = {
    "en": " First of all clauses 6.2 and 7.1: they could cost most.",
    "zh": "最先要改的是第6.2条和第7.1条，损失可能最大。",
}
FORMS = {
    ("en", False): "- Clause {clause}: “{quote}” {why} Instead: {change}",
    ("en", True): "- No clause on {point}: {why} {change}",
    ("zh", False): "- 第{clause}条：“{quote}”。{why}建议改为：{change}",
    ("zh", True): "- 缺少条款（{point}）：{why}{change}",
}
LAST = {
    "en": "A program has found three contradictions: clause 3.2 gives the days of payment in words and in figures that "
    "differ, and clause 3.4 refers to a clause that there is not; clause 5.1 uses a term that is not defined. The "
    "orders themselves were not looked at, and this does not replace a lawyer admitted where the contract is governed.",
    "zh": "程序发现的自相矛盾：第3.2条付款天数的大写与数字不一致；第3.4条引用了不存在的条款。订单本身未审查；"
    "本备忘录不能替代合同适用法律所在地的执业律师。",
}


def answer(request: Request) -> str | dict[str, Any] | None:
    """What whoever is asked would say."""
    asked = next(message.text for message in request.messages if message.role == "user")
    language = "zh" if "Answer in Chinese." in asked else "en"
    found = re.match(r"(Task|Review of) ([\w-]+) \(round (\d+)\)", asked)
    if found is None:
        return None
    what, task, count = found[1], found[2], int(found[3])
    if what == "Review of":
        return _opinion(task, count, language)
    if task.startswith("read-"):
        return _findings(task.removeprefix("read-"), count, language)
    return _memo(count, language) if task == "memo" else None


def _known(language: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = tomllib.loads(FINDINGS.read_text("utf-8"))[language]
    return found


def _findings(group: str, count: int, language: str) -> dict[str, Any]:
    found = _known(language)[group]
    if group == "risk" and count == 1:  # what a hasty reader would do: from memory
        wrong = {
            "en": "The Client indemnifies the Supplier for everything.",
            "zh": "甲方应赔偿乙方的全部损失",
        }
        found[1]["quote"] = wrong[language]
    return {"findings": found}


def _memo(count: int, language: str) -> str:
    lines = [FIRST[language] + (MENDED[language] if count > 1 else ""), ""]
    for one in [finding for group in _known(language).values() for finding in group]:
        if one["verdict"] != "ok":
            form = FORMS[language, one["verdict"] == "missing"]
            lines.append(form.format(**one))
    return "\n".join([*lines, "", LAST[language]])


def _opinion(task: str, count: int, language: str) -> dict[str, Any]:
    zh = language == "zh"
    if task == "memo" and count == 1:
        reason = (
            "没有说明最先必须改哪一条。"
            if zh
            else "It does not say which change comes first, and every other waits on it."
        )
        return {
            "accept": False,
            "reasons": [reason],
            "evidence": ["读了第一段" if zh else "read the first paragraph"],
        }
    seen = (
        "逐条对照了引文所在条款的前后文"
        if zh
        else "looked up each quotation with the sentence before and after it"
    )
    return {"accept": True, "reasons": [], "evidence": [seen]}
