"""git: what is read, applied and pushed, and what a hostile or broken repository cannot do."""

from __future__ import annotations

import difflib
import io
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from andon.errors import ConflictError, GitError
from andon.git import GitRepo, local_changes, remote_url, snapshot
from andon.gittree import write_tree
from andon.testing.repos import BUG_AT, commit_edits, git, make_tinyfeed

AUTHOR = ("andon", "andon@localhost")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tinyfeed that no test changes."""
    return make_tinyfeed(tmp_path_factory.mktemp("tinyfeed"), bug="unwrapped-call")


@pytest.fixture(scope="module")
def shared(built: Path) -> GitRepo:
    return GitRepo.open(str(built), built.parent / "mirror.git")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A small repository with a bare origin, for tests that change it."""
    folder = tmp_path / "work"
    git("init", "--quiet", "--bare", "--initial-branch=main", "origin.git", cwd=tmp_path)
    git("clone", "--quiet", "origin.git", "work", cwd=tmp_path)
    git("checkout", "--quiet", "-b", "main", cwd=folder)
    commit_edits(folder, "first", {"a.txt": "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"})
    return folder


def opened(work: Path) -> GitRepo:
    return GitRepo.open(str(work), work.parent / "mirror.git")


def edited(repo: GitRepo, base: str, old: str, new: str, path: str = "a.txt") -> str:
    """Returns a diff that replaces a text in a file."""
    before = repo.show(base, path).splitlines(keepends=True)
    after = repo.show(base, path).replace(old, new).splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"))


def test_log_is_newest_first_with_files_and_times(shared: GitRepo) -> None:
    entries = shared.log(shared.head("main"))
    assert [entry.subject for entry in entries][:2] == ["Fetch the galleries too", "Ask the data five questions"]
    assert entries[0].files == ("tests/test_fetch.py", "tinyfeed/fetch.py", "tinyfeed/pipeline.py")
    assert entries[0].at == BUG_AT
    assert len(shared.log(shared.head("main"), since=datetime(2026, 11, 10, tzinfo=UTC))) == 2
    assert len(shared.log(shared.head("main"), path="tinyfeed/prices.py")) == 1


def test_commit_message_cannot_look_like_another_commit(work: Path) -> None:
    commit_edits(work, "evil \x01" + "a" * 40 + " end", {"b.txt": "x"})
    repo = opened(work)
    entries = repo.log(repo.head("main"))
    assert len(entries) == 2
    assert entries[0].files == ("b.txt",)


def test_files_show_and_blame_tell_of_a_commit(shared: GitRepo) -> None:
    head, parent = (entry.commit for entry in shared.log(shared.head("main"))[:2])
    assert "tinyfeed/fetch.py" in shared.files(head)
    assert "fetch_gallery" in shared.show(head, "tinyfeed/fetch.py")
    assert "fetch_gallery" not in shared.show(parent, "tinyfeed/fetch.py")
    lines = shared.show(head, "tinyfeed/fetch.py").splitlines()
    blamed = shared.blame(head, "tinyfeed/fetch.py")
    assert len(blamed) == len(lines)
    assert blamed[-1] == head


def test_file_that_is_not_there_is_an_error(shared: GitRepo) -> None:
    with pytest.raises(GitError, match=r"no file 'nope\.py'"):
        shared.show(shared.head("main"), "nope.py")


def test_diff_applied_to_its_base_gives_the_other_tree(shared: GitRepo) -> None:
    head, parent = (entry.commit for entry in shared.log(shared.head("main"))[:2])
    diff = shared.diff(parent, head)
    tree = shared.apply(parent, diff)
    assert shared.diff(tree, head) == ""
    assert shared.diff(parent, head, paths=["tests"]).count("diff --git") == 1


def test_diff_that_does_not_apply_is_an_error(shared: GitRepo) -> None:
    head = shared.head("main")
    with pytest.raises(GitError, match="git apply"):
        shared.apply(head, edited(shared, head, "retrying", "x", "tinyfeed/fetch.py").replace("-@", "-&"))
    with pytest.raises(GitError, match="git apply"):
        shared.apply(head, "this is no diff")


@pytest.mark.parametrize("path", ["../outside.txt", "/tmp/outside.txt", ".git/hooks/post-checkout", "sub/.GIT/config"])
def test_diff_cannot_leave_the_tree(shared: GitRepo, path: str, tmp_path: Path) -> None:
    diff = f"diff --git a/{path} b/{path}\nnew file mode 100755\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    with pytest.raises(GitError):
        shared.checkout(shared.head("main"), tmp_path / "tree", diff=diff)
    assert not (tmp_path / "outside.txt").exists()


def test_checkout_is_exact_and_has_no_git_folder(work: Path, tmp_path: Path) -> None:
    data = "a\r\nb\n$Id$\n"
    (work / "a.crlf").write_bytes(data.encode())
    files = {".gitattributes": "*.crlf text eol=crlf ident filter=run\n*.txt export-ignore\n", "p.sh": "#!/bin/sh\n"}
    (work / "link").symlink_to("a.txt")
    commit_edits(work, "odd files", files)
    (work / "p.sh").chmod(0o755)
    commit_edits(work, "mode", {"x": ""})
    repo = opened(work)
    folder = tmp_path / "tree"
    repo.checkout(repo.head("main"), folder)
    blob = git("show", "HEAD:a.crlf", cwd=work)
    assert (folder / "a.crlf").read_bytes().decode() == blob
    assert (folder / "a.txt").exists()
    assert (folder / "link").readlink() == Path("a.txt")
    assert (folder / "p.sh").stat().st_mode & 0o777 == 0o755
    assert not (folder / ".git").exists()


def test_filters_and_hooks_of_a_repository_never_run(work: Path, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    commit_edits(work, "attributes", {".gitattributes": "* filter=evil diff=evil merge=evil\n"})
    repo = opened(work)
    for key in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.command", "diff.evil.textconv", "core.fsmonitor"):
        git("config", key, f"touch {proof}", cwd=repo.mirror)
    hooks = repo.mirror / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "pre-push", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {proof}\n")
        (hooks / name).chmod(0o755)
    head = repo.head("main")
    diff = edited(repo, head, "one", "uno")
    repo.checkout(head, tmp_path / "tree", diff=diff)
    repo.diff(head, repo.apply(head, diff))
    repo.push(repo.commit_tree(repo.apply(head, diff), [head], "x", author=AUTHOR), "main", expect=head)
    repo.fetch()
    assert not proof.exists()


@pytest.mark.parametrize(
    "entries",
    [
        [("100644", "../up")],
        [("100644", "/tmp/andon-up")],
        [("100755", ".git/hooks/pre-commit")],
        [("120000", "dir"), ("100644", "dir/file")],
        [("120000", "dir"), ("120000", "dir/inner/link")],
    ],
    ids=["above", "absolute", "hooks", "file below a link", "link below a link"],
)
def test_tree_whose_paths_leave_the_folder_is_refused(entries: list[tuple[str, str]], tmp_path: Path) -> None:
    """Git itself makes no such tree, but whoever writes objects by hand does."""
    sha = "0" * 40
    listing = b"".join(f"{mode} blob {sha} 4\t{path}\0".encode() for mode, path in entries)
    blobs = io.BytesIO(f"{sha} blob 4\n/tmp\n".encode() * len(entries))
    with pytest.raises(GitError, match="could leave its folder"):
        write_tree(listing, blobs, tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_partial_clone_is_read_without_the_files_that_are_not_there(work: Path, tmp_path: Path) -> None:
    repo = opened(work)
    git("config", "uploadpack.allowFilter", "true", cwd=Path(repo.url))
    commit_edits(work, "Add a large file", {"big.bin": "x" * 5000, "small.txt": "one\n"})
    big = git("rev-parse", "HEAD", cwd=work).strip()
    git("push", "--quiet", "origin", "main", cwd=work)
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--no-checkout", "--filter=blob:limit=1k", f"file://{repo.url}", str(clone), cwd=tmp_path)
    git("remote", "remove", "origin", cwd=clone)
    beside = GitRepo.beside(clone, tmp_path / "beside.git")
    assert beside.lacking(big).gone == ("big.bin",)
    diff = edited(beside, big, "one", "uno", "small.txt")
    beside.checkout(big, tmp_path / "tree", diff=diff)
    assert (tmp_path / "tree" / "small.txt").read_text() == "uno\n"
    assert not (tmp_path / "tree" / "big.bin").exists()
    strict = GitRepo(beside.mirror, beside.url)
    with pytest.raises(GitError, match=r"lacks the content of big\.bin"):
        strict.checkout(big, tmp_path / "other")


def with_submodule(folder: Path, path: str, files: dict[str, str]) -> None:
    """Gives a repository a submodule, as `git submodule add` does."""
    inner = folder.parent / f"{path.replace('/', '-')}-of-{folder.name}"
    repository_of(inner, files)
    add_submodule(folder, inner, path)


def repository_of(folder: Path, files: dict[str, str]) -> None:
    git("init", "--quiet", "--initial-branch=main", str(folder), cwd=folder.parent)
    commit_edits(folder, "first", files, push=False)


def add_submodule(folder: Path, inner: Path, path: str) -> None:
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), path, cwd=folder)
    commit_edits(folder, f"Add {path}", {}, push=False)


def test_submodules_that_a_clone_holds_stand_in_its_checkouts(work: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    repository_of(inner, {"data.json": "[1]\n"})
    with_submodule(inner, "deep", {"deepest.txt": "three\n"})
    add_submodule(work, inner, "vendor/inner")
    head = git("rev-parse", "HEAD", cwd=work).strip()
    bare = GitRepo.beside(work, tmp_path / "bare.git")
    assert bare.lacking(head).modules == ("vendor/inner/deep",)
    update = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive")
    git(*update, cwd=work)
    whole = GitRepo.beside(work, tmp_path / "whole.git")
    assert whole.lacking(head).modules == ()
    whole.checkout(head, tmp_path / "tree", diff=edited(whole, head, "two", "due"))
    assert (tmp_path / "tree" / "a.txt").read_text().startswith("one\ndue\n")
    assert (tmp_path / "tree" / "vendor" / "inner" / "data.json").read_text() == "[1]\n"
    assert (tmp_path / "tree" / "vendor" / "inner" / "deep" / "deepest.txt").read_text() == "three\n"


def test_submodule_that_a_clone_lacks_is_an_empty_folder_and_is_told(work: Path, tmp_path: Path) -> None:
    with_submodule(work, "vendor", {"data.json": "[1]\n"})
    head = git("rev-parse", "HEAD", cwd=work).strip()
    clone = tmp_path / "clone"
    git("clone", "--quiet", str(work), str(clone), cwd=tmp_path)
    beside = GitRepo.beside(clone, tmp_path / "beside.git")
    assert beside.lacking(head).modules == ("vendor",)
    beside.checkout(head, tmp_path / "tree")
    assert list((tmp_path / "tree" / "vendor").iterdir()) == []


def test_submodules_of_a_linked_work_tree_are_found(work: Path, tmp_path: Path) -> None:
    with_submodule(work, "vendor", {"data.json": "[1]\n"})
    linked = tmp_path / "linked"
    git("worktree", "add", "--quiet", "--detach", str(linked), cwd=work)
    head = git("rev-parse", "HEAD", cwd=linked).strip()
    assert GitRepo.beside(linked, tmp_path / "beside.git").lacking(head).modules == ()


def test_checkout_into_a_folder_that_exists_is_refused(shared: GitRepo, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="could not be written"):
        shared.checkout(shared.head("main"), tmp_path)


def test_push_moves_the_branch_and_twice_is_once(work: Path) -> None:
    repo = opened(work)
    head = repo.head("main")
    commit = repo.commit_tree(
        repo.apply(head, edited(repo, head, "one", "uno")), [head], "fix\n\nTicket: 1", author=AUTHOR
    )
    repo.push(commit, "main", expect=head)
    repo.push(commit, "main", expect=head)
    assert repo.remote_head("main") == commit
    repo.fetch()
    assert repo.log(repo.head("main"))[0].body == "Ticket: 1"


def test_same_commit_is_made_again_by_the_same_words(work: Path) -> None:
    repo = opened(work)
    head = repo.head("main")
    at = datetime(2026, 11, 20, tzinfo=UTC)
    commits = {repo.commit_tree(repo.apply(head, ""), [head], "x", author=AUTHOR, at=at) for _ in range(2)}
    assert len(commits) == 1


def test_push_over_somebody_elses_commit_is_a_conflict(work: Path) -> None:
    repo = opened(work)
    head = repo.head("main")
    commit = repo.commit_tree(repo.apply(head, edited(repo, head, "one", "uno")), [head], "fix", author=AUTHOR)
    theirs = commit_edits(work, "theirs", {"b.txt": "x"})
    with pytest.raises(ConflictError, match="moved"):
        repo.push(commit, "main", expect=head)
    assert repo.remote_head("main") == theirs


def test_push_of_a_new_branch_expects_that_there_is_none(work: Path) -> None:
    repo = opened(work)
    head = repo.head("main")
    repo.push(head, "andon/1", expect=None)
    assert repo.remote_head("andon/1") == head
    other = repo.commit_tree(repo.apply(head, ""), [head], "x", author=AUTHOR)
    with pytest.raises(ConflictError):
        repo.push(other, "andon/1", expect=None)


def test_push_that_loses_history_is_refused(work: Path) -> None:
    repo = opened(work)
    head = repo.head("main")
    rootless = repo.commit_tree(repo.apply(head, ""), [], "x", author=AUTHOR)
    with pytest.raises(GitError, match="does not descend"):
        repo.push(rootless, "main", expect=head)


def test_refusal_of_the_remote_is_told_in_its_own_words(work: Path) -> None:
    hook = work.parent / "origin.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is frozen until Monday' >&2\nexit 1\n")
    hook.chmod(0o755)
    repo = opened(work)
    head = repo.head("main")
    commit = repo.commit_tree(repo.apply(head, ""), [head], "x", author=AUTHOR)
    with pytest.raises(GitError, match="main is frozen until Monday"):
        repo.push(commit, "main", expect=head)


def test_diff_moves_to_a_new_base(work: Path) -> None:
    repo = opened(work)
    old = repo.head("main")
    diff = edited(repo, old, "eight", "acht")
    commit_edits(work, "theirs", {"a.txt": "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"})
    repo.fetch()
    new = repo.head("main")
    moved = repo.rebase_diff(diff, old, new)
    assert moved is not None
    tree = repo.apply(new, moved)
    assert repo.diff(new, tree).count("\n+") == 2  # the header's +++ and one line


def test_diff_that_conflicts_with_a_new_base_is_none(work: Path) -> None:
    repo = opened(work)
    old = repo.head("main")
    diff = edited(repo, old, "three", "drei")
    commit_edits(work, "theirs", {"a.txt": "one\ntwo\ntrois\nfour\nfive\nsix\nseven\neight\n"})
    repo.fetch()
    assert repo.rebase_diff(diff, old, repo.head("main")) is None


def test_candidates_for_a_bisection_touch_the_paths_oldest_first(shared: GitRepo) -> None:
    commits = [entry.commit for entry in shared.log(shared.head("main"))]
    assert shared.bisect_candidates(commits[-1], commits[0]) == tuple(reversed(commits[:-1]))
    assert shared.bisect_candidates(commits[-1], commits[0], ["checks"]) == (commits[1],)
    assert shared.merge_base(commits[0], commits[2]) == commits[2]


def test_branch_that_does_not_exist_is_an_error_that_lists_those_there_are(shared: GitRepo) -> None:
    with pytest.raises(GitError, match="no branch 'trunk'; there are: main"):
        shared.head("trunk")


def test_empty_repository_is_an_error_that_says_so(tmp_path: Path) -> None:
    git("init", "--quiet", "empty", cwd=tmp_path)
    repo = GitRepo.open(str(tmp_path / "empty"), tmp_path / "mirror.git")
    with pytest.raises(GitError, match="has no commit yet"):
        repo.head("main")


@pytest.mark.parametrize("address", ["/nowhere/at/all", "ext::sh -c touch% /tmp/x", "--upload-pack=touch /tmp/x"])
def test_address_that_is_no_repository_is_an_error(address: str, tmp_path: Path) -> None:
    with pytest.raises(GitError):
        GitRepo.open(address, tmp_path / "mirror.git")


def test_folder_that_is_no_repository_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(GitError, match="is not a git repository"):
        GitRepo.open(str(tmp_path / "plain"), tmp_path / "mirror.git")


def test_remote_that_is_gone_is_an_error(work: Path) -> None:
    repo = opened(work)
    (work.parent / "origin.git").rename(work.parent / "gone.git")
    with pytest.raises(GitError, match="git fetch"):
        repo.fetch()


def test_path_with_a_relative_origin_stands_for_it(work: Path) -> None:
    git("remote", "set-url", "origin", "../origin.git", cwd=work)
    assert remote_url(str(work)) == str(work.parent / "origin.git")


def test_origin_that_was_cloned_from_the_repository_itself_is_followed_one_step(work: Path) -> None:
    git("clone", "--quiet", "--bare", "work", "kept.git", cwd=work.parent)
    git("remote", "set-url", "origin", "../kept.git", cwd=work)
    assert remote_url(str(work)) == str(work.parent / "kept.git")


def test_changes_that_are_not_pushed_are_told(work: Path) -> None:
    assert local_changes(work) == ()
    (work / "a.txt").write_text("changed")
    git("branch", "--set-upstream-to=origin/main", cwd=work)
    commit_edits(work, "kept back", {"b.txt": "x"}, push=False)
    (work / "b.txt").write_text("changed")
    assert local_changes(work) == ("1 changed files are not committed: b.txt", "1 commits are not pushed")


def test_credentials_of_the_environment_stay_out_of_local_commands(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of git's own could point every command at another repository."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "touch /nowhere")
    repo = opened(work)
    assert repo.files(repo.head("main")) == ("a.txt",)


@pytest.fixture
def tree(work: Path, tmp_path: Path) -> tuple[GitRepo, str, Path]:
    """A repository, its head, and a checkout that somebody may write."""
    commit_edits(work, "second", {"b/c.txt": "c\n", "d.sh": "true\n", ".gitattributes": "*.txt text eol=crlf\n"})
    git("push", "--quiet", "origin", "main", cwd=work)
    repo = opened(work)
    head = repo.head("main")
    repo.checkout(head, tmp_path / "tree")
    return repo, head, tmp_path / "tree"


def test_untouched_folder_has_no_diff(tree: tuple[GitRepo, str, Path]) -> None:
    repo, head, folder = tree
    assert repo.diff_of(folder, head) == ""


def test_diff_of_a_folder_gives_its_very_bytes_again(tree: tuple[GitRepo, str, Path], tmp_path: Path) -> None:
    repo, head, folder = tree
    (folder / "a.txt").write_bytes(b"one\r\n\xff\x00\r\n")
    (folder / "new" / "\udce4 name.txt").parent.mkdir()
    (folder / "new" / "\udce4 name.txt").write_text("x\n", encoding="utf-8")
    (folder / "b" / "c.txt").unlink()
    (folder / "b").rmdir()
    (folder / "b").write_text("a file now\n", encoding="utf-8")
    (folder / "d.sh").chmod(0o755)
    (folder / "link").symlink_to("a.txt")
    diff = repo.diff_of(folder, head)
    repo.checkout(head, tmp_path / "again", diff=diff)
    assert repo.diff_of(tmp_path / "again", head) == diff
    again = {path.relative_to(tmp_path / "again"): path.lstat().st_mode for path in (tmp_path / "again").rglob("*")}
    assert again == {path.relative_to(folder): path.lstat().st_mode for path in folder.rglob("*")}
    assert (tmp_path / "again" / "a.txt").read_bytes() == b"one\r\n\xff\x00\r\n"
    assert (tmp_path / "again" / "link").readlink() == Path("a.txt")


def test_git_of_its_own_in_a_folder_has_no_say(tree: tuple[GitRepo, str, Path], tmp_path: Path) -> None:
    repo, head, folder = tree
    ran = tmp_path / "ran"
    (folder / "a.txt").write_text("changed\n", encoding="utf-8")
    for place in (folder, folder / "b"):
        git("init", "--quiet", str(place), cwd=tmp_path)
        hook = place / ".git" / "hooks" / "pre-commit"
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n", encoding="utf-8")
        hook.chmod(0o755)
        with (place / ".git" / "config").open("a", encoding="utf-8") as config:
            config.write(f'[core]\n\tfsmonitor = "touch {ran}"\n[filter "x"]\n\tclean = "touch {ran}"\n')
    (folder / ".gitattributes").write_text("* filter=x\n", encoding="utf-8")
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    (folder / "secret.py").write_text("ignored by its own word\n", encoding="utf-8")
    diff = repo.diff_of(folder, head)
    assert sorted(set(re.findall(r"^diff --git a/(\S+)", diff, re.MULTILINE))) == [
        ".gitattributes",
        ".gitignore",
        "a.txt",
        "secret.py",
    ]
    assert not ran.exists()


def test_nothing_outside_a_folder_comes_into_its_diff(tree: tuple[GitRepo, str, Path], tmp_path: Path) -> None:
    repo, head, folder = tree
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("SECRET\n", encoding="utf-8")
    shutil.rmtree(folder / "b")
    (folder / "b").symlink_to(secret)
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to(secret / "key.txt")
    os.mkfifo(folder / "pipe")
    assert "SECRET" not in repo.diff_of(folder, head)


def test_junk_that_tools_leave_is_no_change(tree: tuple[GitRepo, str, Path]) -> None:
    repo, head, folder = tree
    for name in ("__pycache__/x.pyc", "b/.pytest_cache/README.md", "node_modules/y/index.js", "z.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("junk", encoding="utf-8")
    assert repo.diff_of(folder, head) == ""


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_FILE_BYTES", "MOST_BYTES"])
def test_folder_that_is_too_large_is_refused(
    tree: tuple[GitRepo, str, Path], limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, head, folder = tree
    monkeypatch.setattr(snapshot, limit, 2)
    with pytest.raises(GitError, match="more than 2"):
        repo.diff_of(folder, head)


def test_folder_that_is_too_deep_is_refused(tree: tuple[GitRepo, str, Path]) -> None:
    repo, head, folder = tree
    deep = folder.joinpath(*["d"] * 400)
    deep.mkdir(parents=True)
    with pytest.raises(GitError, match="folders below each other"):
        repo.diff_of(folder, head)


def test_changes_that_are_too_large_together_are_refused_and_not_kept(
    tree: tuple[GitRepo, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, head, folder = tree
    monkeypatch.setattr("andon.git.repo.MOST_CHANGED", 1000)
    for number in range(3):
        (folder / f"new{number}.txt").write_text(f"{number}" * 600, encoding="utf-8")
    with pytest.raises(GitError, match="what was changed has more than 1,000 bytes"):
        repo.diff_of(folder, head)
