"""The explorer: 300 hands at once, each with a flat plate and a cheap network, and then the lab's search.

One rule: a hand believes its network. That makes 300 of them affordable, and some of what they bring false; so what
they bring is a place to begin, and every figure says whose word it is.

It begins runs and steps, so no other file imports it: what a run has begun is found again by the path of its file.
"""

import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from firm.kernel.api import gather
from firm.kernel.definition import step, workflow
from firm.lab.load import source_of
from firm.lab.problem import Allowance
from firm.lab.report import Story, write
from firm.lab.search import Brief, Finding, search
from firm.org.assignment import Assignment, Made
from firm.org.house import folder
from wing_candidate import FROM_HANDS, FROM_SEARCH, FROM_STURDIER, RUNNER_UP, Candidate
from wing_climb import CLIMB, STEP, climb, opinion, propose, repair
from wing_design import Design, design_from
from wing_shape import thickness
from wing_words import words

NETWORK = "small"
"""Of each hand: a third of a large network's time, and wrong more often."""
AT_ONCE = 300
BEGIN_WITH = 24
"""So many of the best of the hands are what the search begins with."""
LEADERS = 4
"""So many of them go to the critic."""
WORKERS = 2
"""Of the lab."""
FOUNDER_S = 20.0
"""How long the founder has for a question of the search."""


class Find(msgspec.Struct, frozen=True):
    """What one hand has brought."""

    hand: int
    section: list[float]
    glide: float
    """Lift over drag, as its network believes."""
    cpu_s: float = 0.0


@workflow
async def explore(given: Assignment) -> Made:
    """All that is found, with who believes what of it; the program that holds the role."""
    design = design_from(given)
    finds = await sweep(design)
    best = [find.section for find in finds[:BEGIN_WITH]]
    first = await search(brief_of(design, best, sturdier=False))
    second = await search(brief_of(design, [repaired(one, design) for one in best], sturdier=True))
    report = await write_report(first.story, given.folder, given.language)
    found = candidates(finds, first, second)
    data = {
        "candidates": msgspec.to_builtins(found),
        "hands": design.hands,
        "hands_best": round(finds[0].glide, 1),
        "evaluations": int(first.cost["evaluations"] + second.cost["evaluations"]),
        "cpu_s": round(sum(find.cpu_s for find in finds) + first.cost["cpu_s"] + second.cost["cpu_s"], 1),
        "quarantined": len(first.story.quarantined) + len(second.story.quarantined),
    }
    return Made(text=told(data, given.language), data=data, files=(report,))


async def sweep(design: Design) -> list[Find]:
    """What the hands have found, all of them at work at once; the best first, as they believe."""
    finds = await gather(*(hand(number, design) for number in range(design.hands)), limit=AT_ONCE)
    return sorted(finds, key=lambda find: (-find.glide, find.hand))


@workflow
async def hand(number: int, design: Design) -> Find:
    """One of the hands: a run of its own."""
    found: Find = await climb_once(number, design)
    return found


@step(cpu=True)
def climb_once(number: int, design: Design) -> Find:
    """From a flat plate, a little bent, uphill on one network."""
    began_s = time.process_time()
    rng = np.random.Generator(np.random.Philox(key=[design.seed, number]))
    begun, margin = propose(rng), 0.004 * float(rng.random())
    found = climb(begun, design.rules, steps=CLIMB, step=STEP, margin=margin, models=(NETWORK,))
    found = repair(found, design.rules)
    said = opinion(found[None, :], design.rules, (NETWORK,))
    return Find(number, found.tolist(), float(said.glide[0]), time.process_time() - began_s)


def repaired(section: list[float], design: Design) -> list[float]:
    """As thick as the second search wants it."""
    return list(map(float, repair(np.array(section), design.sturdier_rules)))


def brief_of(design: Design, begin: list[list[float]], *, sturdier: bool) -> Brief:
    """What the lab is asked for."""
    rules = design.sturdier_rules if sturdier else design.rules
    return Brief(
        source=source_of(str(Path(__file__).with_name("wing.py")), rules.as_json()),
        seed=design.seed,
        allowance=Allowance(cpu_s=design.sturdier_s if sturdier else design.search_s),
        workers=WORKERS,
        answer_s=FOUNDER_S,
        start=tuple([(np.asarray(one, "<f8").tobytes(), ()) for one in begin]),
    )


@step
def write_report(story: Story, place: str, language: str) -> str:
    """The lab's own report of the first search; its path below the home."""
    home = folder()
    written = write(story, home / place / "search", language)
    written.json.unlink()
    return written.html.relative_to(home).as_posix()


def candidates(finds: list[Find], first: Finding, second: Finding) -> list[Candidate]:
    """The leaders of each: what the hands believe in most, what the searches claim, and who came next."""
    found = [
        _candidate(
            f"hand-{find.hand}", FROM_HANDS, find.section, find.glide, f"NeuralFoil, {NETWORK} network"
        )
        for find in finds[:LEADERS]
    ]
    for source, finding in ((FROM_SEARCH, first), (FROM_STURDIER, second)):
        champion = finding.story.champion
        if champion is not None:
            holdout = champion.holdout.value if champion.holdout is not None else None
            name, word = f"{source.split()[0]}-1", believer(finding)
            found.append(_candidate(name, source, champion.artifact, champion.value, word, holdout=holdout))
    return found + runner_up(first)


def runner_up(finding: Finding) -> list[Candidate]:
    """The next best that the search has kept, in case its champion does not hold."""
    champion = finding.story.champion
    for elite in sorted(finding.elites, key=lambda one: -one.value):
        if champion is not None and elite.valid and elite.id != champion.id:
            section = np.frombuffer(elite.artifact, "<f8").tolist()
            return [_candidate("search-2", RUNNER_UP, section, elite.value, believer(finding))]
    return []


def believer(finding: Finding) -> str:
    """Whose word a search rests on."""
    champion = finding.story.champion
    by_xfoil = champion is not None and champion.trust == "second solver"
    return "XFOIL, in the search" if by_xfoil else "NeuralFoil, three networks"


def _candidate(
    id: str, source: str, section: Any, glide: float, believed_by: str, *, holdout: float | None = None
) -> Candidate:
    numbers = [float(number) for number in section]
    return Candidate(
        id=id,
        source=source,
        section=numbers,
        glide=round(glide, 2),
        believed_by=believed_by,
        thickness=round(float(thickness(np.array([numbers]))[0][0]), 5),
        holdout=None if holdout is None else round(holdout, 2),
    )


def told(data: dict[str, Any], language: str) -> str:
    """What was done, in words."""
    return words(language)(
        "{hands} hands looked at once, and believe in a lift over drag of up to {best}. The lab's search then scored "
        "{evaluations} sections. All in all it took {cpu_s} s of processor time. {count} candidates go to the critic.",
        hands=data["hands"],
        best=f"{data['hands_best']:.1f}",
        evaluations=f"{data['evaluations']:,}",
        cpu_s=f"{data['cpu_s']:.0f}",
        count=len(data["candidates"]),
    )
