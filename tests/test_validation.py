"""The rules of a toast's fields: what they refuse, and what they return."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from toasts import validation as content
from toasts.models import Level

NAN, INFINITY = float("nan"), float("inf")
CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


OPEN = {"name": "open", "label": "Open"}
BAD_NAME = (
    "actions[0].name: must be 1 to 40 letters, digits, dots, dashes or underscores,"
    " and must begin with a letter or digit."
)
REFUSED: list[tuple[str, Any, str]] = [
    ("message", "", "message: is empty"),
    ("message", " \n\t\u3000", "message: is empty"),
    ("message", "x" * 2001, "message: has 2001 characters; at most 2000"),
    ("message", None, "message: must be text, not None."),
    ("message", b"hello", "message: must be text, not bytes"),
    ("message", 7, "message: must be text, not int"),
    ("message", "a\x00b", "message: contains a NUL character"),
    ("message", "a\ud800b", "message: contains half of a surrogate pair"),
    ("message", "\udfff", "message: contains half of a surrogate pair"),
    ("title", "x" * 201, "title: has 201 characters; at most 200"),
    ("title", None, 'title: must be text, not None; use "" for no title.'),
    ("title", "\x00", "title: contains a NUL character"),
    ("title", "\ud83d", "title: contains half"),
    ("key", "x" * 201, "key: has 201 characters"),
    ("key", 5, "key: must be text"),
    ("key", None, 'key: must be text, not None; use "" for no key.'),
    ("key", "\x00", "key: contains a NUL character"),
    ("level", "danger", "level: 'danger' is not one of info, success, warning, error"),
    ("level", "INFO", "level: 'INFO' is not one of"),
    ("level", "", "level: '' is not one of"),
    ("level", None, "level: None is not one of"),
    ("level", ["info"], "level: "),
    ("url", None, 'url: must be text, not None; use "" for no link.'),
    ("url", b"/", "url: must be text"),
    ("url", " /x", "url: contains control characters, or spaces at the start or end; remove them."),
    (
        "url",
        "localhost:8000/x",
        "url: must be http, https, mailto or relative, not 'localhost:'."
        " For a host, write http://localhost:8000/x.",
    ),
    ("actions", "open", "actions: must be a list"),
    ("actions", b"open", "actions: must be a list"),
    ("actions", {"open": "Open"}, "actions: must be a list"),
    ("actions", 1, "actions: must be a list"),
    ("actions", ["open"], "actions[0]: must be an object"),
    ("actions", [None], "actions[0]: must be an object"),
    ("actions", [{}], "actions[0]: has no name; add one."),
    ("actions", [{"name": None}], "actions[0].name: must be text, not None."),
    ("actions", [{"name": "open"}], "actions[0].label: is empty"),
    ("actions", [{"name": "open", "label": "  "}], "actions[0].label: is empty"),
    ("actions", [{"name": "open", "label": "x" * 81}], "actions[0].label: has 81"),
    ("actions", [{"name": "open", "label": "\x00"}], "actions[0].label: contains a NUL character"),
    ("actions", [{"name": "open", "label": 1}], "actions[0].label: must be text"),
    ("actions", [{"name": "a b", "label": "x"}], BAD_NAME),
    ("actions", [{"name": "-a", "label": "x"}], BAD_NAME),
    ("actions", [{"name": "", "label": "x"}], BAD_NAME),
    ("actions", [{"name": "a\n", "label": "x"}], BAD_NAME),
    ("actions", [{"name": "x" * 41, "label": "x"}], "actions[0].name: "),
    ("actions", [OPEN, {**OPEN, "url": 1}], "actions[1].url: must be text"),
    ("actions", [{**OPEN, "href": "/"}], "actions[0]: has unknown keys (href)"),
    ("actions", [{**OPEN, 1: "/"}], "actions[0]: has unknown keys (1)"),
    ("actions", [OPEN, OPEN], "actions: two have the same name"),
    (
        "actions",
        [{**OPEN, "name": f"n{n}"} for n in range(6)],
        "actions: has more than 5 items; at most 5 are allowed.",
    ),
    ("actions", itertools.repeat(OPEN), "actions: has more than 5 items; at most 5 are allowed."),
    ("progress", -1, "progress: must be from 0 to 100, not -1"),
    ("progress", 100.5, "progress: must be from 0 to 100"),
    ("progress", 10**400, "progress: must be a finite number"),
    ("progress", NAN, "progress: must be a finite number"),
    ("progress", INFINITY, "progress: must be a finite number"),
    ("progress", Decimal("sNaN"), "progress: must be a finite number"),
    ("progress", True, "progress: must be a number, not True"),
    ("progress", "50", "progress: must be a number, not '50'"),
    ("duration", -0.1, "duration: must be 0 (stays) or more"),
    ("duration", NAN, "duration: must be a finite number"),
    ("duration", -INFINITY, "duration: must be a finite number"),
    ("duration", 10**400, "duration: must be a finite number"),
    ("duration", "6", "duration: must be a number"),
    ("duration", False, "duration: must be a number, not False"),
    ("data", NAN, "data: cannot be stored as JSON ("),
    ("data", {"a": [INFINITY]}, "data: cannot be stored as JSON ("),
    ("data", {"a": {1, 2}}, "data: cannot be stored as JSON ("),
    ("data", b"bytes", "data: cannot be stored as JSON ("),
    ("data", datetime(2030, 1, 1), "data: cannot be stored as JSON ("),
    ("data", {("a", "b"): 1}, "data: cannot be stored as JSON ("),
    ("data", 10**5000, "data: cannot be stored as JSON ("),
    ("data", CIRCLE, "data: cannot be stored as JSON ("),
    ("data", nested(100_000), "data: cannot be stored as JSON ("),
    ("data", nested(51), "data: is nested more than 50 deep"),
    ("data", "\x00", "data: contains a NUL character"),
    ("data", {"a": ["\x00"]}, "data: contains a NUL character"),
    ("data", {"\x00": 1}, "data: contains a NUL character"),
    ("data", {"a": {"b": "\ud800"}}, "data: contains half of a surrogate pair"),
    ("data", {"\udc00": 1}, "data: contains half of a surrogate pair"),
    ("expires_at", "2030-01-01", "expires_at: must be a datetime or None"),
    ("expires_at", 60, "expires_at: must be a datetime or None"),
    ("visible_from", datetime(2030, 1, 1).date(), "visible_from: must be a datetime or None"),
    ("user", 1, "user: is not a field of a toast; known: message, title, "),
    ("read_at", None, "read_at: is not a field of a toast"),
    ("id", 1, "id: is not a field of a toast"),
]


def test_data_that_is_not_json_is_refused_with_advice() -> None:
    with pytest.raises(ValueError, match=r"^data: ") as caught:
        content.clean({"data": datetime(2030, 1, 1)})
    assert str(caught.value) == (
        "data: cannot be stored as JSON (Object of type datetime is not JSON serializable)."
        " Convert it first, for example with str()."
    )


def test_no_host_is_suggested_for_another_scheme() -> None:
    with pytest.raises(ValueError, match=r"not 'javascript:'\.$"):
        content.clean({"url": "javascript:alert(1)"})


@pytest.mark.parametrize(
    ("field", "value", "error"), REFUSED, ids=[f"{n}-{row[0]}" for n, row in enumerate(REFUSED)]
)
def test_an_invalid_value_is_refused_with_the_name_of_its_field(
    field: str, value: Any, error: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(error)}"):
        content.clean({field: value})


ACCEPTED: list[tuple[str, Any, Any]] = [
    ("message", "x" * 2000, "x" * 2000),
    ("message", " <b>hello</b>\r\n\u2028 ", " <b>hello</b>\r\n\u2028 "),
    ("message", "\U0001f600 é \u202e", "\U0001f600 é \u202e"),
    ("title", "x" * 200, "x" * 200),
    ("title", "", ""),
    ("key", "export:7", "export:7"),
    ("level", "warning", "warning"),
    ("level", Level.ERROR, "error"),
    ("actions", None, []),
    ("actions", (), []),
    ("actions", (OPEN,), [{**OPEN, "url": ""}]),
    ("actions", iter([OPEN]), [{**OPEN, "url": ""}]),
    ("actions", [MappingProxyType(OPEN)], [{**OPEN, "url": ""}]),
    ("progress", None, None),
    ("progress", 0, 0),
    ("progress", 100, 100),
    ("progress", 99.9, 99),
    ("progress", Decimal("33.3"), 33),
    ("duration", None, None),
    ("duration", 0, 0.0),
    ("duration", 2.5, 2.5),
    ("duration", Decimal("0.5"), 0.5),
    ("data", None, {}),
    ("data", {}, {}),
    ("data", [1, None, True, "x"], [1, None, True, "x"]),
    ("data", {1: (2, 3)}, {"1": [2, 3]}),
    ("data", "text", "text"),
    ("data", nested(50), nested(50)),
    ("expires_at", None, None),
]


@pytest.mark.parametrize(("field", "value", "stored"), ACCEPTED)
def test_a_valid_value_is_kept_or_normalised(field: str, value: Any, stored: Any) -> None:
    cleaned = content.clean({field: value})
    assert cleaned == {field: stored}
    assert type(cleaned[field]) is type(stored)


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.text(), st.lists, max_leaves=20)))
def test_data_is_not_changed_but_refused_if_it_holds_a_nul(data: dict[str, Any]) -> None:
    if "\x00" in "".join(strings(data)):
        with pytest.raises(ValueError, match=r"^data: contains a NUL character"):
            content.clean_data(data)
    else:
        assert content.clean_data(data) == data


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif value is not None:
        yield from itertools.chain.from_iterable(map(strings, value))
    if isinstance(value, dict):
        yield from strings(list(value.values()))


@pytest.mark.parametrize("field", ["message", "title", "key"])
def test_a_lazy_translation_is_rendered_now(field: str) -> None:
    with translation.override("de"):
        cleaned = content.clean({field: gettext_lazy("Yes")})
    assert cleaned == {field: "Ja"}
    assert type(cleaned[field]) is str


def test_an_actions_label_may_be_a_lazy_translation() -> None:
    with translation.override("de"):
        actions = content.clean_actions([{"name": "yes", "label": gettext_lazy("Yes")}])
    assert actions == [{"name": "yes", "label": "Ja", "url": ""}]


def test_a_lazy_link_is_rendered_before_it_is_checked() -> None:
    with pytest.raises(ValueError, match=r"^url: must be http"):
        content.clean_url(gettext_lazy("javascript:alert(1)"))


def test_every_field_has_its_rule() -> None:
    from toasts.models.toast import Toast

    own = {"id", "user", "created_at", "updated_at", "read_at"}
    assert set(content.CLEANERS) == {field.name for field in Toast._meta.fields} - own
