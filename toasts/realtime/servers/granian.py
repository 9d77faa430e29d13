"""granian: what is known of its inside.

Its ``send`` is written in Rust. Where it has to wait it returns an awaitable whose steps are a
plain iterator: unlike a coroutine's, they have neither ``throw`` nor ``close``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any


def throw(steps: Generator[Any, Any, None], error: Any, *rest: Any) -> Any:
    """Throw an exception into a coroutine's steps. Raise it here if they cannot take it."""
    if hasattr(steps, "throw"):
        return steps.throw(error, *rest)
    raise error


def close(steps: Generator[Any, Any, None]) -> None:
    """Close a coroutine's steps, if they can be closed."""
    if hasattr(steps, "close"):
        steps.close()
