"""The types of the Python API, for annotations in your own code.

Import them from here::

    from toasts.types import Action, LevelName, ToastContent
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict
from uuid import UUID

from django.db import models
from django.utils.functional import Promise

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

__all__ = ["Action", "Level", "LevelName", "Text", "ToastChanges", "ToastContent", "UserOrKey"]


class Level(models.TextChoices):
    """How important a toast is, as the choices of the column."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


LevelName: TypeAlias = Literal["info", "success", "warning", "error"]
"""How important a toast is."""

Text: TypeAlias = str | Promise
"""A string, or a lazy translation such as `gettext_lazy` returns."""

UserOrKey: TypeAlias = "AbstractBaseUser | AnonymousUser | int | str | UUID"
"""A saved user, or a user's primary key.

An AnonymousUser is refused when the code runs. It is here for ``request.user``, whose type includes
it even in views that require a login.
"""


class Action(TypedDict):
    """A button on a toast."""

    name: str
    """1 to 40 letters, digits, dots, dashes or underscores; unique within the toast."""
    label: Text
    """The text of the button, 1 to 80 characters."""
    url: NotRequired[Text]
    """Where the button leads. Empty: it only dispatches the event ``toasts:action``."""


class ToastContent(TypedDict, total=False):
    """The optional arguments of `create_toast`. See there for what each of them means."""

    level: LevelName | Level
    title: Text
    url: Text
    actions: Iterable[Action]
    key: str
    progress: float | Decimal | None
    duration: float | Decimal | None
    expires_at: datetime | None
    visible_from: datetime | None
    data: Any


class ToastChanges(ToastContent, total=False):
    """What `update_toast` can change: the arguments of `create_toast` except the user."""

    message: Text
