"""The models of toasts."""

from .toast import Level, Row, Toast, ToastQuerySet, moment, wire

__all__ = ["Level", "Row", "Toast", "ToastQuerySet", "moment", "wire"]
