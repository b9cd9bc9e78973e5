from __future__ import annotations

from andon.agents.search.deviance import Deviation, deviations
from andon.agents.search.source import functions


def lacking(text: str, name: str) -> list[Deviation]:
    known = functions({"app/fetch.py": text})
    return list(deviations(known, [one for one in known if one.name == name]))


DECORATED = """
@retrying
def fetch_page(client, url):
    return client.get(url)


@retrying
def fetch_image(client, url):
    return client.get(url)


def fetch_gallery(client, url):
    return client.get(url)


def totals(rows):
    return sum(row.cents for row in rows)
"""


def test_missing_decorator_is_found_with_those_that_have_it() -> None:
    found = lacking(DECORATED, "fetch_gallery")
    assert [(one.kind, one.lacks, one.of) for one in found] == [("decorator", "@retrying", 2)]
    assert {one.name for one in found[0].siblings} == {"fetch_page", "fetch_image"}


def test_function_that_does_as_its_siblings_is_not_told() -> None:
    assert lacking(DECORATED, "fetch_page") == []


def test_function_without_siblings_is_not_told() -> None:
    assert lacking(DECORATED, "totals") == []


def test_way_around_the_wrapper_is_found() -> None:
    text = """
@retry(stop=3)
def get_again(client, url):
    return client.get(url)


def load_page(client, url):
    return parse(get_again(client, url).text)


def gallery_pictures(client, gallery, limit):
    picture = client.get(gallery.address)
    return picture.content[:limit]
"""
    found = {one.kind: one for one in lacking(text, "gallery_pictures")}
    assert found["bypass"].siblings[0].name == "get_again"
    assert "client.get" in found["bypass"].lacks


def test_wrapper_that_others_hand_a_lambda_to_is_missed() -> None:
    text = """
def fetch_page(client, url):
    return with_retry(lambda: client.get(url))


def fetch_image(client, url):
    return with_retry(lambda: client.get(url))


def fetch_gallery(client, url):
    return client.get(url)
"""
    assert [one.lacks for one in lacking(text, "fetch_gallery")] == ["with_retry(..)"]


def test_retry_loop_of_a_library_is_a_wrapper() -> None:
    text = """
def fetch_page(client, url):
    for attempt in Retrying(stop=3):
        with attempt:
            return client.get(url)


def fetch_gallery(client, url):
    return client.get(url)
"""
    assert "for .. in Retrying(..)" in [one.lacks for one in lacking(text, "fetch_gallery")]


def test_lock_that_siblings_take_is_missed() -> None:
    text = """
def save_page(store, row):
    with store.lock:
        store.put(row)


def save_image(store, row):
    with store.lock:
        store.put(row)


def save_gallery(store, row):
    store.put(row)
"""
    assert [(one.kind, one.lacks) for one in lacking(text, "save_gallery")] == [("with", "with store.lock")]


def test_exception_that_siblings_catch_is_missed() -> None:
    text = """
def read_page(text):
    try:
        return decode(text)
    except ValueError:
        return None


def read_image(text):
    try:
        return decode(text)
    except ValueError:
        return None


def read_gallery(text):
    return decode(text)
"""
    assert [(one.kind, one.lacks) for one in lacking(text, "read_gallery")] == [("except", "except ValueError")]


def test_status_that_siblings_check_is_missed() -> None:
    body = "    answer = client.get(url)\n    answer.raise_for_status()\n    return answer\n\n\n"
    text = f"def fetch_page(client, url):\n{body}def fetch_image(client, url):\n{body}"
    text += "def fetch_gallery(client, url):\n    answer = client.get(url)\n    return answer\n"
    assert [(one.kind, one.lacks) for one in lacking(text, "fetch_gallery")] == [("check", ".raise_for_status()")]
