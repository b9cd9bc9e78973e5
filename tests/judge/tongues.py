"""The same small fault in other languages: a shop that forgets the first price, its old test, its fix, a new test."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple

from lab import Lab

from andon.environments.foreign import runtime_of, toolchain
from andon.judge.hearing import Hearing


class Tongue(NamedTuple):
    """A repository in one language."""

    base: dict[str, str]
    source: str
    """Path of the file with the fault."""
    fixed: str
    test: str
    """Path of the new test."""
    right: str
    """A new test that shows the fault."""
    suite: str
    symptom: str
    runtime: tuple[str, ...] = ()
    more: str = ""

    @property
    def fix(self) -> dict[str, str | None]:
        return {self.source: self.fixed, self.test: self.right}

    def hearing(
        self,
        lab: Lab,
        head: dict[str, str | None] | None = None,
        *,
        people: bool = False,
        symptom: bool = False,
        seed: int = 5,
    ) -> AbstractContextManager[Hearing]:
        """Gives the hearing of the fix with some files otherwise."""
        return lab.hearing(
            self.base,
            {**self.fix, **(head or {})},
            people=people,
            seed=seed,
            symptom=self.symptom if symptom else "",
            suite=self.suite,
            runtime=self.runtime,
            more=self.more,
        )


def script(start: int) -> str:
    return f"""export function total(prices) {{
  let count = 0;
  for (const price of prices.slice({start})) count += price;
  return count;
}}
"""


OPEN = (
    'import test from "node:test";\nimport assert from "node:assert/strict";\nimport { total } from "../shop.js";\n\n'
)
PRINTS = "import { total } from './shop.js';\nconsole.log(total(JSON.parse(process.argv[2])));\n"
NODE = Tongue(
    base={
        "package.json": '{"name": "shop", "type": "module", "scripts": {"test": "node --test"}}\n',
        "shop.js": script(1),
        "cli.mjs": PRINTS,
        "test/old.test.js": OPEN + 'test("none is nothing", () => assert.equal(total([]), 0));\n',
    },
    source="shop.js",
    fixed=script(0),
    test="test/all.test.js",
    right=OPEN + 'test("all are counted", () => assert.equal(total([3, 4]), 7));\n',
    suite="node --test",
    symptom="sh -c 'test \"$(node cli.mjs [3,4,5])\" = 12'",
    runtime=runtime_of("node"),
)


def crate(skip: str) -> str:
    return f"""pub fn total(prices: &[i64]) -> i64 {{
    prices.iter(){skip}.sum()
}}

#[cfg(test)]
mod tests {{
    #[test]
    fn none_is_nothing() {{
        assert_eq!(super::total(&[]), 0);
    }}
}}
"""


MAIN = """fn main() {
    let prices: Vec<i64> = std::env::args().skip(1).map(|price| price.parse().unwrap()).collect();
    println!("{}", shop::total(&prices));
}
"""
CARGO = Tongue(
    base={
        "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/lib.rs": crate(".skip(1)"),
        "src/main.rs": MAIN,
    },
    source="src/lib.rs",
    fixed=crate(""),
    test="tests/all.rs",
    right="#[test]\nfn all_are_counted() {\n    assert_eq!(shop::total(&[3, 4]), 7);\n}\n",
    suite="cargo test",
    symptom="sh -c 'test \"$(cargo run --quiet --offline -- 3 4 5)\" = 12'",
    runtime=toolchain(),
)
JUNIT = NODE._replace(
    suite="node --test --test-reporter=junit --test-reporter-destination=report.xml test",
    more='junit = "report.xml"\n',
)
TONGUES = {"node": NODE, "cargo": CARGO, "junit": JUNIT}
