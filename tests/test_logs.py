"""Log files of a watched system: what is read of them, and what is never opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from andon import logs
from andon.errors import NotFoundError
from andon.logs import differs, find_lines, list_logs, read_lines


@pytest.fixture
def patterns(tmp_path: Path) -> tuple[str, ...]:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "feed.log").write_text("start\nerror 429 north\nfine\nerror 429 south\n", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("SECRET\n", encoding="utf-8")
    return (f"{folder}/*.log", f"{folder}/deep/**/*.txt")


def place(patterns: tuple[str, ...], name: str = "feed.log") -> str:
    return f"{Path(patterns[0]).parent}/{name}"


def test_lines_are_found_newest_first(patterns: tuple[str, ...]) -> None:
    assert [line.text for line in find_lines(patterns, place(patterns), "429")] == [
        "error 429 south",
        "error 429 north",
    ]
    assert [line.text for line in find_lines(patterns, place(patterns), "")][-1] == "start"


def test_search_goes_on_before_a_byte(patterns: tuple[str, ...]) -> None:
    newest = next(find_lines(patterns, place(patterns), "429"))
    assert [line.text for line in find_lines(patterns, place(patterns), "429", before=newest.offset)] == [
        "error 429 north"
    ]


def test_lines_are_read_from_a_byte_on(patterns: tuple[str, ...]) -> None:
    (found,) = find_lines(patterns, place(patterns), "fine")
    assert [line.text for line in read_lines(patterns, place(patterns), found.offset, 9)] == ["fine", "error 429 south"]


def test_of_a_large_file_the_newest_part_is_searched(
    patterns: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_READ", 25)
    assert [line.text for line in find_lines(patterns, place(patterns), "")] == ["error 429 south", "fine"]


def test_lines_hold_where_they_stand_and_where_they_were_rotated_to(patterns: tuple[str, ...]) -> None:
    log = Path(place(patterns))
    text = "error 429 north\nfine"
    assert differs(patterns, str(log), 6, text) == ""
    assert differs(patterns, str(log), 6, "error 429 north\ngone") == "these lines stand in no log"
    log.rename(log.with_name("feed.1.log"))
    log.write_text("a new day\n", encoding="utf-8")
    assert differs(patterns, str(log), 6, text) == ""
    log.with_name("feed.1.log").unlink()
    assert differs(patterns, str(log), 6, text) == "these lines stand in no log"


def test_only_files_of_the_patterns_are_read(patterns: tuple[str, ...], tmp_path: Path) -> None:
    for path in (f"{tmp_path}/secret.txt", place(patterns, "../secret.txt"), "/etc/passwd", "feed.log", ""):
        with pytest.raises(NotFoundError):
            read_lines(patterns, path, 0, 1)
    assert [Path(one.path).name for one in list_logs(patterns)] == ["feed.log"]


def test_links_and_pipes_of_the_watched_system_are_no_logs(patterns: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "soft.log").symlink_to(tmp_path / "secret.txt")
    os.link(tmp_path / "secret.txt", folder / "hard.log")
    os.mkfifo(folder / "pipe.log")
    (folder / "folder.log").mkdir()
    (folder / "deep").mkdir()
    (folder / "deep" / "up").symlink_to(tmp_path)
    assert [Path(one.path).name for one in list_logs(patterns)] == ["feed.log"]
    for name in ("soft.log", "hard.log", "pipe.log", "folder.log", "deep/up/secret.txt"):
        with pytest.raises(NotFoundError):
            read_lines(patterns, place(patterns, name), 0, 1)


@pytest.mark.usefixtures("patterns")
def test_folder_that_a_person_named_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(tmp_path / "logs")
    by_link = (f"{tmp_path}/current/*.log",)
    assert [line.text for line in read_lines(by_link, f"{tmp_path}/current/feed.log", 0, 1)] == ["start"]


def test_line_without_end_is_cut(patterns: tuple[str, ...]) -> None:
    Path(place(patterns)).write_bytes(b"x" * 100_000 + b"\nlast")
    lines = read_lines(patterns, place(patterns), 0, 5)
    assert [len(line.text) for line in lines] == [logs.MOST_LINE, 4]
    assert len(next(find_lines(patterns, place(patterns), "xx")).text) == logs.MOST_LINE
