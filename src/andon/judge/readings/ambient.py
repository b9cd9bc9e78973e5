"""Reads the added source for what asks about its surroundings: by these, code can tell who runs it, and when.

It decides nothing by itself: some fixes are about the environment, files or the clock, and few are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from andon.judge.split.scopes import imports_of
from andon.judge.syntax import parse

PLAIN: Mapping[str, frozenset[str]] = {
    "sys": frozenset(
        {"version_info", "version", "hexversion", "implementation", "platform", "byteorder", "maxsize", "maxunicode",
         "float_info", "stdin", "stdout", "stderr", "exc_info", "intern", "getsizeof", "getrecursionlimit",
         "getdefaultencoding", "exit"}
    ),
    "os": frozenset(
        {"PathLike", "fspath", "fsencode", "fsdecode", "sep", "altsep", "extsep", "linesep", "pathsep", "curdir",
         "pardir", "name", "devnull", "error", "SEEK_SET", "SEEK_CUR", "SEEK_END", "path"}
    ),
    "os.path": frozenset(
        {"join", "basename", "dirname", "split", "splitext", "normpath", "normcase", "isabs", "commonprefix",
         "commonpath", "sep", "relpath"}
    ),
    "time": frozenset({"struct_time", "strftime", "strptime", "mktime", "asctime", "gmtime"}),
    "threading": frozenset({"Lock", "RLock", "local", "Event", "Condition", "Semaphore", "Thread", "Timer"}),
    "uuid": frozenset({"UUID", "uuid3", "uuid5", "NAMESPACE_DNS", "NAMESPACE_URL"}),
    "inspect": frozenset(
        {"signature", "Signature", "Parameter", "BoundArguments", "ismethod", "isfunction", "isclass", "unwrap",
         "isgeneratorfunction", "iscoroutinefunction", "isasyncgenfunction", "isawaitable", "isroutine", "isbuiltin",
         "isabstract", "getmro", "cleandoc"}
    ),
    "importlib": frozenset({"metadata", "resources"}),
}  # fmt: skip
"""Of these modules, the names that tell nothing about who runs the program."""
TELLING = frozenset(
    {"random", "secrets", "platform", "tempfile", "socket", "getpass", "traceback", "glob", "resource", "linecache",
     "ctypes", "gc", "signal", "multiprocessing", "subprocess", "urllib.request", "http.client", "pkgutil",
     "psutil", "pwd", "builtins", "__main__", "site", "sysconfig", "faulthandler", "tracemalloc", "_thread", "runpy",
     "fileinput", "sqlite3", "shelve", "dbm", "mmap", "select", "selectors", "fcntl", "termios", "pty", "grp",
     "codecs.open", "io.open", "io.FileIO", "zipfile", "tarfile", "configparser"}
)  # fmt: skip
"""Modules of which every name tells something."""
BUILTINS = frozenset(
    {"open", "hash", "globals", "locals", "vars", "dir", "exec", "eval", "compile", "__import__", "__builtins__",
     "__file__", "__spec__", "__loader__", "__debug__", "input", "breakpoint"}
)  # fmt: skip
OF_MODULES = frozenset(
    {
        "environ",
        "environb",
        "getenv",
        "modules",
        "argv",
        "orig_argv",
        "_getframe",
        "now",
        "utcnow",
        "today",
        "cwd",
        "home",
    }
)
"""What tells something, of whatever module or class it is asked."""
OF_PARAMETERS = frozenset(
    {"__bound__", "__constraints__", "__default__", "__type_params__", "evaluate_bound", "evaluate_constraints",
     "evaluate_default"}
)  # fmt: skip
"""What reaches into parameters of types, which are run late, and where an older Python reads nothing."""
OF_ANYTHING = OF_PARAMETERS | frozenset(
    {"f_back", "f_code", "f_globals", "f_locals", "f_builtins", "tb_frame", "gi_frame", "cr_frame", "__traceback__",
     "__globals__", "__subclasses__", "__builtins__", "__loader__", "__spec__", "exists", "is_file", "is_dir", "stat",
     "lstat", "read_text", "read_bytes", "iterdir", "isatty", "fileno", "expanduser", "is_mount", "samefile",
     "__code__", "co_consts", "findCaller", "__getattribute__", "attrgetter", "methodcaller", "catch_warnings",
     "showwarning"}
)  # fmt: skip
"""What tells something, whatever it is asked of."""


SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal,
)  # fmt: skip
"""What has names of its own, or makes names of others one's own."""
WORDS = frozenset(
    {"f_back", "f_code", "f_globals", "f_locals", "tb_frame", "gi_frame", "cr_frame", "_getframe", "__traceback__",
     "__globals__", "__subclasses__", "__builtins__", "__import__", "environ", "__code__", *OF_PARAMETERS}
)  # fmt: skip
"""The same in a text: it may be made into a name."""


DELEGATING = frozenset({"__getattr__", "__setattr__", "__getattribute__"})


def ambient(text: str, lines: frozenset[int]) -> Iterator[tuple[int, str]]:
    """Yields line and words for each place of some lines that asks about the surroundings of the program."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return
    imports = imports_of(tree) | beside(tree)
    inner = local_names(tree)
    handed = handed_on(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            inner.add(id(node.value))
        if isinstance(node, ast.Name | ast.Attribute) and node.lineno in lines and id(node) not in inner:
            what = what_it_asks(node, imports)
            if what:
                yield node.lineno, f"asks about its surroundings with `{what[:80]}`"
        elif (
            isinstance(node, ast.Call | ast.Constant)
            and node.lineno in lines
            and id(node) not in handed
            and hides(node)
        ):
            yield node.lineno, f"reaches a name that a reader cannot see: `{ast.unparse(node)[:80]}`"


def local_names(tree: ast.Module) -> set[int]:
    """Returns the ids of names that a function binds itself, other than by an import: there they are no module.

    A parameter is such a name unless it has a default that may be anything: whoever calls is read as well.
    """
    found: set[int] = set()
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        inside = [node for statement in scope.body for node in ast.walk(statement)]
        if any(isinstance(node, SCOPES) for node in inside):
            continue  # which of them binds a name takes more than this
        names = [node for node in inside if isinstance(node, ast.Name)]
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store)} | parameters(scope.args)
        found |= {id(node) for node in names if node.id in bound}
    return found


def parameters(arguments: ast.arguments) -> set[str]:
    """Returns the names of parameters that are handed in by whoever calls, or are a constant."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(plain, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return {one.arg for one, default in pairs if default is None or isinstance(default, ast.Constant)}


def handed_on(tree: ast.Module) -> set[int]:
    """Returns the ids of calls by which `__getattr__` and its like hand on the very name that they were asked for."""
    found: set[int] = set()
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef) or scope.name not in DELEGATING or len(scope.args.args) < 2:
            continue
        asked = scope.args.args[1].arg
        inside = [node for statement in scope.body for node in ast.walk(statement)]
        if any(isinstance(node, ast.Name) and node.id == asked and isinstance(node.ctx, ast.Store) for node in inside):
            continue
        for node in inside:
            match node:
                case ast.Call(args=[_, ast.Name(id=name), *_]) if name == asked:
                    found.add(id(node))
    return found


def hides(node: ast.Call | ast.Constant) -> bool:
    """Tells whether a node reaches something by a name that is made up, or that stands in a text."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(WORDS.intersection(re.findall(r"\w+", node.value)))
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    return name in ("getattr", "setattr") and len(node.args) > 1 and not isinstance(node.args[1], ast.Constant)


def beside(tree: ast.Module) -> dict[str, str]:
    """Returns what is imported from beside: a module that another one imported may be reached through it."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level)
    return {alias.asname or alias.name: alias.name for node in found for alias in node.names}


def what_it_asks(node: ast.Name | ast.Attribute, imports: Mapping[str, str]) -> str:
    """Returns the name by which a node tells something of who runs the program, and when; empty when it does not."""
    if isinstance(node, ast.Name) and node.id not in imports:
        return node.id if node.id in BUILTINS else ""
    name = dotted(node, imports)
    parts = name.split(".")
    if OF_ANYTHING & set(parts[1:]) or (imported(node, imports) and OF_MODULES & set(parts)):
        return name
    if not imported(node, imports):
        return ""
    for length in range(len(parts), 0, -1):
        module, rest = ".".join(parts[:length]), parts[length:]
        if module in TELLING:
            return name
        if module in PLAIN:
            return "" if rest and rest[0] in PLAIN[module] else name
    return ""


def dotted(node: ast.expr, imports: Mapping[str, str]) -> str:
    """Returns what a name stands for, in full; `?` where it is asked of something that has no name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, imports)}.{node.attr}"
    if isinstance(node, ast.Name):
        return imports.get(node.id, node.id)
    return "?"


def imported(node: ast.expr, imports: Mapping[str, str]) -> bool:
    """Tells whether what a name begins with was imported."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in imports
