"""Roles and a workflow that a model writes: judged, told what is wrong, and at most three tries."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firm import Firm
from firm.errors import UsageError
from firm.model.scripted import ScriptedModel
from firm.org.founding import Draft, drafted
from firm.org.founding.draft import draft_faults

GOOD: dict[str, Any] = {
    "roles": [
        {"name": "chief", "purpose": "Plans."},
        {"name": "writer", "purpose": "Writes.", "tools": ["web"]},
        {"name": "reader", "purpose": "Reads.", "held_by": "person"},
    ],
    "goals": [{"id": "page", "says": "There is a page."}],
    "tasks": [
        {
            "id": "page",
            "says": "Write: {mission}",
            "role": "writer",
            "makes": "page",
            "deliver": True,
            "done": {"says": "It can be read.", "checks": ["not empty"], "reviewer": "reader"},
        }
    ],
}


def with_task(**changes: Any) -> dict[str, Any]:
    return GOOD | {"tasks": [GOOD["tasks"][0] | changes]}


def asked(folder: Path, *answers: Any) -> tuple[Draft | None, tuple[str, ...], list[str]]:
    model = ScriptedModel(list(answers))

    async def main() -> tuple[Draft | None, tuple[str, ...]]:
        async with Firm.open(folder, models={"default": model}):
            return await drafted("一份关于天空的通讯", "zh")

    draft, wrong = asyncio.run(main())
    return draft, wrong, [request.messages[-1].text for request in model.requests]


def test_a_draft_without_faults_is_used_at_once(tmp_path: Path) -> None:
    draft, wrong, said = asked(tmp_path, GOOD)
    assert draft is not None
    assert ([one.name for one in draft.roles], wrong, len(said)) == (["chief", "writer", "reader"], (), 1)
    assert said[0].startswith("Found this firm\n\n一份关于天空的通讯\n\nAnswer in Chinese")


def test_what_is_wrong_is_told_and_tried_again(tmp_path: Path) -> None:
    draft, _, said = asked(tmp_path, with_task(role="writre"), GOOD)
    assert draft is not None
    assert "Your last try could not be used:\n- workflows/main.toml, line" in said[1]
    assert "there is no such role; did you mean 'writer'?" in said[1]


def test_after_three_tries_it_is_given_up(tmp_path: Path) -> None:
    bad = with_task(done={"says": "I say so."})
    draft, wrong, said = asked(tmp_path, bad, bad, bad, GOOD)
    assert (draft, len(said)) == (None, 3)
    assert "is checked by nobody" in wrong[0]


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (GOOD | {"roles": GOOD["roles"][1:]}, "there is no role 'chief'"),
        (GOOD | {"roles": [*GOOD["roles"], {"name": "../x", "purpose": ""}]}, "'../x' is no name for a role"),
        (GOOD | {"roles": [*GOOD["roles"], GOOD["roles"][1]]}, "two roles are called 'writer'"),
        (with_task(done={"says": "x", "checks": ["programs/a.py:b"]}), "names a program, and there are none"),
        (with_task(done={"says": "x", "checks": ["looks nice"]}), "there is no check 'looks nice'"),
        (with_task(needs=["brief"]), "needs 'brief', which no task makes"),
        (
            GOOD | {"roles": [*GOOD["roles"], {"name": "spy", "purpose": "", "tools": ["everything"]}]},
            "roles/spy.md, line 2: tools is 'everything'",
        ),
        (
            GOOD
            | {
                "roles": [
                    *GOOD["roles"],
                    {"name": "x", "purpose": "", "rules": ["Always ask.", "Never ask."]},
                ]
            },
            "contradict each other",
        ),
    ],
)
def test_a_draft_is_judged_as_doctor_judges(draft: dict[str, Any], said: str) -> None:
    found = draft_faults(msgspec.convert(draft, Draft))
    assert any(said in one for one in found), found


def test_a_model_that_cannot_be_asked_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        asked(tmp_path, UsageError("its key is not set"))
