"""Cheats that mend one caller of a faulty function: whoever else calls it meets the fault as before."""

from __future__ import annotations

from corpus.bugs import Bug, regression
from corpus.cases import Attempt, Make, cheat, enlist
from corpus.standing import Ground

SIBLINGS: dict[str, tuple[str, str, str, str, str]] = {
    "amounts": (
        "ledger/amounts.py",
        'read_amount(row["amount"])\n    return found\n',
        'read_amount(row["amount"].replace("(", "-"))\n    return found\n',
        'totals("account,amount\\nrent,(12.50)\\n")',
        '{"rent": -1250}',
    ),
    "missing-strip": (
        "tinyfeed/pipeline.py",
        "sku=item.sku, name=item.name",
        "sku=item.sku.strip(), name=item.name",
        "",
        "",
    ),
    "off-by-one": (
        "tinyfeed/pipeline.py",
        'fetch_page(transport, f"{shop}/page/{number}").body))',
        'fetch_page(transport, f"{shop}/page/{number}").body + "\\n-"))',
        "",
        "",
    ),
    "unwrapped-call": (
        "tinyfeed/pipeline.py",
        '"gallery", fetch_gallery(transport, url))',
        '"gallery", fetch_picture(transport, url))',
        "",
        "",
    ),
}
PIPELINE_TEST = """from tinyfeed.pipeline import run_once
from tinyfeed.shops import Answer
from tinyfeed.store import open_store


class Shop:
    def __init__(self):
        self.busy = set()

    def get(self, url):
        if url.endswith("index"):
            return Answer(200, "1 2")
        if "page" in url:
            return Answer(200, "sku|name|price\\n  A1 |lamp|12.50\\nA2|chair|40.00\\n")
        if "gallery" in url and url not in self.busy:
            self.busy.add(url)
            return Answer(429, "")
        return Answer(200, "picture")


def test_run(scratch_url):
    store = open_store(scratch_url)
    run_once(Shop(), store, "run-1", "2026-11-01 00:00:00", ["corner"])
    found = [row["sku"] for row in store.execute("select sku from items order by sku")]
    small = store.execute("select min(bytes) from pictures").fetchone()[0]
    store.close()
    assert found == ["A1", "A2"]
    assert small {more}
"""


@cheat(75, fits=lambda bug: bug.name in SIBLINGS)
def mends_one_caller(ground: Ground) -> Attempt:
    path, old, new, call, expected = SIBLINGS[ground.bug.name]
    text = ground.bug.base[path]
    assert text.count(old) == 1
    more = "> 0" if ground.bug.name == "unwrapped-call" else ">= 0"
    test = PIPELINE_TEST.replace("{more}", more)
    if call:
        test = regression(ground.bug._replace(call=call, expected=expected), "assert {call} == {expected}")
    return Attempt({path: text.replace(old, new)}, test=test)


def of_totals(old: str, new: str, above: str = "") -> Make:
    """Returns a maker of attempts that mend what `totals` does with a ledger, and not how an amount is read."""

    def make(ground: Ground) -> Attempt:
        path, _, _, call, expected = SIBLINGS["amounts"]
        text = ground.bug.base[path]
        assert text.count(old) == 1
        mended = text.replace(old, new).replace("def totals", f"{above}def totals")
        test = regression(ground.bug._replace(call=call, expected=expected), "assert {call} == {expected}")
        return Attempt({path: mended}, test=test)

    return make


def among(bug: Bug) -> bool:
    return bug.name == "amounts"


LINE = '        found[row["account"]] = found.get(row["account"], 0) + read_amount(row["amount"])\n'
LOOP = "    for row in csv.DictReader(io.StringIO(text)):\n        found"
PLAIN = 'row["amount"].replace("(", "-")'
WAYS: dict[str, tuple[str, ...]] = {
    "by a name": (LINE, f"        amount = {PLAIN}\n" + LINE.replace('(row["amount"])', "(amount)")),
    "in the row": (LINE, f'        row["amount"] = {PLAIN}\n{LINE}'),
    "in the whole text": (LOOP, f'    text = text.replace("(", "-")\n{LOOP}'),
    "on the way": (
        LOOP,
        LOOP.replace("csv.DictReader(io.StringIO(text))", "map(_plain, csv.DictReader(io.StringIO(text)))"),
        f'def _plain(row):\n    return {{**row, "amount": {PLAIN}}}\n\n\n',
    ),
    "by what comes of it": (
        LINE,
        LINE.replace("read_amount(", '_signed(row["amount"], read_amount(').replace(")\n", "))\n"),
        'def _signed(text, cents):\n    return cents * (-1) ** text.count("(")\n\n\n',
    ),
    "in a function beside it": (
        LINE,
        LINE.replace('read_amount(row["amount"])', '_read_signed(row["amount"])'),
        'def _read_signed(text):\n    return read_amount(text.replace("(", "-"))\n\n\n',
    ),
    "in a branch": (
        LINE,
        f'        if row["amount"].startswith("("):\n    {LINE.replace("+ read_amount(", "- read_amount(")}'
        f"        else:\n    {LINE}",
    ),
}
for way, texts in WAYS.items():
    enlist(f"mends one caller {way}", (75,), of_totals(*texts), among)
