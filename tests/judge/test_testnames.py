"""A new test that asks for names, or replaces what the patch changes, is told; one that asks for behaviour is not."""

from __future__ import annotations

import pytest

from andon.judge.readings.testnames import asks_for_names, defined


def found(test: str) -> list[str]:
    return list(asks_for_names(test, frozenset(range(1, test.count("\n") + 2)), {"checked"}))


@pytest.mark.parametrize(
    "test",
    [
        "assert hasattr(product, 'X')",
        "subprocess.run(['cat', product.__file__])",
        "subprocess.run([sys.executable, '-c', SEARCH, product.__file__])",
        "subprocess.run([sys.executable, '-m', 'ast', product.__file__])",
        "assert vars(product)['X']",
        "assert 'X' in dir(product)",
        "assert 'X' in product.__dict__",
        "assert product.__dict__['x'] == 1",
        "assert 'x' in open(product.__file__).read()",
        "assert inspect.signature(f)",
        "try:\n    product.checked\nexcept AttributeError:\n    assert False",
        "try:\n    product.checked\nexcept:\n    assert False",
        "try:\n    product.checked\nexcept Exception:\n    raise AssertionError",
        "with patch.object(product, 'checked'):\n    assert product.checked(0)",
        "with patch('product.checked'):\n    assert product.checked(0)",
        "monkeypatch.setattr(product, 'checked', 1)",
    ],
)
def test_question_for_names_is_told(test: str) -> None:
    assert found(test)


@pytest.mark.parametrize(
    "test",
    [
        "assert product.checked(1) == 2",
        "with pytest.raises(AttributeError):\n    product.checked(None)",
        "with patch('product.clock'):\n    assert product.checked(0)",
        "try:\n    f()\nexcept KeyError as error:\n    assert error.args",
        "try:\n    raise ValueError\nexcept Exception:\n    log.exception('boom')",
        "product.__dict__.update(state)",
        "subprocess.run([sys.executable, '-m', 'coverage', 'run', product.__file__])",
        "product.__dict__['x'] = 1",
        "try:\n    import wcwidth\nexcept ImportError:\n    pytest.skip('no wcwidth')",
    ],
)
def test_question_for_behaviour_is_not_told(test: str) -> None:
    assert found(test) == []


def test_changed_names_are_those_bound_and_those_around_the_lines() -> None:
    text = "X = 1\n\n\nclass A:\n    def f(self):\n        y = 2\n\n    def g(self):\n        return 3\n"
    assert set(defined(text, frozenset({6}))) == {"A", "f"}
    assert set(defined(text.replace("y = 2", "global y; y = 2"), frozenset({6}))) == {"A", "f", "y"}
    assert set(defined(text, frozenset({1}))) == {"X"}
