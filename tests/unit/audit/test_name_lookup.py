"""Jobs and deliveries are found by a name, an id or a key, or the beginning of one."""

from __future__ import annotations

import pytest

from handler.audit.name_lookup import MOST_SHOWN, Candidate, find_matches, find_one

TONIGHT = Candidate("job", "i4n7jh6wabcdefgh", ("tonight-i4n7jh6w", "job-1"))
NIGHTLY = [Candidate("job", f"k{n:02}aaaaaaaaaaaaaa", (f"nightly-k{n:02}",)) for n in range(12)]
FILE = Candidate("delivery", "zzzz222233334444", ("obs://b/drop/camera.yaml", "camera.yaml"))
KNOWN = [TONIGHT, *NIGHTLY, FILE]


@pytest.mark.parametrize(
    "what", ["tonight-i4n7jh6w", "tonight", "t", "i4n7", "i4n7jh6wabcdefgh", "job-1", "job-"]
)
def test_any_unambiguous_beginning_is_enough(what: str) -> None:
    """Of its name, its id or its key."""
    assert find_matches(what, KNOWN) == [TONIGHT]


@pytest.mark.parametrize("what", ["camera.yaml", "cam", "obs://b/drop/camera.yaml", "zzzz"])
def test_a_delivery_is_found_by_its_file(what: str) -> None:
    """Or by its key."""
    assert find_matches(what, KNOWN) == [FILE]


@pytest.mark.parametrize("what", ["weekly-djesdurr", "weekly", "w", "djes"])
def test_a_rollout_is_found_like_a_job(what: str) -> None:
    """By any beginning of its name or key."""
    rollout = Candidate("rollout", "djesdurrabcdefgh", ("weekly-djesdurr",))
    assert find_matches(what, [*KNOWN, rollout]) == [rollout]


@pytest.mark.parametrize("what", ["ti", "timer:nig", "obs", "obs:/", "d", "z"])
def test_a_subject_matches_by_whole_parts_only(what: str) -> None:
    """A letter or two offer no timer, and no bucket."""
    subjects = ("timer:nightly:abcdefgh", "obs:bucket/a", "direct")
    known = [Candidate("delivery", "key", (subject,)) for subject in subjects]
    if what == "obs":
        assert [one.names[0] for one in find_matches(what, known)] == ["obs:bucket/a"]
        return
    with pytest.raises(LookupError, match="Nothing named"):
        find_matches(what, known)


@pytest.mark.parametrize("what", ["timer:nightly", "timer:nightly:", "timer", "timer:nightly:abc"])
def test_a_timer_matches_by_its_name(what: str) -> None:
    """The hash in its subject need not be known."""
    one = Candidate("delivery", "key", ("timer:nightly:abc",))
    assert find_matches(what, [one, TONIGHT]) == [one]


@pytest.mark.parametrize("what", ["obs://b", "obs://b/drop", "obs://b/drop/cam"])
def test_an_object_matches_by_its_folders_and_the_beginning_of_its_name(what: str) -> None:
    """As a shell completes it."""
    assert find_matches(what, KNOWN) == [FILE]


def test_a_whole_name_counts_for_more_than_the_beginning_of_another() -> None:
    """All candidates with the same full name are returned."""
    longer = Candidate("job", "x", ("tonight-i4n7jh6w-again",))
    same = Candidate("job", "y", ("tonight-i4n7jh6w",))
    assert find_matches("tonight-i4n7jh6w", [longer, same, TONIGHT]) == [same, TONIGHT]


def test_an_ambiguous_name_lists_the_candidates() -> None:
    """At most ten, and how many more."""
    with pytest.raises(LookupError) as raised:
        find_matches("nightly", KNOWN)
    head, *listed = str(raised.value).splitlines()
    assert head == "nightly could be any of these; give more of it, or the key:"
    assert listed[0] == "  nightly-k00 (job k00aaaaaaaaaaaaa)"
    assert (len(listed), listed[-1]) == (MOST_SHOWN + 1, "  … and 2 more")


def test_candidates_say_what_tells_them_apart() -> None:
    """How each stands and from when it is: the same name is used night after night."""
    nights = [
        Candidate("job", f"k{night}", (f"nightly-k{night}",), f"succeeded, 2026-11-2{night} 02:00")
        for night in (5, 4)
    ]
    with pytest.raises(LookupError) as raised:
        find_matches("nightly", nights)
    assert "nightly-k5 (job k5, succeeded, 2026-11-25 02:00)" in str(raised.value)


def test_only_one_can_be_abandoned() -> None:
    """Two jobs with one name are listed with their keys."""
    with pytest.raises(LookupError, match="job aaaa") as raised:
        find_one("same", [Candidate("job", "aaaa", ("same",)), Candidate("job", "bbbb", ("same",))])
    assert "job bbbb" in str(raised.value)


@pytest.mark.parametrize("what", ["tonite", "onight-i4n"])
def test_an_unknown_name_lists_similar_ones(what: str) -> None:
    """Misspelt, or a part from the middle."""
    with pytest.raises(LookupError, match=f'Nothing named "{what}". Similar: tonight-i4n7jh6w'):
        find_matches(what, KNOWN)


@pytest.mark.parametrize("what", ["", "zebra!", "a\x1b[2J\n"])
def test_a_name_without_similar_ones_leads_to_the_list(what: str) -> None:
    """In a line that shows the given name safely."""
    with pytest.raises(LookupError, match="`nightdrop jobs list`") as raised:
        find_matches(what, [TONIGHT], "nightdrop jobs list")
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("known", [[], [TONIGHT, FILE]])
def test_what_may_be_anything_is_listed_by_the_audit_log(known: list[Candidate]) -> None:
    """It has everything."""
    with pytest.raises(LookupError, match="`nightdrop audit list` shows"):
        find_matches("zebra!", known)
