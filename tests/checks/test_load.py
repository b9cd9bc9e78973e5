"""Check files load whole or not at all, and every problem is told with its file and line."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.checks import load_check_text, load_checks
from andon.checks.functions import read_python
from andon.checks.header import read_sql
from andon.checks.tables import read_toml_check
from andon.errors import ConfigError
from andon.models import Autonomy, CheckKind, Severity

FULL = """\
-- check: no-zero-byte-images
-- every: 15m
-- at: fetched_at           the row's own time
-- key: fingerprint, source      the row's identity
-- upstream: source-answers
-- severity: high           low | medium | high
-- for: 2                   sweeps
-- lateness: 10m            how late a row may arrive
-- timeout: 1m30s
-- rows_kept: 50
-- autonomy: report
-- why: 2026-03-02. A source began to answer 429: empty bodies were saved
--   and classified as blank.
-- decided: an empty file is never acceptable.

select fingerprint, source, fetched_at  -- not a header: just SQL
from images where bytes = 0 and fetched_at > :since;
-- population:
select fingerprint, source from images where fetched_at > :since
-- evidence fetches:
select * from fetches where run_id in (select run_id from offending)
-- evidence runs:
select * from runs;
"""
NOTE = "-- why: because\n-- decided: so\n"


def problems(text: str, path: str = "checks/a.sql") -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load_check_text(text, path)
    return str(raised.value).splitlines()


def test_every_part_of_a_file_is_read() -> None:
    check = load_check_text(FULL, "checks/images.sql")
    assert (check.name, check.kind, check.path) == ("no-zero-byte-images", CheckKind.SQL, "checks/images.sql")
    assert (check.every, check.lateness, check.timeout) == (
        timedelta(minutes=15),
        timedelta(minutes=10),
        timedelta(seconds=90),
    )
    assert (check.at, check.key, check.upstream) == ("fetched_at", ("fingerprint", "source"), ("source-answers",))
    assert (check.severity, check.hold, check.rows_kept, check.autonomy) == (Severity.HIGH, 2, 50, Autonomy.REPORT)
    assert check.why.endswith("empty bodies were saved and classified as blank.")
    assert check.query.startswith("select fingerprint")
    assert check.query.endswith(":since")
    assert check.population == "select fingerprint, source from images where fetched_at > :since"
    assert list(check.evidence) == ["fetches", "runs"]
    assert check.evidence["runs"] == "select * from runs"
    assert check.incremental


def test_name_is_the_file_name_when_none_is_given() -> None:
    assert load_check_text(f"{NOTE}select 1", "checks/one-row.sql").name == "one-row"


def test_check_without_a_note_is_refused() -> None:
    assert problems("-- check: a\nselect 1") == [
        "checks/a.sql:1: the note is missing: write `decided: what is acceptable and what is not`",
        "checks/a.sql:1: the note is missing: write `why: what happened that made you write this check`",
    ]


def test_empty_note_is_refused() -> None:
    assert problems("-- why:\n-- decided: so\nselect 1") == ["checks/a.sql:1: why: write a sentence"]


def test_all_problems_of_a_file_are_told_at_once() -> None:
    text = "-- chek: a\n-- every: soon\n-- severity: huge\n-- for: 0\nsome words\n"
    told = problems(text)
    assert "checks/a.sql:1: unknown key `chek`; did you mean `check`?" in told
    assert "checks/a.sql:2: every: 'soon' is not a duration: write 30s, 15m, 1h30m or 2d" in told
    assert "checks/a.sql:3: severity: 'huge' is unknown; write low, medium or high" in told
    assert "checks/a.sql:4: for: write a whole number, 1 or more" in told
    assert sum("the note is missing" in line for line in told) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{NOTE}", "there is no query"),
        (f"{NOTE}-- just a remark\n", "neither `-- key: value` nor a line that goes on"),
        (f"{NOTE}-- why: again\nselect 1", "`why` stands twice"),
        (f"{NOTE}-- timeout: 0s\nselect 1", "must be longer than nothing"),
        (f"{NOTE}-- every: 99999999w\nselect 1", "longer than a thousand years"),
        (f"{NOTE}-- rows_kept: -1\nselect 1", "write a whole number"),
        (f"{NOTE}-- check: Big Name\nselect 1", "is no name"),
        (f"{NOTE}-- key: a b\nselect 1", "write names, separated by commas"),
        (f"{NOTE}-- at:\nselect 1", "write a column name"),
        (f"{NOTE}select 1\n-- population: select 2", "stand alone"),
        (f"{NOTE}select 1\n-- evidence:\nselect 2", "stand alone"),
        (f"{NOTE}select 1\n-- population:\n", "the section `population` has no query"),
        (f"{NOTE}select 1\n-- evidence a:\nselect 2\n-- evidence a:\nselect 3", "needs another name"),
        (f"{NOTE}select 1\n-- evidence offending:\nselect 2", "needs another name"),
    ],
)
def test_mistake_is_told_with_what_to_write(text: str, expected: str) -> None:
    assert any(expected in line for line in problems(text)), problems(text)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


PYTHON = '''
from andon.checks import check

@check("rows-agree", every="5m", at="at", key=["id"], upstream=["plain"])
def rows_agree(data, now):
    """Totals agree.

    why: 2026-01-01. They did not,
    for a week.
    decided: to the cent.
    """
    return []

def helper():
    return 1
'''
HTTP = 'kind = "http"\nurl = "http://localhost/health"\nexpect = [200, 204]\nwhy = "because"\ndecided = "so"\n'


def test_folder_of_all_kinds_loads(tmp_path: Path) -> None:
    write(
        tmp_path / "checks",
        {
            "plain.sql": f"{NOTE}select 1",
            "deep/agree.py": PYTHON,
            "up.toml": HTTP,
            "df.toml": 'kind = "command"\nargv = ["true"]\nwhy = "a"\ndecided = "b"\n',
            "beat.toml": 'kind = "heartbeat"\nperiod = "1h"\ngrace = "5m"\nwhy = "a"\ndecided = "b"\n',
            "_draft.sql": "nothing",
            "README.md": "nothing",
            "helpers.py": "x = 1\n",
        },
    )
    checks = {check.name: check for check in load_checks(tmp_path / "checks", root=tmp_path)}
    assert sorted(checks) == ["beat", "df", "plain", "rows-agree", "up"]
    assert checks["rows-agree"].path == "checks/deep/agree.py"
    assert checks["rows-agree"].why == "2026-01-01. They did not, for a week."
    assert checks["rows-agree"].options["function"] == "rows_agree"
    assert checks["beat"].options == {"period": 3600.0, "grace": 300.0}
    assert checks["up"].options["expect"] == [200, 204]


def test_problems_of_all_files_are_told_together(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "a.sql": "select 1",
            "b.toml": HTTP + "exspect = 200\n",
            "c.py": "from andon.checks import check\n@check(every=SOON)\ndef f(rows): pass\n",
            "d.toml": "kind = \n",
            "e.toml": 'kind = "smtp"\n',
            "f.py": "def broken(:\n",
            "g.toml": 'kind = "http"\nurl = "ftp://x"\nwhy = "a"\ndecided = "b"\n',
        },
    )
    (folder / "h.sql").write_bytes(b"-- why: \xff\n")
    with pytest.raises(ConfigError) as raised:
        load_checks(folder, root=folder)
    told = str(raised.value)
    for expected in (
        "a.sql:1: the note is missing",
        "b.toml:6: unknown key `exspect`; did you mean `expect`?",
        "c.py:2: every: write the value itself",
        "c.py:3: f takes `rows`; a check may take data, since, now",
        "c.py:3: the note is missing",
        "d.toml:1: is not valid TOML",
        'e.toml:1: write kind = "http", "command" or "heartbeat"',
        "f.py:1: is not Python",
        "g.toml:2: url: write https://host/path",
        "h.sql:1: is not UTF-8",
    ):
        assert expected in told, told


def test_name_that_two_files_claim_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.sql": f"-- check: x\n{NOTE}select 1", "b.sql": f"-- check: x\n{NOTE}select 1"})
    with pytest.raises(ConfigError, match=r"b.sql:1: the name `x` is taken by a.sql"):
        load_checks(folder, root=folder)


def test_upstream_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.sql": f"-- upstream: b\n{NOTE}select 1"})
    with pytest.raises(ConfigError, match="there is no check `b`; there are: a"):
        load_checks(folder, root=folder)


def test_upstream_in_a_circle_is_refused(tmp_path: Path) -> None:
    texts = {f"{a}.sql": f"-- upstream: {b}\n{NOTE}select 1" for a, b in ("ab", "bc", "ca", "da")}
    with pytest.raises(ConfigError) as raised:
        load_checks(write(tmp_path, texts), root=tmp_path)
    assert str(raised.value) == "a.sql:1: upstream goes round in a circle: a <- b <- c <- a"


def test_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make it, or set `checks`"):
        load_checks(tmp_path / "none", root=tmp_path)


def test_python_file_is_not_executed_by_loading(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": f"raise SystemExit\n{PYTHON}", "plain.sql": f"{NOTE}select 1"})
    assert len(load_checks(tmp_path, root=tmp_path)) == 2


WORDS = st.sampled_from(["check", "every", "why", "decided", "at", "for", "bogus", "population", "evidence x", "  "])
MARKS = st.sampled_from(["-- ", "--   ", "--", ""])
COLONS = st.sampled_from([": ", ":", " "])
LINES = st.one_of(st.tuples(MARKS, WORDS, COLONS, st.text(max_size=12)).map("".join), st.text(max_size=20))


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=12).map("\n".join))
def test_any_text_is_a_check_or_a_list_of_problems(text: str) -> None:
    check, found = read_sql(text, "checks/a.sql")
    assert (check is None) == bool(found)
    assert all(problem.line >= 1 and problem.text for problem in found)
    if check is not None:
        assert check.why
        assert check.decided
        assert check.query


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_toml_or_python_text_is_read_or_told(text: str) -> None:
    check, found = read_toml_check(text, "a.toml", "0")
    assert (check is None) == bool(found)
    read_python(text, "a.py", "0")


KEYS = st.sampled_from(["kind", "url", "argv", "period", "expect", "json", "every", "why", "decided", "key", "for"])
SCALARS = st.booleans() | st.integers() | st.floats() | st.text("ab1s\n", max_size=5)
PLAIN = SCALARS | st.sampled_from(["http", "heartbeat"])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=2), max_leaves=3)))
def test_any_values_are_read_or_told(table: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    text = text.replace("Infinity", "inf").replace("NaN", "nan")
    check, found = read_toml_check(text, "a.toml", "0")
    assert (check is None) == bool(found)


def test_duration_beyond_all_bounds_is_refused() -> None:
    assert "longer than a thousand years" in problems(f"-- every: 99999999999999999w\n{NOTE}select 1")[0]
