"""The release: what the clinician has signed, and nothing else.

One rule: what is not clearly signed is held; a sign-off that is not clear goes back to the person who gave it.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say

REGISTER = "register.md"
_LETTER = re.compile(r"^## (q\d+) ", re.MULTILINE)
_WORD = re.compile(r"\b(sign|hold)\b|(签发|扣下)", re.IGNORECASE)
_NOT = re.compile(r"\b(?:do not|don't|not|never|except|but|unless)\b|不|除|未|别", re.IGNORECASE)
_ALL = re.compile(r"\ball\b|全部|所有", re.IGNORECASE)
CHINESE = {
    "{id} is neither signed nor held": "{id}既未签发也未扣下",
    "{id} is signed and held": "{id}既签发又扣下",
    "there is no letter {id}": "没有{id}这封信",
    "say why {id} is held, behind a colon": "请在冒号后说明为何扣下{id}",
    "{part!r} is not clear; write `sign q2 q3; hold q5: why`": "{part!r}不清楚；请写 `签发 q2 q3；扣下 q5：原因`",
    "{signed} signed, {held} held, of {all}": "共{all}封：签发{signed}封，扣下{held}封",
    "{file} was not signed": "{file}未经签发",
    "{id} was signed, and its reply is missing or changed": "{id}已签发，但答复缺失或被改动",
    "{id} is not in the register": "登记表中缺少{id}",
    "{count} replies compared with what was signed": "{count}份答复与签发内容逐字比较",
    "# Register": "# 登记表",
    "question": "来信",
    "urgency": "紧急程度",
    "what became of it": "处理结果",
    "signed": "已签发",
    "held: {why}": "已扣下：{why}",
    "emergency": "紧急",
    "same-day": "当天",
    "routine": "普通",
    "## What was done for emergencies": "## 紧急来信的处理",
}


@dataclass(frozen=True)
class SignOff:
    """What a clinician has said."""

    signed: tuple[str, ...] = ()
    held: dict[str, str] = field(default_factory=dict)
    """Number -> why."""
    unclear: tuple[str, ...] = ()


def sign_off_of(text: str, ids: list[str]) -> SignOff:
    """Read a sign-off: parts between `;` or lines, each `sign` or `hold`, numbers or `all`, and why behind a colon."""
    signed: list[str] = []
    held: dict[str, str] = {}
    unclear: list[str] = []
    for part in re.split(r"[;\n。]", unicodedata.normalize("NFKC", text)):
        head, _, why = part.partition(":")
        words = {hit.group().casefold() for hit in _WORD.finditer(head)}
        names = re.findall(r"q\d+", head.casefold())
        names = names or (ids if _ALL.search(head) else [])
        if not part.strip():
            continue
        if len(words) != 1 or not names or _NOT.search(head):
            unclear.append(part.strip())
        elif words & {"sign", "签发"}:
            signed += names
        else:
            held |= dict.fromkeys(names, why.strip())
    return SignOff(tuple(dict.fromkeys(signed)), held, tuple(unclear))


def _ids(given: Assignment) -> list[str]:
    return _LETTER.findall(given.input("letters").text)


def is_clear(given: Assignment, made: Artifact) -> Verdict:
    """Whether each letter is signed or held, once, in words that cannot be read in two ways."""
    say, ids = Say(given.language, CHINESE), _ids(given)
    said = sign_off_of(made.text, ids)
    phrase = "{part!r} is not clear; write `sign q2 q3; hold q5: why`"
    reasons = [say(phrase, part=part) for part in said.unclear]
    for name in dict.fromkeys([*ids, *said.signed, *said.held]):
        if name not in ids:
            reasons.append(say("there is no letter {id}", id=name))
        elif name in said.signed and name in said.held:
            reasons.append(say("{id} is signed and held", id=name))
        elif name not in said.signed and name not in said.held:
            reasons.append(say("{id} is neither signed nor held", id=name))
        elif name in said.held and not said.held[name]:
            reasons.append(say("say why {id} is held, behind a colon", id=name))
    counts = {"signed": len(said.signed), "held": len(said.held), "all": len(ids)}
    seen = say("{signed} signed, {held} held, of {all}", **counts)
    return _verdict("is_clear", reasons, seen)


def release(given: Assignment) -> Made:
    """Write what was signed, one file each, and the register."""
    say, place = Say(given.language, CHINESE), folder() / given.folder
    replies = replies_of(given)
    for name, text in replies.items():
        (place / f"reply-{name}.md").write_text(text, "utf-8")
    (place / REGISTER).write_text(register_of(given), "utf-8")
    said = sign_off_of(given.input("sign-off").text, _ids(given))
    counts = {"signed": len(said.signed), "held": len(said.held), "all": len(_ids(given))}
    names = (REGISTER, *(f"reply-{name}.md" for name in replies))
    return Made(text=say("{signed} signed, {held} held, of {all}", **counts), files=names)


def replies_of(given: Assignment) -> dict[str, str]:
    """Number of each signed letter -> its answer, as the clinician has read it."""
    text, mark = given.input("letters").text, "答复:\n" if given.language == "zh" else "answer:\n"
    heads = list(_LETTER.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    said = sign_off_of(given.input("sign-off").text, _ids(given))
    found = {}
    for head, end in zip(heads, ends, strict=True):
        if head[1] in said.signed and head[1] not in said.held:
            found[head[1]] = text[head.start() : end].partition(f"\n{mark}")[2].strip() + "\n"
    return found


def register_of(given: Assignment) -> str:
    """What came in, how urgent it was, and what became of it."""
    say = Say(given.language, CHINESE)
    said = sign_off_of(given.input("sign-off").text, _ids(given))
    refs = {one["id"]: one["ref"] for one in given.input("questions").data["questions"]}
    heads = (say("question"), say("urgency"), say("what became of it"))
    lines = [say("# Register"), "", f"| {' | '.join(heads)} |", "| --- | --- | --- |"]
    for one in given.input("urgency").data["sorted"]:
        name = one["id"]
        why = said.held.get(name)
        state = say("signed") if why is None else say("held: {why}", why=why.replace("|", "/"))
        lines.append(f"| {name} ({refs[name]}) | {say(one['urgency'])} | {state} |")
    done = [given.input(name).text for name in ("callbacks", "late-callbacks")]
    return "\n".join([*lines, "", say("## What was done for emergencies"), "", *done]) + "\n"


def only_what_was_signed(given: Assignment, made: Artifact) -> Verdict:
    """Whether each file is a signed letter word for word, and none is missing."""
    return judge(given, [folder() / one.path for one in made.files])


def judge(given: Assignment, paths: list[Path]) -> Verdict:
    """As `only_what_was_signed`, of the files at these paths."""
    say = Say(given.language, CHINESE)
    said = sign_off_of(given.input("sign-off").text, _ids(given))
    drafts = {one["id"]: str(one["text"]).strip() for one in given.input("drafts").data["drafts"]}
    wanted = {f"reply-{name}.md": name for name in said.signed if name not in said.held}
    found = {path.name: path.read_text("utf-8") for path in paths}
    reasons = [say("{file} was not signed", file=name) for name in found if name not in {*wanted, REGISTER}]
    letters = given.input("letters").text
    for file, name in wanted.items():
        text = found.get(file, "").strip()
        if not text or text not in letters or text != drafts.get(name, text):
            reasons.append(say("{id} was signed, and its reply is missing or changed", id=name))
    register = found.get(REGISTER, "")
    missing = [name for name in _ids(given) if f"| {name} (" not in register]
    reasons += [say("{id} is not in the register", id=name) for name in missing]
    seen = say("{count} replies compared with what was signed", count=len(wanted))
    return _verdict("only_what_was_signed", reasons, seen)


def _verdict(by: str, reasons: list[str], seen: str) -> Verdict:
    return Verdict(accept=not reasons, by=by, reasons=tuple(reasons), evidence=(seen,))
