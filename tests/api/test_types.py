"""What a type checker reports for calls to the Python API."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_type_hints

import pytest
from mypy import api as mypy

import toasts
from toasts import types, validation

ROOT = Path(__file__).parents[2]
HEAD = """
from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

import toasts
from toasts.models import Level, Toast
from toasts.types import Action, LevelName, ToastContent


async def calls(
    user: User, request: HttpRequest, toast: Toast, level: LevelName, content: ToastContent
) -> None:
"""
RIGHT = """
    made: Toast = toasts.create_toast("hello", 1)
    toasts.create_toast(gettext_lazy("hello"), user, level="error", title=gettext_lazy("title"))
    toasts.create_toast("hello", request.user, level=Level.ERROR)
    toasts.create_toast("hello", user, level=level, progress=Decimal("1.5"), duration=0)
    toasts.create_toast("hello", user, actions=[{"name": "open", "label": "Open", "url": "/"}])
    toasts.create_toast("hello", user, actions=(Action(name="undo", label="Undo"),))
    toasts.create_toast("hello", user, expires_at=datetime.now(), visible_from=None, data=[1])
    toasts.create_toast("hello", user, **content)
    count: int = toasts.create_toasts("hello", User.objects.all(), key="k", level="info")
    toasts.create_toasts("hello", [1, user], **content)
    changed: Toast = toasts.update_toast(toast, message="new", level="warning", progress=None)
    read: Toast = toasts.dismiss_toast(toast)
    made = await toasts.async_create_toast("hello", user, level="success", url="/")
    count = await toasts.async_create_toasts("hello", [user], title="title")
    changed = await toasts.async_update_toast(toast, message="new", data={"a": 1})
    read = await toasts.async_dismiss_toast(toast)
"""
WRONG = {
    'toasts.create_toast("hello", user, level="danger")': "arg-type",
    'toasts.create_toast("hello", user, colour="red")': "call-arg",
    'toasts.create_toast("hello", user, "error")': "call-arg",
    'toasts.create_toast("hello", user, progress="half")': "arg-type",
    'toasts.create_toast("hello", user, expires_at=60)': "arg-type",
    'toasts.create_toast(b"hello", user)': "arg-type",
    'toasts.create_toast("hello", None)': "arg-type",
    'toasts.create_toast("hello")': "call-arg",
    'toasts.create_toast("hello", user, actions=[{"name": "open"}])': "typeddict-item",
    'toasts.create_toast("hello", user, actions=[{"name": "a", "label": "A", "href": "/"}])': (
        "typeddict-unknown-key"
    ),
    'toasts.create_toasts("hello", user)': "arg-type",
    'toasts.create_toasts("hello", [user], level="danger")': "arg-type",
    'toasts.create_toasts("hello", [user], colour="red")': "call-arg",
    'toasts.update_toast(toast, level="danger")': "arg-type",
    "toasts.update_toast(toast, user=1)": "call-arg",
    "toasts.update_toast(toast, duration=datetime.now())": "arg-type",
    "toasts.update_toast(7, title='new')": "arg-type",
    'await toasts.async_create_toast("hello", user, level="danger")': "arg-type",
    'await toasts.async_create_toast("hello", user, colour="red")': "call-arg",
    'await toasts.async_create_toasts("hello", [user], colour="red")': "call-arg",
    'await toasts.async_update_toast(toast, colour="red")': "call-arg",
    "toasts.create_toats": "attr-defined",
}


@pytest.mark.timeout(300)
def test_mypy_accepts_right_calls_and_reports_each_wrong_one(tmp_path: Path) -> None:
    snippet = tmp_path / "calls.py"
    wrong = "".join(f"    {call}  # type: ignore[{code}]\n" for call, code in WRONG.items())
    snippet.write_text(HEAD + RIGHT + wrong)
    # A call without its error would be an unused "type: ignore", which is an error in turn.
    output, errors, code = mypy.run(
        [
            "--config-file=", "--strict", "--follow-imports=silent", "--python-version=3.11",
            f"--cache-dir={tmp_path / 'cache'}", str(snippet),
        ]
    )  # fmt: skip
    assert (output, errors, code) == ("Success: no issues found in 1 source file\n", "", 0)


def test_the_types_name_every_argument_of_create_toast() -> None:
    arguments = set(inspect.signature(toasts.create_toast).parameters)
    assert set(types.ToastContent.__annotations__) == arguments - {"message", "user"}
    assert set(types.ToastChanges.__annotations__) == arguments - {"user"}
    assert set(validation.CLEANERS) == arguments - {"user"}


def test_the_types_name_every_level_and_every_part_of_an_action() -> None:
    assert validation.LEVELS == ("info", "success", "warning", "error")
    assert set(get_type_hints(types.Action)) == {"name", "label", "url"}


@pytest.mark.parametrize("name", [name for name in toasts.__all__ if name.startswith("async_")])
def test_an_async_function_has_the_signature_of_the_sync_one(name: str) -> None:
    twin, function = getattr(toasts, name), getattr(toasts, name.removeprefix("async_"))
    assert inspect.iscoroutinefunction(twin)
    assert inspect.signature(twin) == inspect.signature(function)
    assert (twin.__name__, twin.__module__) == (name, function.__module__)
    assert function.__doc__ in twin.__doc__
