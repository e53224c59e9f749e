"""The register: every finding in one table.

One rule: it puts together what was accepted, and says nothing itself.
"""

import json
from pathlib import Path
from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from firm.org.words import Say

TABLE, DATA = "findings.md", "findings.json"
KEYS = ("verdict", "clause", "quote", "why", "change")
HEADS = {
    "en": (
        "Findings on {title}",
        "point",
        "risk",
        "verdict",
        "clause",
        "its words",
        "why",
        "change",
        "Contradictions",
    ),
    "zh": (
        "审查结果：{title}",
        "要点",
        "风险",
        "结论",
        "条款",
        "原文",
        "理由",
        "修改建议",
        "合同自相矛盾之处",
    ),
}
VERDICTS = {"ok": "可接受", "problem": "有问题", "missing": "缺失", "unclear": "不明确"}
CHINESE = {
    "{count} points, {more} contradictions": "{count}个要点，{more}处矛盾",
    "a point stands in it twice": "有要点重复",
    "{id} is not in it as it was accepted": "{id}与通过的结论不一致",
    "{id} has no finding": "{id}没有结论",
    "{count} rows compared with the findings that were accepted": "与通过的结论核对了{count}行",
}


def register(given: Assignment) -> Made:
    """Write the table, as Markdown and as JSON."""
    place = folder() / given.folder
    rows = rows_of(given)
    (place / DATA).write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", "utf-8")
    contradictions = given.input("contradictions").data.get("contradictions", [])
    title = given.input("contract").data["title"]
    (place / TABLE).write_text(table_of(rows, contradictions, title, given.language), "utf-8")
    told = Say(given.language, CHINESE)(
        "{count} points, {more} contradictions", count=len(rows), more=len(contradictions)
    )
    return Made(text=told, files=(TABLE, DATA), untrusted=True)


def rows_of(given: Assignment) -> list[dict[str, Any]]:
    """One row a point, in the order of the checklist."""
    said = {one["point"]: one for one in findings_of(given)}
    return [
        {"point": point["id"], "risk": point["risk"], "asks": point["asks"]}
        | {key: str(said.get(point["id"], {}).get(key, "")) for key in KEYS}
        for point in given.input("checklist").data["points"]
    ]


def table_of(
    rows: list[dict[str, Any]], contradictions: list[dict[str, str]], title: str, language: str
) -> str:
    """The rows as Markdown."""
    head, *names, more = HEADS[language]
    lines = [f"# {head.format(title=title)}", "", _row(names), _row(["---"] * len(names))]
    for row in rows:
        verdict = VERDICTS.get(row["verdict"], row["verdict"]) if language == "zh" else row["verdict"]
        cells = [
            f"{row['point']}: {row['asks']}",
            row["risk"],
            verdict,
            row["clause"],
            row["quote"],
            row["why"],
        ]
        lines.append(_row([*cells, row["change"]]))
    if contradictions:
        lines += [
            "",
            f"## {more}",
            "",
            *[f"- {one['clause']}: {one['quote']} – {one['why']}" for one in contradictions],
        ]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def is_complete(given: Assignment, made: Artifact) -> Verdict:
    """Whether the file has each point of the checklist once, as its finding was accepted."""
    return judge(given, [folder() / one.path for one in made.files])


def judge(given: Assignment, paths: list[Path]) -> Verdict:
    """As `is_complete`, of the files at these paths."""
    say = Say(given.language, CHINESE)
    path = next((one for one in paths if one.name == DATA), None)
    rows = json.loads(path.read_text("utf-8")) if path is not None else []
    said = {one["point"]: one for one in rows}
    reasons = [] if len(said) == len(rows) else [say("a point stands in it twice")]
    for one in findings_of(given):
        row = said.get(one["point"])
        if row is None or any(row[key] != str(one.get(key, "")) for key in KEYS):
            reasons.append(say("{id} is not in it as it was accepted", id=one["point"]))
    reasons += [say("{id} has no finding", id=row["point"]) for row in rows if not row["verdict"]]
    seen = say("{count} rows compared with the findings that were accepted", count=len(rows))
    return Verdict(accept=not reasons, by="is_complete", reasons=tuple(reasons), evidence=(seen,))


def findings_of(given: Assignment) -> list[dict[str, Any]]:
    """All findings that were handed in, group by group."""
    return [
        one for made in given.inputs if made.name.startswith("findings-") for one in made.data["findings"]
    ]
