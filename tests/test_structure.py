"""The size of functions and files: small enough to be read without scrolling."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
LINES_OF_A_FILE = 320
LINES_OF_A_FUNCTION = 50
MEDIAN_LINES_OF_A_FUNCTION = 6


def _files(*patterns: str) -> list[Path]:
    return sorted(
        path
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if not {"migrations", "node_modules", "__pycache__"} & set(path.parts)
    )


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function's place and the number of its lines, without its docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
            documented = _lines(docstring) if docstring else 0
            length = _lines(node) - documented
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", length


PACKAGES = ["toasts/**/*.py", "core/**/*.py", "example/**/*.py"]
TESTS = ["tests/**/*.py"]


@pytest.mark.parametrize("patterns", [PACKAGES, TESTS, ["toasts/client/**/*.js", "tests/**/*.js"]])
def test_no_file_has_more_than_320_lines(patterns: list[str]) -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in _files(*patterns)}
    assert lengths
    assert {path: n for path, n in lengths.items() if n > LINES_OF_A_FILE} == {}


@pytest.mark.parametrize("patterns", [PACKAGES, TESTS])
def test_no_function_has_more_than_50_lines(patterns: list[str]) -> None:
    lengths = dict(one for path in _files(*patterns) for one in _functions(path))
    assert {place: n for place, n in lengths.items() if n > LINES_OF_A_FUNCTION} == {}


def test_half_of_the_functions_of_toasts_have_at_most_six_lines() -> None:
    lengths = [length for path in _files("toasts/**/*.py") for _, length in _functions(path)]
    assert median(lengths) <= MEDIAN_LINES_OF_A_FUNCTION


def test_no_two_tests_create_a_database_of_the_same_name() -> None:
    names = Counter(
        name
        for path in _files("tests/**/test_*.py", "tests/**/conftest.py")
        for name in re.findall(r"\.create\(\"(\w+)\"\)", path.read_text())
    )
    assert len(names) > 10
    assert [name for name, count in names.items() if count > 1] == []  # the later drops the other's
