"""The cache keeps what is used, and neither grows nor lasts for ever."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from andon.cachefolder import find_cache, touch, trim
from andon.errors import ConfigError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def put(cache: Path, name: str, *, age: timedelta, size: int = 10) -> Path:
    """Puts a folder with a file into the cache, used so long ago."""
    folder = cache / name
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"x" * size)
    used = (NOW - age).timestamp()
    os.utime(folder, (used, used))
    return folder


def test_what_is_old_goes_and_what_is_not_stays(tmp_path: Path) -> None:
    old = put(tmp_path, "environments/old", age=timedelta(days=31))
    new = put(tmp_path, "environments/new", age=timedelta(days=29))
    assert trim(tmp_path, now=NOW) == 1
    assert (old.exists(), new.exists()) == (False, True)


def test_longest_unused_goes_first_when_there_is_too_much(tmp_path: Path) -> None:
    folders = [put(tmp_path, f"environments/{days}", age=timedelta(days=days), size=100) for days in (1, 2, 3)]
    trim(tmp_path, now=NOW, largest=250)
    assert [folder.exists() for folder in folders] == [True, True, False]


def test_what_may_be_in_use_stays_however_large(tmp_path: Path) -> None:
    folder = put(tmp_path, "environments/mine", age=timedelta(hours=1), size=1000)
    assert trim(tmp_path, now=NOW, largest=1) == 0
    assert folder.exists()


def test_what_a_killed_process_left_goes_when_nobody_can_be_at_it(tmp_path: Path) -> None:
    left = [put(tmp_path, f"{shelf}/run-1", age=timedelta(hours=7)) for shelf in ("work", "scratch")]
    kept = [put(tmp_path, f"{shelf}/x", age=timedelta(hours=7)) for shelf in ("environments", "repos", "judge")]
    now = put(tmp_path, "work/run-2", age=timedelta(hours=5))
    assert trim(tmp_path, now=NOW) == 2
    assert [folder.exists() for folder in (*left, *kept, now)] == [False, False, True, True, True, True]


def test_use_makes_young_again(tmp_path: Path) -> None:
    folder = put(tmp_path, "environments/mine", age=timedelta(days=400))
    touch(tmp_path, [folder / "venv", Path("/usr"), tmp_path / "environments"])
    assert trim(tmp_path, now=datetime.now(UTC)) == 0
    assert folder.exists()


def test_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "kept", age=timedelta())
    (tmp_path / "cache" / "work").mkdir(parents=True)
    link = tmp_path / "cache" / "work" / "link"
    link.symlink_to(outside)
    os.utime(link, (0, 0), follow_symlinks=False)
    assert trim(tmp_path / "cache", now=NOW) == 1
    assert (outside / "kept" / "file").exists()


def test_nothing_beside_the_shelves_is_touched(tmp_path: Path) -> None:
    put(tmp_path, "other/thing", age=timedelta(days=900))
    assert trim(tmp_path, now=NOW) == 0


def test_folder_is_the_persons_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_cache() == tmp_path / "andon"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find_cache() == tmp_path / "home" / ".cache" / "andon"
    monkeypatch.delenv("HOME")
    with pytest.raises(ConfigError, match="XDG_CACHE_HOME"):
        find_cache()
