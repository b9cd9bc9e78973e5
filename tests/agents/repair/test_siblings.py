"""What siblings have and a suspect lacks is transplanted: decorators, wrappers, guards, keywords, blocks."""

from __future__ import annotations

from textwrap import dedent

from andon.agents.search.repair.candidates import Candidate, build
from andon.agents.search.repair.diffs import apply_file_diff, files_of
from andon.agents.search.repair.siblings import deviations
from andon.agents.search.repair.source import Sources
from andon.models import Location


def found_in(files: dict[str, str], function: str) -> tuple[Sources, list[Candidate]]:
    """Returns the candidates when a function is suspected, best first."""
    sources = Sources({path: dedent(text).lstrip("\n") for path, text in files.items()})
    for path, file in sources.items():
        for node in file.functions:
            if node.name == function:
                place = Location(path=path, start=node.lineno, end=node.end_lineno or 0, suspicion=0.9)
                return sources, build(sources, deviations(sources, [place]))
    raise AssertionError(function)


def texts(files: dict[str, str], function: str, path: str) -> list[str]:
    """Returns what a file becomes with each candidate."""
    sources, candidates = found_in(files, function)
    return [
        apply_file_diff(sources[path].text, part)
        for candidate in candidates
        for where, part in files_of(candidate.diff)
        if where == path
    ]


RETRY = """
    def with_retry(fetch):
        def again(client, url):
            return fetch(client, url) or fetch(client, url)
        return again
"""


def test_decorator_comes_with_its_import_in_its_place() -> None:
    pages = """
        from feed.retry import Answer, with_retry


        @with_retry
        def fetch_page(client, url):
            return client.get(url)


        @with_retry
        def fetch_index(client, url):
            return client.get(url)
    """
    gallery = """
        from feed.retry import Answer, zeal


        def fetch_gallery(client, url):
            return client.get(url)
    """
    files = {"feed/retry.py": RETRY, "feed/pages.py": pages, "feed/gallery.py": gallery}
    best = texts(files, "fetch_gallery", "feed/gallery.py")[0]
    assert "from feed.retry import Answer, with_retry, zeal\n" in best
    assert "\n\n\n@with_retry\ndef fetch_gallery(client, url):\n" in best


def test_decorator_keeps_its_arguments_and_the_suspect_its_own_decorators() -> None:
    text = """
        import app


        @app.cached
        @app.retry(times=3, wait=2)
        def load_users(db, since):
            return db.fetch("users", since)


        @app.retry(times=3, wait=2)
        def load_orders(db, since):
            return db.fetch("orders", since)


        @app.cached
        def load_items(db, since):
            return db.fetch("items", since)
    """
    assert any(
        "@app.cached\n@app.retry(times=3, wait=2)\ndef load_items(db, since):" in found
        for found in texts({"app/load.py": text}, "load_items", "app/load.py")
    )


def test_call_goes_through_the_wrapper_that_its_siblings_go_through() -> None:
    text = """
        from feed.retry import with_retry


        def read_page(client, url):
            return client.get(url)


        def read_gallery(client, url):
            return client.get(url)


        def run(client, pages, galleries):
            for url in pages:
                save(with_retry(read_page)(client, url))
            for url in galleries:
                save(read_gallery(client, url))
    """
    files = {"feed/retry.py": RETRY, "feed/run.py": text}
    assert "        save(with_retry(read_gallery)(client, url))\n" in texts(files, "run", "feed/run.py")[0]


def test_function_is_passed_to_the_runner_that_its_sibling_is_passed_to() -> None:
    text = """
        from jobs import attempt


        def send_mail(server, text):
            return server.send(text)


        def send_page(server, text):
            return server.send(text)


        def notify(server):
            attempt(send_mail, server, "hello")
            send_page(server, "hello")
    """
    assert '    attempt(send_page, server, "hello")\n' in texts({"notify.py": text}, "notify", "notify.py")[0]


def test_value_goes_through_what_the_same_field_goes_through_elsewhere() -> None:
    text = """
        from clean import squeeze


        def from_shop(row):
            return Item(sku=squeeze(row["number"]).upper(), name=row["name"])


        def from_file(row):
            return Item(sku=squeeze(row["no"]).upper(), name=row["title"])


        def from_feed(row):
            return Item(sku=row["id"], name=row["name"])
    """
    assert 'sku=squeeze(row["id"]).upper()' in texts({"items.py": text}, "from_feed", "items.py")[0]


def test_result_is_checked_as_other_callers_check_it() -> None:
    text = """
        def page(client):
            answer = client.get("page")
            answer.raise_for_status()
            return answer.text


        def user(db):
            found = db.find(1)
            if found is None:
                return None
            return found.name


        def index(client, db):
            reply = client.get("index")
            owner = db.find(2)
            return reply.text, owner.name
    """
    found = texts({"pages.py": text}, "index", "pages.py")
    assert any("    reply.raise_for_status()\n    owner" in one for one in found)
    assert any("    owner = db.find(2)\n    if owner is None:\n        return None\n" in one for one in found)


def test_keyword_argument_that_other_calls_agree_on_is_given() -> None:
    text = """
        ZONE = "UTC"


        def one(text):
            return parse(text, zone=ZONE)


        def two(text):
            return parse(text, zone=ZONE)


        def three(text):
            return parse(text)
    """
    assert texts({"times.py": text}, "three", "times.py")[0].endswith("    return parse(text, zone=ZONE)\n")


def test_lock_and_handler_stand_around_the_call_as_elsewhere() -> None:
    text = """
        from store import lock, write, StoreError


        def add(item):
            with lock:
                write(item)


        def change(item):
            with lock:
                write(item)


        def drop(item):
            write(item)
    """
    assert texts({"edit.py": text}, "drop", "edit.py")[0].endswith(
        "def drop(item):\n    with lock:\n        write(item)\n"
    )


def test_exception_is_caught_as_siblings_catch_it() -> None:
    text = """
        def load(path):
            try:
                return read(path)
            except FileNotFoundError:
                return None


        def load_again(path):
            return read(path)
    """
    expected = "    try:\n        return read(path)\n    except FileNotFoundError:\n        return None\n"
    assert texts({"files.py": text}, "load_again", "files.py")[0].endswith("def load_again(path):\n" + expected)


def test_coroutine_is_awaited() -> None:
    text = """
        async def save(row):
            return row


        async def run(rows):
            for row in rows:
                save(row)
    """
    assert "        await save(row)\n" in texts({"run.py": text}, "run", "run.py")[0]


def test_parameter_is_guarded_as_in_the_sibling() -> None:
    text = '''
        def price_of(item, rates):
            """Says it."""
            if item is None:
                return 0
            return rates.convert(item.price)


        def weight_of(item, rates):
            """Says it."""
            return rates.convert(item.weight)
    '''
    found = texts({"of.py": text}, "weight_of", "of.py")
    assert any(
        '"""Says it."""\n    if item is None:\n        return 0\n    return rates.convert(item.weight)' in t
        for t in found
    )


def test_functions_that_have_nothing_in_common_lend_nothing() -> None:
    text = """
        @cached
        def colour_of(pixel):
            return pixel.rgb


        def send(server, mail):
            server.push(mail)
    """
    assert found_in({"x.py": text}, "send")[1] == []
