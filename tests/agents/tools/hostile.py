"""A hostile agent: tries in every way it knows to change a tree and repositories, and prints what it thinks it did.

Runs in the sandbox with nothing but a Python: `python hostile.py '{"tree": ..., "targets": [...]}'`.
"""

import contextlib
import ctypes
import json
import mmap
import os
import shutil
import subprocess
import sys
import time

GIVEN = json.loads(sys.argv[1])
TREE = GIVEN["tree"]
TARGETS = GIVEN["targets"]
"""Files and folders outside that must not change: of the tree, the mirror, the person's repository, the data."""
MARK = "OWNED"
LIBC = ctypes.CDLL(None, use_errno=True)
DONE = []


def way(name, act):
    """Tries one way; a way that raises did not work."""
    try:
        if act() is not False:
            DONE.append(name)
    except (OSError, ValueError, subprocess.SubprocessError, AttributeError):
        pass


def shell(command, **more):
    """Runs a shell command; tells whether it worked."""
    ran = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=15, check=False, **more)
    return ran.returncode == 0


def write(path):
    with open(path, "a") as file:
        file.write(MARK)


def write_with(flags):
    def act(path):
        handle = os.open(path, flags)
        os.write(handle, MARK.encode())
        os.close(handle)

    return act


def through_link(path):
    link = f"/tmp/link-{time.monotonic_ns()}"
    os.symlink(path, link)
    write(link)


def through_hard_link(path):
    link = f"/tmp/hard-{time.monotonic_ns()}"
    os.link(path, link)
    write(link)


def through_descriptor(path):
    handle = os.open(path, os.O_RDONLY)
    for place in (f"/proc/self/fd/{handle}", f"/dev/fd/{handle}"):
        try:
            write(place)
            return True
        except OSError:
            continue
    return False


def through_memory(path):
    with open(path, "rb") as file:
        seen = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        seen[0:5] = MARK.encode()
        seen.flush()


def through_mem_file(path):
    """Writes into a shared mapping through /proc/self/mem, which looks at no page's protection."""
    with open(path, "rb") as file:
        seen = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    with open("/proc/self/maps") as maps:
        address = next(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(path))
    with open("/proc/self/mem", "r+b", buffering=0) as mem:
        mem.seek(address)
        mem.write(MARK.encode())
    seen.close()


def through_root(path):
    for process in ("self", "1", str(os.getppid())):
        for turn in ("root", f"cwd/{'../' * 30}"):
            try:
                write(f"/proc/{process}/{turn}{path}")
                return True
            except OSError:
                continue
    return False


def replace(path):
    new = f"/dev/shm/new-{time.monotonic_ns()}"
    write(new)
    os.replace(new, path)


def replace_beside(path):
    new = f"{path}.new"
    write(new)
    os.replace(new, path)


def loosen(path):
    os.chmod(path, 0o777)
    write(path)


def remount(path):
    flags = {"MS_REMOUNT": 32, "MS_BIND": 4096, "MS_MOVE": 8192}
    folder = os.path.dirname(path).encode()
    for mask in (flags["MS_REMOUNT"] | flags["MS_BIND"], flags["MS_BIND"], flags["MS_REMOUNT"]):
        if LIBC.mount(b"/tmp", folder, b"tmpfs", mask, None) == 0:
            write(path)
            return True
    return False


def unshared(path):
    return shell(f"unshare -Urm sh -c 'mount -o remount,rw,bind {TREE}; echo {MARK} >> {path}'")


def setattrs(path):
    os.setxattr(path, "user.x", b"1")


def times(path):
    os.utime(path, (1, 1))


def trace(process):
    """Attaches to a process outside: a tracer could write where the tracee can."""
    if LIBC.ptrace(16, process, None, None):
        return False
    os.waitpid(process, 0)
    return LIBC.ptrace(17, process, None, None) == 0


def memory_of(process):
    """Opens the memory of a process outside to write."""
    with open(f"/proc/{process}/mem", "r+b", buffering=0):
        return True


ONE_FILE = {
    "append": write,
    "truncate": write_with(os.O_WRONLY | os.O_TRUNC),
    "read and write": write_with(os.O_RDWR),
    "append only": write_with(os.O_WRONLY | os.O_APPEND),
    "symbolic link": through_link,
    "hard link": through_hard_link,
    "descriptor": through_descriptor,
    "shared memory": through_memory,
    "memory file": through_mem_file,
    "other roots": through_root,
    "replace from /dev/shm": replace,
    "replace from beside": replace_beside,
    "chmod": loosen,
    "remount": remount,
    "own namespace": unshared,
    "extended attribute": setattrs,
    "times": times,
    "remove": os.remove,
    "owner": lambda path: os.chown(path, os.getuid(), os.getgid()),
    "move away": lambda path: os.rename(path, "/tmp/away"),
    "shell": lambda path: shell(f"echo {MARK} >> {path}"),
    "sed": lambda path: shell(f"sed -i 's/./{MARK}/' {path}"),
    "tee": lambda path: shell(f"echo {MARK} | tee -a {path}"),
    "cp": lambda path: shell(f"cp -f /bin/sh {path}"),
    "dd": lambda path: shell(f"dd if=/dev/zero of={path} bs=1 count=1 conv=notrunc"),
}


def in_folder(folder):
    """Tries what needs a folder: new files, git in all its guises, links in it."""
    way(f"new file in {folder}", lambda: write(f"{folder}/owned.py"))
    way(f"new folder in {folder}", lambda: os.mkdir(f"{folder}/owned"))
    way(f"new link in {folder}", lambda: os.symlink("/etc/passwd", f"{folder}/owned-link"))
    way(f"fifo in {folder}", lambda: os.mkfifo(f"{folder}/owned-pipe"))
    way(f"copy into {folder}", lambda: shutil.copy("/bin/sh", f"{folder}/owned-sh"))
    way(f"hook in {folder}", lambda: hook(f"{folder}/.git/hooks"))
    way(f"bare hook in {folder}", lambda: hook(f"{folder}/hooks"))
    for words in (
        f"git init {folder}",
        f"git -C {folder} commit --allow-empty -m owned",
        f"git -C {folder} config core.fsmonitor 'touch /tmp/x'",
        f"git -C {folder} worktree add /tmp/tree-{time.monotonic_ns()}",
        f"git -C {folder} checkout -b owned",
        f"git --git-dir={folder}/.git --work-tree={folder} add -A",
        f"git --git-dir={folder} update-ref refs/heads/owned HEAD",
        f"git --git-dir={folder} gc --prune=now",
        f"git clone {folder} /tmp/clone-{time.monotonic_ns()} && cd /tmp/clone-* && git push origin HEAD:refs/heads/x",
        f"GIT_DIR=/tmp/own-{time.monotonic_ns()} GIT_WORK_TREE={folder} git init && git checkout -f HEAD",
    ):
        way(words, lambda words=words: shell(words, env={**os.environ, "GIT_AUTHOR_NAME": "x", "HOME": "/tmp"}))


def hook(folder):
    os.makedirs(folder, exist_ok=True)
    write(f"{folder}/pre-commit")
    os.chmod(f"{folder}/pre-commit", 0o755)


def outlive():
    """Leaves a process behind that goes on trying once its parent is gone."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for _ in range(40):
                for target in TARGETS:
                    with contextlib.suppress(OSError):
                        write(target)
                time.sleep(0.1)
        os._exit(0)


def main():
    outlive()
    for target in TARGETS:
        if os.path.isdir(target):
            in_folder(target)
        else:
            for name, act in ONE_FILE.items():
                way(f"{name}: {target}", lambda act=act, target=target: act(target))
    way("trace andon", lambda: trace(GIVEN["andon"]))
    way("memory of andon", lambda: memory_of(GIVEN["andon"]))
    print(json.dumps(DONE))


main()
