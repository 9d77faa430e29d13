"""The broker's contract, under the name by which sites import it."""

from .brokers.base import Broker, BrokerError, Publish, Wake

__all__ = ["Broker", "BrokerError", "Publish", "Wake"]
