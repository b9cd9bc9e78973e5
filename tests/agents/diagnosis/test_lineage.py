from __future__ import annotations

import pytest

from andon.agents.search.lineage import executed_writers, find_writers

DB = '''
TABLE = "images"
INSERT = f"insert into {TABLE} (a) values (%s)"


def insert(conn, table, rows):
    """insert into images: prose, which writes nothing"""
    conn.execute(f"insert into {table} (a) values (1)")
'''


def writers(**files: str) -> list[tuple[str, str]]:
    """Returns (function, verb) of each writer of `images`; a file's name stands for its path without `.py`."""
    sources = {f"app/{name}.py": text for name, text in files.items()}
    return [(found.function.name if found.function else "", found.verb) for found in find_writers(sources, ["images"])]


@pytest.mark.parametrize(
    ("body", "verb"),
    [
        ('c.execute("INSERT INTO images (a) VALUES (1)")', "insert"),
        ('c.execute("insert or replace into images values (1)")', "insert"),
        ("c.execute('insert into public.\"images\" values (1)')", "insert"),
        ('c.execute("merge into images using x on true")', "insert"),
        ('c.execute("update images i set a = 1")', "update"),
        ('c.copy("copy images (a, b) from stdin")', "copy"),
        ('c.execute("delete from images")', "delete"),
        ('c.execute("create table images as select 1")', "create"),
        ('c.execute("insert into " + "images" + " values (1)")', "insert"),
        ('c.execute("insert into %s values (1)" % "images")', "insert"),
        ('c.execute("insert into {} values (1)".format("images"))', "insert"),
        ('c.execute("insert into {t} values (1)".format(t="images"))', "insert"),
        ('c.execute(sql.SQL("insert into {} values (1)").format(sql.Identifier("images")))', "insert"),
        ('c.write_database("images", connection=c)', "orm"),
        ('c.to_sql(name="images", con=c)', "orm"),
        ('c["images"].insert_many([])', "orm"),
    ],
)
def test_write_is_found_however_it_is_spelled(body: str, verb: str) -> None:
    assert writers(one=f"def save(c):\n    {body}\n") == [("save", verb)]


@pytest.mark.parametrize(
    "body",
    [
        'c.execute("select * from images")',
        'log("will update images soon")',
        'c.execute("insert into images_old values (1)")',
        'c.execute("copy images to stdout")',
        'c.execute("create table images (a int)")',
        '"""insert into images values (1)"""',
    ],
)
def test_what_only_reads_or_speaks_of_a_table_is_no_writer(body: str) -> None:
    assert writers(one=f"def look(c):\n    {body}\n") == []


def test_constant_of_another_module_is_followed() -> None:
    use = "from app.db import INSERT as I\nfrom app import db\n"
    use += "def a(c):\n    c.execute(I)\ndef b(c):\n    c.execute(db.INSERT)\n"
    assert [name for name, _ in writers(db=DB, use=use)] == ["", "a", "b"]


def test_caller_that_hands_in_the_table_is_the_writer() -> None:
    use = (
        "from app.db import insert, TABLE\n"
        "def direct(c):\n    insert(c, 'images', [])\n"
        "def by_word(c):\n    insert(c, table=TABLE, rows=[])\n"
        "def passing(c, t):\n    insert(c, t, [])\n"
        "def far(c):\n    passing(c, 'images')\n"
        "def other(c):\n    insert(c, 'fetches', [])\n"
    )
    assert [name for name, _ in writers(db=DB, use=use)] == ["", "direct", "by_word", "far"]


def test_mapped_classes_and_tables_count() -> None:
    text = (
        "class Image(Model):\n    __tablename__ = 'images'\n"
        "images = Table('images', meta)\n"
        "def a(s):\n    s.add(Image(a=1))\n"
        "def b(s):\n    s.execute(insert(images).values(a=1))\n"
        "def c(s):\n    s.execute(images.update())\n"
        "def d(s):\n    Image.objects.bulk_create([])\n"
        "class Store:\n    table = 'images'\n    def e(self, c):\n        c.execute(f'delete from {self.table}')\n"
    )
    assert [name for name, _ in writers(orm=text)] == ["a", "b", "c", "d", "Store.e"]


def test_sql_file_writes_through_the_function_that_names_it() -> None:
    sources = {
        "app/run.py": "def fill(c):\n    c.execute(read('queries/fill.sql'))\n",
        "app/queries/fill.sql": "-- fills\ninsert into images select 1;\n",
    }
    found = [(writer.path, writer.start, writer.function is not None) for writer in find_writers(sources, ["images"])]
    assert found == [("app/queries/fill.sql", 2, False), ("app/run.py", 2, True)]


def test_view_leads_to_the_tables_behind_it() -> None:
    sources = {
        "app/schema.sql": "create view shown as select * from images join runs using (run_id);\n",
        "app/run.py": "def save(c):\n    c.execute('insert into images values (1)')\n",
    }
    assert [writer.path for writer in find_writers(sources, ["shown"])] == ["app/run.py", "app/schema.sql"]


def test_file_that_does_not_parse_is_passed_over() -> None:
    assert writers(broken="def (:\n", one="def f(c):\n    c.execute('delete from images')\n") == [("f", "delete")]


def test_only_writers_whose_body_ran_are_executed() -> None:
    sources = {
        "a.py": "def f(c):\n    c('insert into t values (1)')\n\n\ndef g(c):\n    c('insert into t values (2)')\n"
    }
    found = find_writers(sources, ["t"])
    ran = executed_writers(found, {"a.py": (1, 5, 6)})  # both `def` lines run at import
    assert [writer.function.name for writer in ran if writer.function] == ["g"]
