"""Durable, realtime toast notifications for Django.

Django imports this package before its apps are ready, so these names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
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

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import api

        return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
