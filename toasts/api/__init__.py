"""What writes toasts, and announces what it wrote; nothing else does."""

from .create import (
    async_create_toast,
    async_create_toasts,
    async_dismiss_toast,
    async_update_toast,
    create_toast,
    create_toasts,
    dismiss_toast,
    update_toast,
)

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
