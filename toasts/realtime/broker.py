"""The contract of a broker, and what helps to write one: import them from here."""

from __future__ import annotations

from .brokers.base import HINTS_MAX_BYTES, Broker, BrokerError, Publish, Wake, pack, unpack
from .brokers.local import LocalBroker

__all__ = [
    "HINTS_MAX_BYTES",
    "Broker",
    "BrokerError",
    "LocalBroker",
    "Publish",
    "Wake",
    "pack",
    "unpack",
]
