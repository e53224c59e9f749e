"""Restart, replace, escalate: what follows when work was sent back or failed."""

from hypothesis import given
from hypothesis import strategies as st

from firm.org.plan import MAX_ROUNDS, Done, Task
from firm.org.role import Role
from firm.org.supervise import RESTARTS, Again, Try, Up, following

WRITER = Role(name="writer")


def task(rounds: int = 2) -> Task:
    return Task(
        id="t", says="x", role="writer", makes="t", done=Done(says="x", checks=("not empty",)), rounds=rounds
    )


def back(role: str = "writer", model: str = "") -> Try:
    return Try(role, model, "sent back", ("too short",))


def fell(role: str = "writer", model: str = "") -> Try:
    return Try(role, model, "failed", ("lost",))


def test_the_first_try_is_the_roles_own() -> None:
    assert following(task(), WRITER, []) == Again("writer")


def test_work_is_sent_back_at_most_so_many_rounds_then_goes_up_with_the_last_reason() -> None:
    assert following(task(2), WRITER, [back()] * 2) == Again("writer")
    assert following(task(2), WRITER, [back()] * 3) == Up("sent back", 3, ("too short",))
    assert following(task(0), WRITER, [back()]) == Up("sent back", 1, ("too short",))


def test_a_failed_member_is_restarted_once_then_replaced_then_it_goes_up() -> None:
    role = Role(name="writer", stand_in="typist")
    tries = [fell()]
    assert following(task(), role, tries) == Again("writer")
    tries.append(fell())
    assert following(task(), role, tries) == Again("typist")
    tries += [fell("typist")] * (RESTARTS + 1)
    assert following(task(), role, tries) == Up("failed", 2, ("lost",))


def test_a_stand_in_may_be_the_same_role_with_another_model() -> None:
    role = Role(name="writer", stand_in="model:big")
    assert following(task(0), role, [back()]) == Again("writer", "big")
    assert isinstance(following(task(0), role, [back(), back(model="big")]), Up)


def test_what_no_other_try_could_mend_goes_up_at_once() -> None:
    role = Role(name="writer", stand_in="typist")
    assert following(task(), role, [Try("writer", "", "ended", ("no money",))]) == Up(
        "ended", 1, ("no money",)
    )


@given(st.lists(st.sampled_from(("sent back", "failed")), max_size=200), st.integers(0, MAX_ROUNDS))
def test_supervision_always_comes_to_an_end(fates: list[str], rounds: int) -> None:
    role = Role(name="writer", stand_in="typist")
    tries: list[Try] = []
    most = 2 * (rounds + 1 + RESTARTS + 1)
    for fate in [*fates, *["sent back"] * most]:
        move = following(task(rounds), role, tries)
        if isinstance(move, Up):
            break
        tries.append(Try(move.role, move.model, fate, ("why",)))  # type: ignore[arg-type]
    assert len(tries) <= most
    assert isinstance(following(task(rounds), role, tries), Up)
