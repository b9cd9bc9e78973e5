"""The wallet of a session: what is charged is kept at once, and what is left is of the whole cause and of the day."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon import spending
from andon.app import App
from andon.config import load
from andon.errors import ConfigError, ExternalError, LimitError
from andon.models import Autonomy, Grant, Severity, Spend
from andon.testing.loops import use
from andon.testing.waiting import Clock
from andon.wallet import Wallet, wallet_with

SETTINGS = """\
[budget]
usd_per_ticket = 5.0
usd_per_day = 6.0
tokens_per_ticket = 1000
[systems.feed]
test = "true"
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    (tmp_path / "andon.toml").write_text(SETTINGS, encoding="utf-8")
    with App(load(tmp_path / "andon.toml"), now=Clock().now) as opened:
        yield opened


def ticket(app: App) -> int:
    made = app.store.create_ticket(
        system="feed", check=None, title="red", severity=Severity.LOW, autonomy=Autonomy.REPORT, now=app.now()
    )
    return made.id


def test_wallet_is_low_at_four_fifths_and_empty_at_the_limit() -> None:
    wallet = wallet_with(tokens=1000, usd=5)
    wallet.charge(tokens=799)
    assert wallet.low == ""
    wallet.charge(tokens=1)
    assert "800 of 1,000 tokens" in wallet.low
    assert wallet.empty == ""
    wallet.charge(tokens=300)
    assert "`tokens_per_ticket`" in wallet.empty
    with pytest.raises(LimitError, match="1,100 of 1,000 tokens"):
        wallet.check()


def test_money_empties_it_as_tokens_do() -> None:
    wallet = wallet_with(tokens=1000, usd=5)
    wallet.charge(usd=5.01)
    assert "5.01 of 5.00 USD" in wallet.empty


def test_wallet_of_nothing_is_empty_from_the_start() -> None:
    assert wallet_with(usd=0).empty


def test_cost_that_could_not_be_kept_is_counted_all_the_same() -> None:
    def broken(_: int, cost: Spend) -> None:
        raise ExternalError(f"no room for {cost.tokens}")

    wallet = Wallet(lambda: (), broken)
    with pytest.raises(ExternalError):
        wallet.charge(tokens=7)
    assert (wallet.spent.tokens, wallet.booked.tokens) == (7, 0)


def test_charges_of_many_threads_are_all_counted() -> None:
    wallet = wallet_with()
    threads = [threading.Thread(target=lambda: [wallet.charge(tokens=1) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wallet.spent.tokens == 400


def test_charge_is_in_the_store_at_once_and_is_not_booked_again_at_the_end(app: App) -> None:
    number = ticket(app)
    with spending.spending(app, number, "diagnose") as bill:
        bill.wallet.charge(tokens=40, usd=0.5)
        assert app.store.spent(number).tokens == 40
        bill.add(Spend(tokens=40, usd=0.5))  # the agent says the same of itself
    spent = app.store.spent(number)
    assert (spent.tokens, spent.usd) == (40, 0.5)


def test_agent_that_says_more_than_was_seen_pays_that(app: App) -> None:
    number = ticket(app)
    with spending.spending(app, number, "diagnose") as bill:
        bill.wallet.charge(tokens=40)
        bill.add(Spend(tokens=100, usd=1))
    spent = app.store.spent(number)
    assert (spent.tokens, spent.usd) == (100, 1)


def test_session_that_dies_has_paid_what_it_charged(app: App) -> None:
    number = ticket(app)
    spending.wallet_of(app, number, "fix 1").charge(tokens=10)  # and then the process is gone
    assert app.store.spent(number).tokens == 10


def test_two_sessions_of_one_cause_draw_from_one_wallet(app: App) -> None:
    number = ticket(app)
    one, other = spending.wallet_of(app, number, "a"), spending.wallet_of(app, number, "b")
    one.charge(tokens=900)
    other.charge(tokens=200)
    for wallet in (one, other):
        with pytest.raises(LimitError, match="1,100 of 1,000 tokens"):
            wallet.check()


def test_day_is_a_fuse_over_all_tickets(app: App) -> None:
    spending.wallet_of(app, ticket(app), "a").charge(usd=4)
    wallet = spending.wallet_of(app, ticket(app), "b")
    wallet.charge(usd=2)
    assert "6.00 of 6.00 USD" in wallet.empty
    assert "`usd_per_day`" in wallet.empty


def test_what_a_person_adds_counts_for_the_cause_alone(app: App) -> None:
    number, other = ticket(app), ticket(app)
    app.store.grant(number, Grant(tokens=500, minutes=5), actor="mara", why="nearly there", now=app.now())
    wallet, without = spending.wallet_of(app, number, "a"), spending.wallet_of(app, other, "b")
    wallet.charge(tokens=1200)
    assert wallet.empty == ""
    without.charge(tokens=1000)
    assert "1,000 of 1,000 tokens" in without.empty
    event = app.store.list_events(number)[-1]
    assert (event.kind, event.actor, event.text) == ("granted", "mara", "nearly there")


def test_grant_lifts_no_limit_of_the_day(app: App) -> None:
    number = ticket(app)
    app.store.grant(number, Grant(usd=100), actor="mara", why="", now=app.now())
    wallet = spending.wallet_of(app, number, "a")
    wallet.charge(usd=7)
    assert "`usd_per_day`" in wallet.empty


def test_limit_that_is_near_is_told_again_only_once_it_was_raised(app: App) -> None:
    number = ticket(app)

    def told() -> int:
        spending.warn(app, number)
        return sum("tokens are used (`tokens" in event.text for event in app.store.list_events(number))

    spending.wallet_of(app, number, "a").charge(tokens=900)
    assert told() == 1
    assert told() == 1
    app.store.grant(number, Grant(tokens=100), actor="mara", why="", now=app.now())
    assert told() == 2


def test_unknown_provider_is_refused_with_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "andon.toml").write_text('[agent]\nmodel = "gpt"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="openai:NAME"):
        load(tmp_path / "andon.toml")


def test_key_in_the_file_is_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "andon.toml").write_text('[agent]\nkey = "sk-secret"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="env:NAME") as error:
        load(tmp_path / "andon.toml")
    assert "sk-secret" not in str(error.value)


@pytest.mark.parametrize("url", ["ftp://x", "http://me:pw@host/v1", "host:80"])
def test_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    (tmp_path / "andon.toml").write_text("", encoding="utf-8")
    use(tmp_path, agent=f'{{url = "{url}"}}')
    with pytest.raises(ConfigError, match="address"):
        load(tmp_path / "andon.toml")
