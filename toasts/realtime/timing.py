"""How often a hub does what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The periods of a hub.

    Args:
        reconcile: seconds between two reads of everything that no hint asked for.
        revalidate: seconds between two checks of all rights.
        idle_timeout: seconds after which a hub without streams gives back its thread and
            connections.
        call_timeout: seconds that a blocking call, such as a read, may take before its thread and
            connection are replaced.
        ticks_per_visit: ticks, of a second each, in which each stream is ticked once.
    """

    reconcile: float = 5.0
    revalidate: float = 25.0
    idle_timeout: float = 60.0
    call_timeout: float = 8.0
    ticks_per_visit: int = 1
