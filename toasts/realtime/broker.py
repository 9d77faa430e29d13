"""The contract of a broker, under the name by which sites import it."""

from __future__ import annotations

from .brokers.base import Broker, BrokerError, Publish, Wake

__all__ = ["Broker", "BrokerError", "Publish", "Wake"]
