"""The async form of a function that queries the database."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

P = ParamSpec("P")
R = TypeVar("R")


def async_twin(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Return a coroutine function with the arguments, result and errors of `function`.

    It runs `function` in the thread that Django keeps for a request's queries. Its signature is
    that of `function` for type checkers, editors and `inspect.signature`.
    """

    @functools.wraps(function)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> R:
        return await sync_to_async(function)(*args, **kwargs)

    twin.__name__ = f"async_{function.__name__}"
    twin.__qualname__ = f"async_{function.__qualname__}"
    twin.__doc__ = f"Do what `{function.__name__}` does, from async code.\n\n{function.__doc__}"
    return twin
