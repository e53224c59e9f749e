"""A mission that ended, with its files, for tests of deliveries: a wing section, half of it by models."""

import hashlib
import zlib
from pathlib import Path
from typing import Any

from firm.org.artifact import Artifact, FileMade, Verdict
from firm.org.mission import Outcome, TaskEnd
from firm.org.plan import Done, Goal, Plan, Task

RUN = "order-7"
AT_US = 1_790_000_000_000_000
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 90"><path d="M10 55C60 5 200 5 390 60C260 75 60 85 10 55"'
    ' fill="#dbe7f5" stroke="#0b62c4" stroke-width="2"/></svg>\n'
)
HOSTILE = '<script>alert(1)</script> [click](https://evil.example) ![x](https://evil.example/y.png) | `a` **b** & "c"'
ENGLISH = {
    "mission": "A wing section for a glider at a Reynolds number of one million, 12 % thick, gentle at the stall",
    "explore": "Search for a section. The mission: {mission}",
    "section": "FIRM-12 has a lift to drag ratio of 121 at the design point and is 12.4 % thick.",
    "back": "the second solver gives 88.2, not 131.7: the surrogate believed a section that does not fly",
    "goal": "A section that beats the best of the catalogue.",
}
CHINESE = {
    "mission": "为一架滑翔机设计翼型：雷诺数一百万，厚度至少 12 %，失速平缓",
    "explore": "搜索翼型。任务：{mission}",
    "section": "FIRM-12 在设计点的升阻比为 121，厚度 12.4 %。",
    "back": "第二求解器给出 88.2 而不是 131.7：代理模型相信了一个飞不起来的翼型",
    "goal": "胜过目录中最好的翼型。",
}


def file(home: Path, path: str, body: bytes) -> FileMade:
    """A file of a task, written."""
    place = home / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(body)
    return FileMade(path, hashlib.sha256(body).hexdigest(), len(body))


def png() -> bytes:
    """A picture of four points."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = (2).to_bytes(4) + (2).to_bytes(4) + bytes([8, 2, 0, 0, 0])
    rows = b"\x00\xff\x00\x00\x00\xff\x00\x00\x00\x00\xff\xff\xff\xff"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def accepted(artifact: Artifact, by: str = "not empty", how: Any = "program", *evidence: str) -> Verdict:
    """A verdict for it."""
    seen = evidence or (
        "not empty: 84 characters",
        "files *.dat: 1 files with 61 bytes, each as it was handed over",
    )
    return Verdict(accept=True, by=by, how=how, evidence=seen, digest=artifact.digest)


def task(id: str, role: str, makes: str, *needs: str, **more: Any) -> Task:
    """A task of the plan."""
    done = Done(says="as it should be", checks=("not empty",), reviewer=more.pop("reviewer", ""))
    says = more.pop("says", f"Make the {makes}.")
    return Task(id=id, says=says, role=role, makes=makes, needs=needs, done=done, **more)


def plan(said: dict[str, str]) -> Plan:
    """Six tasks in four layers."""
    goals = (
        Goal(
            id="section",
            says=said["goal"],
            bet="a search of minutes is enough",
            wrong_if="the second solver shows less lift to drag",
            by_days=1,
        ),
        Goal(id="told", says="The customer understands what he gets."),
    )
    tasks = (
        task("brief", "aerodynamicist", "brief", usd=0.1),
        task(
            "explore",
            "explorer",
            "candidates",
            "brief",
            says=said["explore"],
            kind="json",
            reviewer="critic",
            usd=0.5,
        ),
        task(
            "choose",
            "panel",
            "choice",
            "candidates",
            kind="decision",
            options=("FIRM-12", "FIRM-31"),
            default="FIRM-12",
        ),
        task("draw", "draughtsman", "section", "choice", "candidates", kind="files", deliver=True),
        task("polars", "critic", "polars", "choice", kind="files"),
        task("letter", "writer", "letter", "section", "polars", deliver=True, goal="told", usd=0.2),
    )
    return Plan(goals=goals, tasks=tasks, by="template", why="the model is a small one")


def outcome(home: Path, language: str = "en", **more: Any) -> Outcome:
    """All of it, with the files written below a home."""
    said = CHINESE if language == "zh" else ENGLISH
    place = f"work/{RUN}"
    brief = Artifact(name="brief", text="Re 1e6, 12 %", maker="aerodynamicist", how="template", task="brief")
    candidates = Artifact(
        name="candidates",
        data={"best": [{"name": "FIRM-12", "ratio": 121.0}]},
        maker="explorer",
        how="program",
        task="explore",
    )
    choice = Artifact(
        name="choice",
        text="FIRM-12",
        data={
            "choice": "FIRM-12",
            "by": "default",
            "opinions": [{"expert": "engineer", "choice": "FIRM-12", "reason": "it stalls gently"}],
            "silent": [{"expert": "pricing", "why": "no model answered"}],
        },
        maker="panel",
        how="person",
        task="choose",
    )
    section = Artifact(
        name="section",
        text=said["section"],
        files=(
            file(
                home,
                f"{place}/draw/firm-12.dat",
                b"FIRM-12\n1.0 0.0\n0.5 0.08\n0.0 0.0\n0.5 -0.04\n1.0 0.0\n",
            ),
            file(home, f"{place}/draw/pictures/section.svg", SVG.encode()),
            file(home, f"{place}/draw/pictures/dots.png", png()),
        ),
        maker="draughtsman",
        how="program",
        task="draw",
    )
    polars = Artifact(
        name="polars",
        files=(file(home, f"{place}/polars/polar.csv", b"a,cl,cd\n"),),
        maker="critic",
        how="program",
        task="polars",
    )
    letter = Artifact(
        name="letter",
        text=f"{said['section']}\n\n{HOSTILE}",
        maker="writer",
        how="model",
        model="qwen-0.5b",
        task="letter",
    )
    back = Verdict(
        accept=False, by="critic", reasons=(said["back"], HOSTILE), evidence=("xfoil: 88.2",), digest="0" * 16
    )
    short = Verdict(
        accept=False,
        by="words 20",
        reasons=("it has 3 words; at least 20 are wanted",),
        evidence=("words 20",),
        digest="1" * 16,
    )
    ends = (
        TaskEnd(
            id="brief",
            status="accepted",
            role="aerodynamicist",
            rounds=1,
            artifact=brief,
            verdicts=(accepted(brief),),
            at_us=AT_US,
        ),
        TaskEnd(
            id="explore",
            status="accepted",
            role="explorer",
            rounds=2,
            artifact=candidates,
            verdicts=(
                back,
                accepted(candidates),
                accepted(candidates, "critic", "program", "xfoil: 120.6 at the design point"),
            ),
            at_us=AT_US + 60_000_000,
        ),
        TaskEnd(
            id="choose",
            status="accepted",
            role="panel",
            rounds=1,
            artifact=choice,
            verdicts=(accepted(choice),),
            at_us=AT_US,
        ),
        TaskEnd(
            id="draw",
            status="accepted",
            role="draughtsman",
            rounds=1,
            artifact=section,
            verdicts=(accepted(section),),
            at_us=AT_US,
        ),
        TaskEnd(
            id="polars",
            status="accepted",
            role="critic",
            rounds=1,
            artifact=polars,
            verdicts=(accepted(polars, "file polar.csv"),),
            at_us=AT_US,
        ),
        TaskEnd(
            id="letter",
            status="accepted",
            role="writer",
            rounds=3,
            goal="told",
            artifact=letter,
            verdicts=(
                short,
                accepted(letter),
                accepted(letter, "editor", "model", "read it against the brief"),
            ),
            troubles=("BadReply: model 'default' was asked twice and still answers wrongly",),
            at_us=AT_US + 90_000_000,
        ),
    )
    found: dict[str, Any] = {
        "run": RUN,
        "mission": said["mission"],
        "ending": "reached",
        "plan": plan(said),
        "tasks": ends,
        "facts": ("The wing shall be made of wood.",),
        "spent_usd_micro": 4_200,
        "tokens": 8_412,
        "calls": 6,
        "took_s": 192.4,
        "language": language,
    }
    return Outcome(**(found | more))
