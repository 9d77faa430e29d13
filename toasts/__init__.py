"""Durable, realtime toast notifications for Django.

The names below are loaded on first use: Django imports this package before its apps are ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.create import (
        async_create_toast,
        async_create_toasts,
        async_dismiss_toast,
        async_update_toast,
        create_toast,
        create_toasts,
        dismiss_toast,
        update_toast,
    )

__version__ = "0.1.0"

__all__ = [
    "async_create_toast",
    "async_create_toasts",
    "async_dismiss_toast",
    "async_update_toast",
    "create_toast",
    "create_toasts",
    "dismiss_toast",
    "update_toast",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .api import create as api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
