"""The report: its checks, and the folder that is handed over.

One rule: a label can become weaker on its way to the reader and never stronger.
"""

import re
import shutil
from pathlib import Path
from typing import Any

from firm.org.artifact import Artifact, Verdict
from firm.org.assignment import Assignment, Made
from firm.org.house import folder

FOUND, UNSURE = "found", "unsure"
LABELS = {"en": {FOUND: "found", UNSURE: "unsure"}, "zh": {FOUND: "确定", UNSURE: "存疑"}}
REPORT = "report.md"
HEADS = {
    "en": (
        "The readings against the law",
        "Hypotheses",
        "hypothesis",
        "formula, fitted",
        "error",
        "verdict",
        "Repeat it",
    ),
    "zh": ("测量值与规律", "假设", "假设", "拟合后的公式", "误差", "结论", "如何重复"),
}
VERDICTS = {
    "holds": "成立",
    "holds, with more numbers than it needs": "成立，但参数多余",
    "refuted": "被否定",
}
AGAIN = {
    "en": "All readings lie beside this page: `measurements.csv` (the law was fitted to them) and `fresh.csv` (nobody "
    "had seen them). The instrument gives the same readings again with seed {seed} and, for the fresh ones, {fresh}.",
    "zh": "全部测量值与本页放在一起：`measurements.csv`（用于拟合）和 `fresh.csv`（此前无人见过）。用种子 {seed}"
    "（新测量用 {fresh}）可以让仪器给出同样的读数。",
}
_FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"[A-Za-z_]+\d+")
"""Names such as h1; their digits are no figures."""


def only_weakens(given: Assignment, made: Artifact) -> Verdict:
    """Whether the critic's label is one, and no stronger than that of the analysis."""
    before, now = given.input("analysis").data["label"], made.data["label"]
    reasons = []
    if now not in (FOUND, UNSURE):
        reasons.append(f"label {now!r}; give {FOUND} or {UNSURE}")
    elif now == FOUND and before == UNSURE:
        reasons.append("the analysis is unsure, and a critic makes nothing surer")
    seen = f"the analysis says {before}, the critic {now}"
    return Verdict(accept=not reasons, by="only_weakens", reasons=tuple(reasons), evidence=(seen,))


def says_the_label(given: Assignment, made: Artifact) -> Verdict:
    """Whether the report begins with a title and then the critic's label."""
    label = LABELS[given.language][given.input("critique").data["label"]]
    lines = [line.strip() for line in made.text.splitlines() if line.strip()]
    reasons = [] if lines[0].startswith("# ") else ['the first line is no title; begin with "# …"']
    if len(lines) < 2 or not lines[1].casefold().startswith(f"**{label}"):
        reasons.append(
            f"the first paragraph does not begin with **{label}**, which is the label of the critique"
        )
    return Verdict(
        accept=not reasons, by="says_the_label", reasons=tuple(reasons), evidence=(f"looked for {label}",)
    )


def figures_stand(given: Assignment, made: Artifact) -> Verdict:
    """Whether each figure of the report is one of those measured or analysed, as it is or rounded, or in per cent."""
    known = [value for one in given.inputs for value in values_in(one.data)]
    said = figures_of(made.text)
    wrong = [word for word in said if not any(is_rounded(word, value) for value in known)]
    reasons = [f"{word} stands nowhere in what was measured or analysed" for word in wrong]
    seen = f"{len(said)} figures looked up among {len(known)}"
    return Verdict(accept=not reasons, by="figures_stand", reasons=tuple(reasons), evidence=(seen,))


def figures_of(text: str) -> list[str]:
    """Figures of a text, each once."""
    plain = re.sub(r"^\s*\d+[.)、]\s", "", _WORD.sub("", text), flags=re.MULTILINE)
    return list(dict.fromkeys(hit.group().replace(",", "") for hit in _FIGURE.finditer(plain)))


def values_in(data: Any) -> list[float]:
    """All numbers in builtins, those in texts among them, and how many items each list has."""
    found: list[float] = []
    todo = [data]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list | tuple):
            todo += one
            found.append(float(len(one)))
        elif isinstance(one, str):
            found += [float(word) for word in figures_of(one)]
        elif isinstance(one, int | float) and not isinstance(one, bool):
            found.append(float(one))
    return found


def is_rounded(word: str, value: float) -> bool:
    """Whether a figure is a number as it is, rounded to its own digits, or so in per cent."""
    digits = len(word.partition("e")[0].partition(".")[2])
    near = 0.5 * 10.0**-digits * (1 + 1e-9) if "e" not in word.lower() else 1e-2 * abs(float(word))
    return any(abs(abs(scale * value) - float(word)) <= near for scale in (1, 100))


# --- what is handed over -------------------------------------------------------------------------------------------


def publish(given: Assignment) -> Made:
    """Write the folder; the program that holds the role."""
    home = folder()
    place = home / given.folder
    files = [one for name in ("experiment", "analysis") for one in given.input(name).files]
    for one in files:
        shutil.copyfile(home / one.path, place / Path(one.path).name)
    (place / REPORT).write_text(page(given), "utf-8")
    label = LABELS[given.language][given.input("critique").data["label"]]
    return Made(text=label, files=(REPORT, *(Path(one.path).name for one in files)))


def page(given: Assignment) -> str:
    """The report as it was accepted, with the figure, the table of hypotheses and how to repeat it."""
    analysis = given.input("analysis").data
    figure, head, *columns, again = HEADS[given.language]
    table = [_row(columns), _row(["---"] * len(columns))]
    for one in analysis["hypotheses"]:
        error = "–" if one["error"] is None else f"{100 * one['error']:.2g} %"
        verdict = VERDICTS[one["verdict"]] if given.language == "zh" else one["verdict"]
        table.append(_row([f"{one['id']}: {one['says']}", f"`{one['fitted']}`", error, verdict]))
    told = AGAIN[given.language].format(seed=given.input("experiment").data["seed"], fresh=analysis["seed"])
    parts = [given.input("report").text.strip(), f"![{figure}](figure.svg)", f"## {head}", "\n".join(table)]
    return "\n\n".join([*parts, f"## {again}", told]) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def is_complete(given: Assignment, made: Artifact) -> Verdict:
    """Whether the report stands in it word for word, and each file is the one that was accepted."""
    home = folder()
    there = {Path(one.path).name: one for one in made.files}
    reasons = []
    if given.input("report").text.strip() not in (home / there[REPORT].path).read_text("utf-8"):
        reasons.append("the report does not stand in it as it was accepted")
    wanted = [one for name in ("experiment", "analysis") for one in given.input(name).files]
    for one in wanted:
        name = Path(one.path).name
        if name not in there or there[name].sha256 != one.sha256:
            reasons.append(f"{name} is not the one that was accepted")
    seen = f"the report compared word for word, {len(wanted)} files by their SHA-256"
    return Verdict(accept=not reasons, by="is_complete", reasons=tuple(reasons), evidence=(seen,))
