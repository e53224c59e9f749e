"""A row says all that is needed to make and to score a candidate again, and comes back as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from firm.lab.candidate import IN_BLOCK, Block, Candidate, Judged, Status, block_hash, block_key, id_of

ROWS = st.builds(
    Candidate,
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=40),
    st.lists(st.integers(0, 1 << 40), max_size=3).map(tuple),
    st.sampled_from(Status),
    st.lists(
        st.builds(
            Judged, st.none() | st.floats(allow_nan=False), st.floats(allow_nan=False), st.integers(0, 9)
        ),
        max_size=3,
    ).map(tuple),
    st.text(max_size=20),
    st.booleans(),
)


def block(rows: list[Candidate]) -> Block:
    return Block(7, "cma", 1, 2, (1 << 62) - 1, "e" * 16, "big", "high", 5, tuple(rows))


@given(st.lists(ROWS, max_size=5))
def test_a_block_comes_back_as_it_was_written(rows: list[Candidate]) -> None:
    written = block(rows)
    assert Block.decode(written.encode()) == written
    assert Block.decode(written.encode()).encode() == written.encode()


@given(ROWS, ROWS)
def test_the_hash_of_a_block_hangs_on_all_that_stands_in_it(one: Candidate, other: Candidate) -> None:
    same = one == other
    assert (block_hash(block([one]).encode()) == block_hash(block([other]).encode())) == same


def test_ids_say_where_a_candidate_stands_and_blocks_sort_by_number() -> None:
    assert divmod(id_of(12, 34), IN_BLOCK) == (12, 34)
    assert sorted(map(block_key, (10, 9, 100))) == [block_key(9), block_key(10), block_key(100)]
