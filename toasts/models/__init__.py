"""The tables of toasts."""

from .toast import Level, Toast, ToastQuerySet

__all__ = ["Level", "Toast", "ToastQuerySet"]
