"""The settings of toasts: every name, its default and its unit, read when used.

This is the only reader of ``django.conf.settings`` in the package.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from django.conf import settings


def _get(name: str, default: Any) -> Any:
    return getattr(settings, f"TOASTS_{name}", default)


class Settings:
    """What a site may set, as ``TOASTS_<NAME>``; read anew each time, so tests can override."""

    @property
    def broker(self) -> str:
        """``auto``, ``local``, ``sqlite``, ``postgres``, ``redis`` or a factory's dotted path."""
        return str(_get("BROKER", "auto"))

    @property
    def listen_dsn(self) -> str:
        """A connection string for LISTEN alone, past a pooler; empty: the database's own."""
        return str(_get("LISTEN_DSN", ""))

    @property
    def redis_url(self) -> str:
        """For the broker ``redis``: ``redis://``, ``rediss://``, ``unix://``; a cluster's begins
        with ``redis+cluster://`` or ``rediss+cluster://``."""
        return str(_get("REDIS_URL", ""))

    @property
    def channel(self) -> str:
        """The channel of hints; two sites on one database or Redis need two names."""
        return str(_get("CHANNEL", "toasts"))

    @property
    def max_active(self) -> int:
        """How many of a user's newest active toasts are sent to the page at most."""
        return int(_get("MAX_ACTIVE", 200))

    @property
    def heartbeat(self) -> float:
        """Seconds between two pings of a stream."""
        return float(_get("HEARTBEAT", 15.0))

    @property
    def reconcile(self) -> float:
        """Seconds between two looks at the database that no hint asked for."""
        return float(_get("RECONCILE", 5.0))

    @property
    def sweep(self) -> float:
        """Seconds between two checks that every stream's session and user still stand."""
        return float(_get("SWEEP", 25.0))

    @property
    def rotate(self) -> tuple[float, float]:
        """Least and greatest age of a stream in seconds, before it is told to reconnect."""
        least, most = _get("ROTATE", (300.0, 600.0))
        return float(least), float(most)

    @property
    def patience(self) -> float:
        """Seconds that a client may leave unread what was sent, before it is cut off."""
        return float(_get("PATIENCE", 30.0))

    @property
    def max_streams_per_user(self) -> int:
        """Open streams of one user in one process; the oldest above it is told ``superseded``."""
        return int(_get("MAX_STREAMS_PER_USER", 100))

    @property
    def token_age(self) -> int:
        """Seconds for which a token opens feeds."""
        return int(_get("TOKEN_AGE", 300))

    @property
    def max_wait(self) -> float:
        """The longest long poll in seconds."""
        return float(_get("MAX_WAIT", 55.0))

    @property
    def allow_same_site(self) -> bool:
        """Whether other subdomains of the site's domain may open streams."""
        return bool(_get("ALLOW_SAME_SITE", False))

    @property
    def inject(self) -> Literal["always", "session", "never"]:
        """Which pages get the client: all, those to a browser with a session cookie, none."""
        value = _get("INJECT", "always")
        return {True: "always", False: "never"}.get(value, value)  # type: ignore[no-any-return]

    @property
    def use_tz(self) -> bool:
        return bool(settings.USE_TZ)

    @property
    def time_zone(self) -> str:
        return settings.TIME_ZONE

    @property
    def harmless_middleware(self) -> tuple[str, ...]:
        """The site's own middleware, dotted, that neither names nor refuses a stream's user."""
        return tuple(_get("HARMLESS_MIDDLEWARE", ()))

    @property
    def max_admissions(self) -> int:
        """How many stream requests may run through the site's middleware at once, per process."""
        return int(_get("MAX_ADMISSIONS", 8))

    @property
    def middleware(self) -> tuple[str, ...]:
        return tuple(settings.MIDDLEWARE)

    @property
    def authentication_backends(self) -> tuple[str, ...]:
        return tuple(settings.AUTHENTICATION_BACKENDS)

    @property
    def ssl_redirect(self) -> bool:
        return bool(settings.SECURE_SSL_REDIRECT)

    @property
    def prepend_www(self) -> bool:
        return bool(settings.PREPEND_WWW)

    @property
    def disallowed_user_agents(self) -> tuple[re.Pattern[str], ...]:
        return tuple(settings.DISALLOWED_USER_AGENTS)

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages that a request may choose from."""
        return tuple(code for code, _ in settings.LANGUAGES) if settings.USE_I18N else ()

    @property
    def csrf_trusted_origins(self) -> tuple[str, ...]:
        return tuple(settings.CSRF_TRUSTED_ORIGINS)

    @property
    def session_engine(self) -> str:
        return settings.SESSION_ENGINE

    @property
    def session_cookie_name(self) -> str:
        return settings.SESSION_COOKIE_NAME


conf = Settings()
