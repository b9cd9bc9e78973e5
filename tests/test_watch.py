"""Whether a release has held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from andon.config import SystemSettings
from andon.models import Check, CheckKind, CheckResult, CheckState, Evidence, Release, Row, row_fingerprint
from andon.watch import watch

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RELEASE = Release(ticket=1, attempt=1, commit="c" * 40, branch="main", remote="origin", shipped_at=NOON)
RULES = SystemSettings(quiet=HOUR, rollout=timedelta(0))
CHECK = Check(
    name="a", kind=CheckKind.SQL, path="a.sql", why="w", decided="d", at="at", key=("id",), sha256="0", every=HOUR / 4
)
TIMELESS = CHECK.model_copy(update={"at": None})
OLD: Row = {"id": 1, "at": (NOON - HOUR).isoformat()}
NEW: Row = {"id": 2, "at": (NOON + HOUR / 2).isoformat()}


def seen(*rows: Row, at: datetime, total: int | None = None, state: CheckState | None = None) -> CheckResult:
    state = state or (CheckState.FAILING if rows else CheckState.OK)
    return CheckResult(
        check="a", state=state, asked_at=at, seconds=0.1, rows=rows, total=len(rows) if total is None else total
    )


def test_quiet_after_the_quiet_time_without_a_row() -> None:
    later = NOON + HOUR
    watched = watch(CHECK, RELEASE, result=seen(at=later), now=later, settings=RULES)
    assert (watched.state, watched.quiet_since) == ("quiet", NOON)


def test_waits_until_the_quiet_time_is_over() -> None:
    soon = NOON + HOUR - timedelta(seconds=1)
    assert watch(CHECK, RELEASE, result=seen(at=soon), now=soon, settings=RULES).state == "waiting"


def test_quiet_time_begins_with_the_deploy() -> None:
    release = RELEASE.model_copy(update={"deployed_at": NOON + HOUR})
    later = NOON + HOUR * 1.5
    assert watch(CHECK, release, result=seen(at=later), now=later, settings=RULES).state == "waiting"


def test_row_that_comes_later_than_the_quiet_time_fires_all_the_same() -> None:
    late = NOON + HOUR * 3
    row: Row = {"id": 5, "at": (NOON + HOUR / 2).isoformat()}
    assert watch(CHECK, RELEASE, result=seen(row, at=late), now=late, settings=RULES).state == "fired"


def test_result_from_before_the_quiet_time_ended_is_not_enough() -> None:
    asked = NOON + HOUR / 2
    assert watch(CHECK, RELEASE, result=seen(at=asked), now=NOON + HOUR * 2, settings=RULES).state == "waiting"


def test_row_from_before_the_release_is_residue_and_does_not_fire() -> None:
    later = NOON + HOUR
    watched = watch(
        CHECK, RELEASE, result=seen(OLD, at=later, total=40), newer=seen(at=later), now=later, settings=RULES
    )
    assert (watched.state, watched.residue, watched.residue_total, watched.new_rows) == ("quiet", (OLD,), 40, ())


def test_row_newer_than_the_release_fires_and_residue_is_listed_apart() -> None:
    later = NOON + HOUR
    watched = watch(
        CHECK, RELEASE, result=seen(OLD, NEW, at=later, total=12), newer=seen(NEW, at=later, total=2), now=later,
        settings=RULES,
    )  # fmt: skip
    assert (watched.state, watched.new_rows, watched.residue, watched.residue_total) == ("fired", (NEW,), (OLD,), 10)


def test_new_row_that_the_full_result_had_no_room_for_fires() -> None:
    soon = NOON + HOUR
    watched = watch(
        CHECK, RELEASE, result=seen(OLD, at=soon, total=500), newer=seen(NEW, at=soon), now=soon, settings=RULES
    )
    assert watched.state == "fired"


def test_error_is_never_quiet_and_never_fired() -> None:
    later = NOON + HOUR * 9
    broken = seen(at=later, state=CheckState.ERROR).model_copy(update={"message": "no route to host"})
    for result, newer in ((broken, None), (seen(OLD, NEW, at=later), broken)):
        watched = watch(CHECK, RELEASE, result=result, newer=newer, now=later, settings=RULES)
        assert watched.state == "error"
        assert "no route to host" in watched.message


def test_row_without_a_time_is_new_when_first_seen_after_the_release() -> None:
    later = NOON + HOUR
    prints = [row_fingerprint(TIMELESS, row) for row in (OLD, NEW)]
    times = dict(zip(prints, (NOON - HOUR, NOON + HOUR / 2), strict=True))
    watched = watch(TIMELESS, RELEASE, result=seen(OLD, NEW, at=later), first_seen=times, now=later, settings=RULES)
    assert (watched.state, watched.new_rows, watched.residue) == ("fired", (NEW,), (OLD,))


def test_row_without_a_time_that_the_evidence_holds_is_residue() -> None:
    later = NOON + HOUR
    evidence = Evidence(check="a", asked_at=NOON - HOUR, query="q", rows=(OLD,))
    for rows, state in (((OLD,), "quiet"), ((OLD, NEW), "fired")):
        watched = watch(TIMELESS, RELEASE, result=seen(*rows, at=later), evidence=evidence, now=later, settings=RULES)
        assert watched.state == state


def test_red_check_without_rows_gets_one_period_to_recover() -> None:
    for passed, state in ((0.1, "waiting"), (0.25, "fired")):
        moment = NOON + HOUR * passed
        red = seen(at=moment, state=CheckState.FAILING)
        assert watch(TIMELESS, RELEASE, result=red, now=moment, settings=RULES).state == state


def test_rows_of_work_that_began_before_the_deploy_are_residue() -> None:
    rules = SystemSettings(quiet=HOUR, rollout=timedelta(minutes=2))
    moment = RELEASE.deployed_at or RELEASE.shipped_at
    late: Row = {"id": 3, "at": (moment + timedelta(minutes=1)).isoformat()}
    after = moment + timedelta(minutes=5)
    watched = watch(CHECK, RELEASE, result=seen(late, at=after), now=after, settings=rules)
    assert (watched.state, watched.residue_total) == ("waiting", 1)
    new: Row = {"id": 4, "at": (moment + timedelta(minutes=3)).isoformat()}
    assert watch(CHECK, RELEASE, result=seen(late, new, at=after), now=after, settings=rules).state == "fired"
