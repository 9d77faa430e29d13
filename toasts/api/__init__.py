"""The Python API: the only code that writes toasts and announces them."""

from .change import (
    async_dismiss_toast,
    async_update_toast,
    dismiss_all,
    dismiss_toast,
    update_toast,
)
from .commit import announce_changes
from .create import async_create_toast, async_create_toasts, create_toast, create_toasts
from .streams import async_end_streams, end_streams

__all__ = [
    "announce_changes",
    "async_create_toast",
    "async_create_toasts",
    "async_dismiss_toast",
    "async_end_streams",
    "async_update_toast",
    "create_toast",
    "create_toasts",
    "dismiss_all",
    "dismiss_toast",
    "end_streams",
    "update_toast",
]
