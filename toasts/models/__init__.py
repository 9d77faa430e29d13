"""The models of toasts."""

from ..types import Level
from .toast import Row, Toast, ToastQuerySet, moment, wire

__all__ = ["Level", "Row", "Toast", "ToastQuerySet", "moment", "wire"]
