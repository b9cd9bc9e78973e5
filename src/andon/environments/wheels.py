"""Reads what a project looks like once it is installed out of a wheel that foreign code built; it unpacks nothing."""

from __future__ import annotations

import configparser
import io
import re
from collections.abc import Mapping
from email.parser import HeaderParser
from pathlib import PurePosixPath
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from andon.errors import DataError

LARGEST, MOST = 2**23, 2**26
"""Bytes of one file and of all files that are taken from a wheel."""

EntryPoints = Mapping[str, Mapping[str, str]]


class Identity(NamedTuple):
    """A project as the metadata of its installation shows it."""

    name: str
    version: str
    entry_points: EntryPoints = {}
    """Group -> name -> object."""
    requires: tuple[str, ...] = ()
    """Requires-Dist lines; empty when it was not built."""
    files: Mapping[str, bytes] = {}
    """What the built wheel holds besides its metadata, by the path from which it is imported."""
    metadata: str = ""
    """The built METADATA; empty when it was not built."""

    @property
    def folder(self) -> str:
        """Name of the folder with its metadata."""
        return f"{re.sub(r'[-_.]+', '_', self.name)}-{self.version.replace('-', '_')}.dist-info"

    @property
    def scripts(self) -> Mapping[str, str]:
        """Its console scripts."""
        return self.entry_points.get("console_scripts", {})

    def described(self) -> dict[str, bytes]:
        """Returns the files of its metadata folder."""
        plain = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n"
        lines = [
            line
            for group, points in self.entry_points.items()
            for line in (f"[{group}]", *(f"{name} = {place}" for name, place in points.items()), "")
        ]
        texts = {"METADATA": self.metadata or plain, "INSTALLER": "andon\n", "entry_points.txt": "\n".join(lines)}
        return {f"{self.folder}/{name}": text.encode() for name, text in texts.items() if text}


def read_wheel(data: bytes) -> Identity:
    """Returns the identity of a project by its built wheel, and what files the wheel holds.

    Raises:
        DataError: it is no wheel, or larger than a pure-Python project is.
    """
    try:
        with ZipFile(io.BytesIO(data)) as wheel:
            if sum(item.file_size for item in wheel.infolist()) > MOST:
                raise DataError("the project's wheel is larger than 64 MiB", permanent=True)
            held = {item.filename: wheel.read(item) for item in wheel.infolist() if item.file_size <= LARGEST}
    except (BadZipFile, OSError, NotImplementedError) as error:
        raise DataError(f"the project's build gave no wheel: {error}") from error
    info = next((path.split("/")[0] for path in held if path.endswith(".dist-info/METADATA")), "")
    text = held.get(f"{info}/METADATA", b"").decode("utf-8", "replace")
    headers = HeaderParser().parsestr(text)
    points = parsed_points(held.get(f"{info}/entry_points.txt", b"").decode("utf-8", "replace"))
    files = {placed(path): data for path, data in held.items() if is_plain(path) and not path.startswith(info + "/")}
    requires = tuple(str(line) for line in headers.get_all("Requires-Dist", []))
    if not headers["Name"] or not headers["Version"]:
        raise DataError("the project's wheel has no metadata")
    files.pop("", None)
    return Identity(str(headers["Name"]), str(headers["Version"]), points, requires, files, text)


def placed(path: str) -> str:
    """Returns the path from which a file of a wheel is imported; empty for what is not imported."""
    folder, mark, rest = path.partition(".data/")
    if not mark:
        return path
    return rest.partition("/")[2] if folder and rest.startswith(("purelib/", "platlib/")) else ""


def is_plain(path: str) -> bool:
    """Tells whether a path of an archive stays where it is unpacked."""
    return not path.endswith("/") and not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def parsed_points(text: str) -> dict[str, dict[str, str]]:
    """Returns the entry points of an entry_points.txt."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[method-assign, assignment]  # names keep their case
    try:
        parser.read_string(text)
    except configparser.Error:  # the project's own mistake: it has none, then
        return {}
    return {group: {name: value or "" for name, value in parser.items(group)} for group in parser.sections()}
