"""Each proof of the judge is needed: without it, a patch of the corpus is proven that must not be."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from corpus.cases import patch_of
from corpus.standing import Grounds, hear_briefly
from corpus.witnesses import EXCUSED, WITNESSES, bug_of

from andon.judge import PROOFS
from andon.models import VerdictOutcome

SOME = ("scope", "special case", "perturbed replay", "canaries", "suite on head", "wrong fix noticed")
"""Proofs whose witnesses are judged at every change; each is judged to its end by all the others, which takes long."""
ASKED = [rule.name for rule in PROOFS if rule.name in WITNESSES]
ASKED = ASKED if os.environ.get("ANDON_CATALOGUE_SHARE") else [name for name in ASKED if name in SOME]


@pytest.fixture(scope="session")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    """The bugs' repositories; each is made when it is first asked for."""
    found = Grounds(tmp_path_factory.mktemp("mutants").resolve())
    yield found
    found.close()


def test_every_proof_has_a_witness_or_a_reason() -> None:
    names = {rule.name for rule in PROOFS}
    assert names <= set(WITNESSES) | set(EXCUSED), names - set(WITNESSES) - set(EXCUSED)
    assert not set(WITNESSES) & set(EXCUSED)
    assert all(EXCUSED.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_judge_without_a_proof_is_fooled(name: str, grounds: Grounds) -> None:
    witness = WITNESSES[name]
    ground = grounds.of(bug_of(witness))
    patch = patch_of(ground, witness.make(ground))
    with ground.hearing(patch) as hearing:
        without = hear_briefly(hearing, [rule for rule in PROOFS if rule.name != name])
        whole = hear_briefly(hearing, [rule for rule in PROOFS if rule.name == name])
    assert without.outcome is VerdictOutcome.PROVEN, without
    assert whole.outcome is not VerdictOutcome.PROVEN
