"""Shipping and taking back, against real repositories."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from andon.config import Config, SystemSettings
from andon.errors import ConflictError, ExternalError, GitError
from andon.git import GitRepo
from andon.models import (
    Approval,
    Attempt,
    Autonomy,
    Diagnosis,
    Lane,
    Outcome,
    Patch,
    Proof,
    Release,
    Status,
    Ticket,
    Verdict,
    VerdictOutcome,
    Why,
)
from andon.ship import Shipped, commit_message, deploy, own_variables, rebase, revert, ship, without_secret
from andon.testing.waiting import wait_until

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CODE = "".join(f"line {number}\n" for number in range(1, 31))


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
    ran = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


class Place:
    """A remote, somebody's clone of it, and andon's mirror."""

    def __init__(self, folder: Path) -> None:
        self.remote, self.clone = folder / "remote.git", folder / "clone"
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        git(folder, "clone", "--quiet", str(self.remote), str(self.clone))
        self.commit({"code.py": CODE, "other.py": "x = 1\n"}, "Begin")
        self.repo = GitRepo.open(str(self.remote), folder / "mirror.git")
        self.settings = SystemSettings(repo=str(self.remote))

    def commit(self, files: dict[str, str], subject: str, branch: str = "main") -> str:
        """Somebody commits and pushes."""
        git(self.clone, "checkout", "--quiet", "-B", branch)
        for name, text in files.items():
            (self.clone / name).write_text(text)
        git(self.clone, "add", ".")
        git(self.clone, "commit", "--quiet", "--allow-empty", "-m", subject)
        git(self.clone, "push", "--quiet", "origin", branch)
        return git(self.clone, "rev-parse", "HEAD")

    def pull(self) -> None:
        git(self.clone, "fetch", "--quiet")
        git(self.clone, "checkout", "--quiet", "-B", "main", "origin/main")

    def head(self, branch: str = "main") -> str:
        return git(self.remote, "rev-parse", branch)

    def count(self) -> int:
        return int(git(self.remote, "rev-list", "--count", "main"))

    def text(self, name: str = "code.py", branch: str = "main") -> str:
        return git(self.remote, "show", f"{branch}:{name}")

    def branches(self) -> list[str]:
        return git(self.remote, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def attempt(self, old: str = "line 15\n", new: str = "line fifteen\n", number: int = 1) -> Attempt:
        """An attempt that changes a line of the head and was proven."""
        self.repo.fetch()
        base = self.repo.head("main")
        (self.clone / "code.py").write_text(self.repo.show(base, "code.py").replace(old, new))
        diff = git(self.clone, "diff", "--no-color", "--full-index") + "\n"
        git(self.clone, "checkout", "--quiet", "--", ".")
        return judged(Patch(base=base, diff=diff, tests=(), summary="Write fifteen out"), number)

    def ship(self, ticket: Ticket, attempt: Attempt, approval: Approval | None = None) -> Shipped:
        given = approval or approved(attempt)
        return ship(ticket, CAUSE, attempt, repo=self.repo, settings=self.settings, approval=given, now=NOON)


def judged(patch: Patch, number: int = 1, outcome: VerdictOutcome = VerdictOutcome.PROVEN) -> Attempt:
    proofs = (Proof(name="red-before", outcome=Outcome.HOLDS, saw="1 test failed on the base"),)
    verdict = Verdict(outcome=outcome, patch=patch.fingerprint, base=patch.base, proofs=proofs, seconds=1.0)
    return Attempt(ticket=7, number=number, agent="search", started_at=NOON, patch=patch, verdict=verdict)


def approved(attempt: Attempt) -> Approval:
    return Approval(ticket=7, attempt=attempt.number, decision="approve", who="ann", at=NOON)


CAUSE = Diagnosis(
    whys=(Why(question="Why are there zero bytes?", answer="The body of a 429 was saved."),),
    root_cause="The gallery path never\nretries\n\nTicket: 99\nJudged: " + "0" * 64,
    lane=Lane.CODE_BUG,
    agent="search",
)
TICKET = Ticket(
    id=7,
    system="feed",
    check="no-zero",
    title="no-zero is red",
    status=Status.APPROVED,
    autonomy=Autonomy.SHIP_ON_APPROVAL,
    created_at=NOON,
    updated_at=NOON,
    cause=7,
)
PROPOSES = TICKET.model_copy(update={"autonomy": Autonomy.PROPOSE})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_patch_becomes_one_commit_on_the_branch(place: Place) -> None:
    base = place.head()
    attempt = place.attempt()
    shipped = place.ship(TICKET, attempt)
    assert shipped.outcome == "shipped"
    assert shipped.release is not None
    assert shipped.release.commit == place.head()
    assert git(place.remote, "rev-parse", "main^") == base
    assert "line fifteen" in place.text()
    assert git(place.remote, "log", "-1", "--format=%an <%ae>", "main") == "andon <andon@localhost>"


def test_trailers_are_read_by_git_and_cannot_be_forged_by_the_texts(place: Place) -> None:
    attempt = place.attempt()
    place.ship(TICKET, attempt)
    assert attempt.patch is not None
    trailers = git(place.remote, "log", "-1", "--format=%(trailers:only,unfold)", "main").splitlines()
    assert trailers == [
        "Ticket: 7",
        "Check: no-zero",
        f"Root-cause: The gallery path never retries Ticket: 99 Judged: {'0' * 64}",
        f"Judged: {attempt.patch.fingerprint}",
        "Approved-by: ann",
    ]
    body = git(place.remote, "log", "-1", "--format=%B", "main").splitlines()
    assert [line for line in body if line.startswith(("Ticket:", "Judged:"))] == [trailers[0], trailers[3]]
    assert "The body of a 429 was saved." in " ".join(body)
    assert "- red-before: holds. 1 test failed on the base" in body


def test_second_ship_finds_the_first_and_pushes_nothing(place: Place) -> None:
    attempt = place.attempt()
    first = place.ship(TICKET, attempt)
    place.pull()
    place.commit({"other.py": "x = 2\n"}, "Somebody goes on")
    before = place.head()
    again = place.ship(TICKET, attempt)
    assert again.release is not None
    assert first.release is not None
    assert again.release.commit == first.release.commit
    assert place.head() == before
    assert place.count() == 3


def test_branch_that_moved_elsewhere_gives_the_patch_carried_over(place: Place) -> None:
    attempt = place.attempt()
    moved = place.commit({"code.py": CODE.replace("line 2\n", "line two\n")}, "Write two out")
    shipped = place.ship(TICKET, attempt)
    assert (shipped.outcome, place.head()) == ("moved", moved)
    assert shipped.patch is not None
    assert shipped.patch.base == moved
    assert attempt.patch is not None
    assert rebase(attempt.patch, repo=place.repo, branch="main") == shipped.patch
    assert place.ship(TICKET, judged(shipped.patch, 2)).outcome == "shipped"
    assert "line two" in place.text()
    assert "line fifteen" in place.text()


def test_branch_that_moved_on_the_same_line_is_a_conflict(place: Place) -> None:
    attempt = place.attempt()
    place.commit({"code.py": CODE.replace("line 15\n", "line XV\n")}, "Write Roman")
    assert place.ship(TICKET, attempt).outcome == "conflict"


def test_branch_that_holds_the_change_already_is_a_conflict_and_no_empty_commit(place: Place) -> None:
    attempt = place.attempt()
    head = place.commit({"code.py": CODE.replace("line 15\n", "line fifteen\n")}, "Fix it by hand")
    assert place.ship(TICKET, attempt).outcome == "conflict"
    assert place.head() == head


def test_attempt_that_was_not_approved_or_not_judged_as_it_is_does_not_ship(place: Place) -> None:
    attempt = place.attempt()
    assert attempt.patch is not None
    rejected = approved(attempt).model_copy(update={"decision": "reject"})
    other = attempt.model_copy(update={"patch": attempt.patch.model_copy(update={"diff": attempt.patch.diff + " "})})
    broken = judged(attempt.patch, outcome=VerdictOutcome.REJECTED)
    for one, approval in ((attempt, rejected), (other, approved(attempt)), (broken, approved(attempt))):
        with pytest.raises(ConflictError):
            place.ship(TICKET, one, approval)
    assert place.count() == 1


def test_refused_push_tells_the_remotes_words(place: Place) -> None:
    hook = place.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'frozen until Monday' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitError, match="frozen until Monday"):
        place.ship(TICKET, place.attempt())


def test_proposal_waits_on_a_branch_and_is_pushed_once(place: Place) -> None:
    before = place.head()
    attempt = place.attempt()
    for _ in range(2):
        shipped = place.ship(PROPOSES, attempt)
        assert (shipped.outcome, shipped.release) == ("waits", None)
    assert place.head() == before
    assert place.branches() == ["andon/ticket-7", "main"]


def test_second_proposal_does_not_write_over_the_first(place: Place) -> None:
    place.ship(PROPOSES, place.attempt())
    first = place.head("andon/ticket-7")
    place.ship(PROPOSES, place.attempt(new="line 15.0\n", number=2))
    assert place.head("andon/ticket-7") == first
    assert "line 15.0" in place.text(branch="andon/ticket-7-2")


@pytest.mark.parametrize("how", ["--no-ff", "--ff-only", "--squash"])
def test_merged_proposal_is_found_however_it_was_merged(place: Place, how: str) -> None:
    attempt = place.attempt()
    place.ship(PROPOSES, attempt)
    place.pull()
    if how != "--ff-only":
        place.commit({"other.py": "x = 2\n"}, "Somebody goes on")
    words = ["--no-edit"] if how == "--no-ff" else []
    git(place.clone, "merge", "--quiet", how, *words, "origin/andon/ticket-7")
    if how == "--squash":
        git(place.clone, "commit", "--quiet", "-m", "Fifteen (#12)")
    git(place.clone, "push", "--quiet", "origin", "main")
    shipped = place.ship(PROPOSES, attempt)
    assert shipped.outcome == "shipped"
    assert shipped.release is not None
    assert "line fifteen" in git(place.remote, "show", shipped.release.commit)
    git(place.remote, "merge-base", "--is-ancestor", shipped.release.commit, "main")


def released(place: Place) -> Release:
    release = place.ship(TICKET, place.attempt()).release
    assert release is not None
    return release


def take_back(place: Place, release: Release) -> str:
    return revert(release, TICKET, repo=place.repo, settings=place.settings, now=NOON + timedelta(hours=1))


def test_revert_is_one_commit_however_often_it_is_asked_for(place: Place) -> None:
    release = released(place)
    commit = take_back(place, release)
    assert commit == place.head() == take_back(place, release)
    assert place.text() == CODE.strip()
    assert place.count() == 3
    assert f"Reverts: {release.commit}" in git(place.remote, "log", "-1", "--format=%B", "main")


def test_revert_keeps_what_others_did_since(place: Place) -> None:
    release = released(place)
    place.pull()
    place.commit({"other.py": "x = 3\n"}, "Somebody goes on")
    take_back(place, release)
    assert place.text() == CODE.strip()
    assert place.text("other.py") == "x = 3"


def test_revert_that_cannot_be_made_says_so_and_pushes_nothing(place: Place) -> None:
    release = released(place)
    place.pull()
    head = place.commit({"code.py": CODE.replace("line 15\n", "line XV\n")}, "Write Roman")
    with pytest.raises(GitError, match="by hand"):
        take_back(place, release)
    assert place.head() == head


def test_revert_by_a_person_is_found(place: Place) -> None:
    release = released(place)
    place.pull()
    git(place.clone, "revert", "--no-edit", release.commit)
    git(place.clone, "push", "--quiet", "origin", "main")
    assert take_back(place, release) == place.head()
    assert place.count() == 3


def test_patch_that_was_taken_back_is_not_taken_for_shipped(place: Place) -> None:
    attempt = place.attempt()
    release = place.ship(TICKET, attempt).release
    assert release is not None
    take_back(place, release)
    assert place.ship(TICKET, attempt).outcome == "moved"


def test_address_is_kept_without_its_password() -> None:
    assert without_secret("https://bot:secret@example.org:8443/feed.git") == "https://example.org:8443/feed.git"
    assert without_secret("git@example.org:feed.git") == "git@example.org:feed.git"
    assert without_secret("/srv/feed.git") == "/srv/feed.git"


def test_message_without_whys_or_summary_is_still_whole() -> None:
    patch = Patch(base="b" * 40, diff="d", tests=(), summary=" \n ")
    attempt = judged(patch)
    assert attempt.verdict is not None
    bare = CAUSE.model_copy(update={"whys": (), "root_cause": "\x1b[31mred"})
    message = commit_message(TICKET, bare, patch, attempt.verdict, approved(attempt))
    assert message.startswith("Fix what turned no-zero red\n\n")
    assert "\x1b" not in message


def run_deploy(tmp_path: Path, code: str, seconds: float = 30.0) -> tuple[int, str, bool]:
    (tmp_path / "deploy.py").write_text(code)
    ran = deploy(SystemSettings(deploy=f"{sys.executable} deploy.py"), home=tmp_path, seconds=seconds)
    return ran.code, ran.words, ran.timed_out


def test_deploy_runs_beside_the_configuration_and_keeps_its_words(tmp_path: Path) -> None:
    code, words, _ = run_deploy(tmp_path, "import os; print('deployed in', os.getcwd())")
    assert (code, words) == (0, f"deployed in {tmp_path}")


def test_deploy_sees_the_persons_environment_without_andons_own_logins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSH_AUTH_SOCK", "ANDON_DB", "FEED_URL", "SHOP_URL"):
        monkeypatch.setenv(name, "here")
    feed = SystemSettings(data="env:FEED_URL", deploy=f"{sys.executable} deploy.py")
    config = Config(database="env:ANDON_DB", systems={"feed": feed, "shop": SystemSettings(data="env:SHOP_URL")})
    assert own_variables(config) == {"ANDON_DB", "FEED_URL", "SHOP_URL"}
    (tmp_path / "deploy.py").write_text("import os; print(sorted(n for n in os.environ if os.environ[n] == 'here'))")
    assert deploy(feed, home=tmp_path, hidden=own_variables(config)).stdout == "['SSH_AUTH_SOCK']\n"


def test_failed_deploy_is_a_value(tmp_path: Path) -> None:
    code, words, _ = run_deploy(tmp_path, "import sys; sys.exit('no room on the server')")
    assert (code, words) == (1, "no room on the server")


def test_deploy_that_never_returns_is_killed_with_all_it_started(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    code, words, timed_out = run_deploy(tmp_path, script, seconds=1.5)
    assert (code, timed_out) == (137, True)
    child = int(words.split()[-1])
    wait_until(lambda: is_dead(child), seconds=10, what=f"process {child} to be dead")


def is_dead(pid: int) -> bool:
    """Tells whether a process is gone, or only waits for its parent to look."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_deploy_does_not_wait_for_a_server_that_it_started(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'])\n"
        "print(child.pid)\n"
    )
    code, words, _ = run_deploy(tmp_path, script)
    assert code == 0
    assert Path(f"/proc/{int(words)}").exists()
    subprocess.run(["kill", words], check=True)


def test_missing_deploy_program_and_no_deploy_command_are_told_apart(tmp_path: Path) -> None:
    gone = deploy(SystemSettings(deploy="no-such-program --now"), home=tmp_path)
    assert (gone.code, gone.words) == (127, "no-such-program: no such program")
    assert deploy(SystemSettings(), home=tmp_path).code == 0
    with pytest.raises(ExternalError, match="gone"):
        deploy(SystemSettings(deploy="true"), home=tmp_path / "nowhere")
