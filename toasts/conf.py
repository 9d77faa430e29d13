"""The settings of toasts, in one table: name, default, unit, rule and description.

A site sets them as ``TOASTS_<NAME>``. Each is read when it is used, so that tests can override it.
``manage.py check`` applies the rules, and docs/reference/settings.md is tested against the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from django.conf import settings

from . import rules
from .rules import Rule

T = TypeVar("T")
Inject = Literal["always", "session", "never"]
PREFIX = "TOASTS_"


class Setting(Generic[T]):
    """One setting of toasts. On `conf` it is the value that the site chose, or the default.

    Args:
        name: without ``TOASTS_``.
        default: the value on sites that don't set it.
        read: makes the value that the code uses of the one that the site set.
        rule: what ``manage.py check`` requires of the site's value.
        unit: of the value, for the reference.
        about: what the setting is for, in a sentence or two.
        secret: whether the value may hold a password.
    """

    def __init__(
        self, name: str, default: Any, read: Callable[[Any], T], rule: Rule, *,
        unit: str = "", about: str, secret: bool = False,
    ) -> None:  # fmt: skip
        self.name = PREFIX + name
        self.default = default
        self.read = read
        self.rule = rule
        self.unit = unit
        self.about = about
        self.secret = secret

    def __get__(self, instance: object, owner: type[object]) -> T:
        return self.read(getattr(settings, self.name, self.default))


class DjangoSetting(Generic[T]):
    """A setting of Django's own that toasts uses."""

    def __init__(self, name: str, read: Callable[[Any], T]) -> None:
        self.name = name
        self.read = read

    def __get__(self, instance: object, owner: type[object]) -> T:
        return self.read(getattr(settings, self.name))


def _range(value: Any) -> tuple[float, float]:
    least, most = value
    return float(least), float(most)


def _paths(value: Any) -> tuple[str, ...]:
    return tuple(value)


def _patterns(value: Any) -> tuple[re.Pattern[str], ...]:
    return tuple(value)


def _inject(value: Any) -> Inject:
    return {True: "always", False: "never"}.get(value, value)  # type: ignore[no-any-return]


class Settings:
    """What a site may set, and what toasts uses of Django's own settings."""

    broker = Setting(
        "BROKER", "auto", str, rules.BROKER,
        about="How processes notify each other of changes: the name of a broker, or the dotted path"
        " of a callable that returns one.",
    )  # fmt: skip
    listen_dsn = Setting(
        "LISTEN_DSN", "", str, rules.DSN, secret=True,
        about="A PostgreSQL connection string for LISTEN only, to bypass a connection pooler, such"
        " as PgBouncer, that does not support LISTEN. If empty, the database's own settings are"
        " used.",
    )  # fmt: skip
    redis_url = Setting(
        "REDIS_URL", "", str, rules.REDIS_URL, secret=True,
        about="The server for the broker redis: redis://, rediss:// or unix://; for a cluster"
        " redis+cluster:// or rediss+cluster://.",
    )  # fmt: skip
    channel = Setting(
        "CHANNEL", "toasts", str, rules.CHANNEL, unit="1 to 63 bytes",
        about="The channel on which processes tell each other whose toasts changed. Two sites on"
        " one database or Redis need different names.",
    )  # fmt: skip
    inject: Setting[Inject] = Setting(
        "INJECT", "always", _inject, rules.INJECT,
        about='Which pages get the client: "always", "session" (if the browser has a session'
        ' cookie; pages then vary by Cookie) or "never".',
    )  # fmt: skip
    max_active = Setting(
        "MAX_ACTIVE", 200, int, rules.count("toasts"), unit="toasts",
        about="The largest number of active toasts that a page gets; these are the user's newest.",
    )  # fmt: skip
    heartbeat = Setting(
        "HEARTBEAT", 15.0, float, rules.HEARTBEAT, unit="seconds, at most 55",
        about="The time between two pings of a stream. The page knows this value, and reconnects if"
        " a stream is silent for about two and a half times as long.",
    )  # fmt: skip
    reconcile = Setting(
        "RECONCILE", 5.0, float, rules.PERIOD, unit="seconds",
        about="The time between two reads of the database that do not depend on hints.",
    )  # fmt: skip
    sweep = Setting(
        "SWEEP", 25.0, float, rules.PERIOD, unit="seconds",
        about="The time between two checks of the sessions and users of all streams.",
    )  # fmt: skip
    max_age = Setting(
        "ROTATE", (300.0, 600.0), _range, rules.RANGE, unit="seconds",
        about="Each stream ends at a random age between these two. The page then reconnects.",
    )  # fmt: skip
    write_timeout = Setting(
        "PATIENCE", 30.0, float, rules.PERIOD, unit="seconds",
        about="How long the server waits for a client that has stopped reading, before it"
        " disconnects it. It has no effect on daphne under Django's own handler, where the server"
        " cannot tell.",
    )  # fmt: skip
    max_streams_per_user = Setting(
        "MAX_STREAMS_PER_USER", 100, int, rules.count("streams"), unit="streams",
        about="The largest number of streams of one user, or of the guests at one address, in one"
        " process. The oldest stream above this number ends with superseded.",
    )  # fmt: skip
    server_internals = Setting(
        "SERVER_INTERNALS", True, bool, rules.FLAG,
        about="Whether to use knowledge of the internals of daphne, uvicorn, hypercorn, gunicorn,"
        " asyncio, asgiref and Django's cached sessions. Without it, only public APIs are used:"
        " each write costs more, a stream under Django's own ASGI handler holds a thread, and a"
        " client that stops reading keeps its stream until its maximum age.",
    )  # fmt: skip
    max_wait = Setting(
        "MAX_WAIT", 55.0, float, rules.WAIT, unit="seconds",
        about="The maximum wait of a long poll.",
    )  # fmt: skip
    token_age = Setting(
        "TOKEN_AGE", 300, int, rules.count("seconds"), unit="whole seconds, at least 1",
        about="How long a feed's token is valid.",
    )  # fmt: skip
    allow_same_site = Setting(
        "ALLOW_SAME_SITE", False, bool, rules.FLAG,
        about="Whether other subdomains of the site's domain may open streams.",
    )  # fmt: skip
    admission_limit = Setting(
        "MAX_ADMISSIONS", 8, int, rules.count("requests"), unit="requests",
        about="How many requests for streams are in your middleware at once, in one process. The"
        " others wait, unless Django needs more than two seconds for those before them.",
    )  # fmt: skip
    transparent_middleware = Setting(
        "HARMLESS_MIDDLEWARE", (), _paths, rules.PATHS, unit="dotted paths",
        about="Your own middleware that does not affect who may open a stream; see authentication.",
    )  # fmt: skip

    tenant = Setting(
        "TENANT", "auto", str, rules.TENANT,
        about="How the site keeps its tenants apart: the dotted path of a context variable or of a"
        " subclass of Tenancy. auto: django-tenants, if it is installed. If empty, there are no"
        " tenants.",
    )  # fmt: skip

    use_tz = DjangoSetting("USE_TZ", bool)
    middleware = DjangoSetting("MIDDLEWARE", _paths)
    authentication_backends = DjangoSetting("AUTHENTICATION_BACKENDS", _paths)
    ssl_redirect = DjangoSetting("SECURE_SSL_REDIRECT", bool)
    prepend_www = DjangoSetting("PREPEND_WWW", bool)
    disallowed_user_agents = DjangoSetting("DISALLOWED_USER_AGENTS", _patterns)
    csrf_trusted_origins = DjangoSetting("CSRF_TRUSTED_ORIGINS", _paths)
    session_engine = DjangoSetting("SESSION_ENGINE", str)
    session_cache_alias = DjangoSetting("SESSION_CACHE_ALIAS", str)
    session_cookie_name = DjangoSetting("SESSION_COOKIE_NAME", str)

    @property
    def oldest_secret_key(self) -> str | bytes:
        """The oldest key that the site still accepts; a rotation of SECRET_KEY does not change it.

        What is derived from it stays the same until that key leaves SECRET_KEY_FALLBACKS.
        """
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        return keys[-1]  # Django's documentation has the newest first

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages that a request can choose."""
        return tuple(code for code, _ in settings.LANGUAGES) if settings.USE_I18N else ()


conf = Settings()
SETTINGS = tuple(value for value in vars(Settings).values() if isinstance(value, Setting))
"""Every setting of toasts, in the order of the reference."""
