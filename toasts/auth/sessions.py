"""The site's session store: reading sessions by key, together and one by one.

What is known of the inside of Django's session engines is in this module alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core.cache import caches
from django.db import models, router
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from ..conf import conf
from ..db import PARAMETERS_MAX, chunked


class SessionData(dict[str, Any]):
    """The decoded data of one stored session, read together with many others."""

    session_key: str
    text: str
    """The data as it is stored."""


def session_store() -> type[SessionBase]:
    """Return the session class of SESSION_ENGINE."""
    store: type[SessionBase] = import_module(conf.session_engine).SessionStore
    return store


def session_by_key(key: str) -> SessionBase:
    """Return the session with this key. It is empty if there is none, or if it has expired."""
    return session_store()(key)


def stored_session_model() -> type[models.Model] | None:
    """Return the model of the sessions in the database, or None if sessions are not kept there."""
    store = session_store()
    try:
        return store.get_model_class() if issubclass(store, DatabaseStore) else None
    except RuntimeError:  # django.contrib.sessions is not installed
        return None


def is_unexpired(session: models.Model) -> bool:
    """Return whether the row of a stored session has not expired."""
    expires: Any = getattr(session, "expire_date", None)
    return expires is None or expires > timezone.now()


def session_owner(session: models.Model) -> str | None:
    """Return the primary key, as text, of the user whom the row of a stored session names."""
    return stored_data(session).get(SESSION_KEY)


def stored_data(session: models.Model) -> dict[str, Any]:
    """Return the decoded data of the row of a stored session."""
    data: dict[str, Any] = getattr(session, "get_decoded", dict)()
    return data


def stored_texts(store: type[DatabaseStore], keys: Collection[str]) -> dict[str, str]:
    """Return the encoded data of those stored sessions that have not expired, by key. Blocks."""
    model = store.get_model_class()
    rows = model._default_manager.using(router.db_for_write(model))
    unexpired = rows.filter(expire_date__gt=timezone.now())
    found: dict[str, str] = {}
    for chunk in chunked(keys, PARAMETERS_MAX):
        chosen = unexpired.filter(session_key__in=chunk)
        found.update(chosen.values_list("session_key", "session_data"))
    return found


def read_sessions(keys: Sequence[str]) -> list[SessionData]:
    """Return the valid sessions with these keys from the database. Blocks.

    A session is left out if the cache of ``cached_db`` has other data: Django would use the cache.
    The two can differ after a rollback.
    """
    store: Any = session_store()
    decoder = store()
    rows = store.get_model_class()._default_manager.filter(
        session_key__in=keys, expire_date__gt=timezone.now()
    )
    cached = _cached_sessions(store, keys)
    found = []
    for key, text in rows.values_list("session_key", "session_data"):
        session = SessionData(decoder.decode(text))
        session.session_key, session.text = key, text
        if cached.get(key, session) == session:
            found.append(session)
    return found


def _cached_sessions(store: type[Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return what ``cached_db`` has in its cache of these sessions; nothing with other engines."""
    prefix = getattr(store, "cache_key_prefix", None)
    if prefix is None:
        return {}
    entries = caches[conf.session_cache_alias].get_many([prefix + key for key in keys])
    return {name.removeprefix(prefix): data for name, data in entries.items()}


def prevent_renewal(request: HttpRequest, response: HttpResponseBase) -> None:
    """Keep the session middleware from saving the session, and its cookie, for this response.

    With SESSION_SAVE_EVERY_REQUEST, a page that is left open would otherwise prolong its session
    forever. What something has changed in the session still reaches the store and the browser: a
    new key, or that the old one is void. Other middleware may read the session as ever.
    """
    session: Any = getattr(request, "session", None)
    if session is None:
        return
    save, set_cookie = session.save, response.set_cookie

    def save_changes(must_create: bool = False) -> None:
        if session.modified or must_create:
            save(must_create)

    def set_other_cookie(key: str, *args: Any, **kwargs: Any) -> None:
        if session.modified or key != conf.session_cookie_name:
            set_cookie(key, *args, **kwargs)

    session.save = save_changes
    response.set_cookie = set_other_cookie  # type: ignore[method-assign]  # delete_cookie calls it
