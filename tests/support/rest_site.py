"""A site whose REST_FRAMEWORK settings are made for its own API, in a process of its own.

REST framework reads most of its settings once, when it is imported.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.test import Client

SESSIONS = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
CACHED = [
    "django.middleware.cache.UpdateCacheMiddleware",
    *SESSIONS,
    "django.middleware.cache.FetchFromCacheMiddleware",
]


def set_up(rest_framework: dict[str, Any]) -> None:
    """Make the site, with all its pages cached and alice as a user."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    apps = ("contenttypes", "auth", "sessions")
    settings.configure(
        SECRET_KEY="test",
        USE_TZ=True,
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[f"django.contrib.{app}" for app in apps] + ["rest_framework", "toasts"],
        MIDDLEWARE=CACHED,
        ROOT_URLCONF="tests.support.toasts_urls",
        REST_FRAMEWORK=rest_framework,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def answers(client: Client) -> dict[str, Any]:
    """Return what the pages' client gets, by the name of its request: status and JSON."""
    from django.contrib.auth.models import User

    from toasts import create_toast

    alice = User.objects.create_user("alice")
    first, second, _ = (create_toast(text, alice).pk for text in ("one", "two", "three"))
    anonymous = client.post("/toasts/api/toasts/read-all/")
    client.force_login(alice)

    def get(path: str) -> Any:
        return client.get(f"/toasts/api/toasts/{path}")

    def post(path: str, body: Any = None) -> Any:
        return client.post(f"/toasts/api/toasts/{path}", body, content_type="application/json")

    responses = {
        "signed out": anonymous,
        "poll": client.get("/toasts/poll/"),
        "list": get("?page_size=2"),
        "count": get("count/?read=false"),
        "one": get(f"{first}/"),
        "read-all": post("read-all/", {"ids": [first]}),
        "read": post(f"{second}/read/"),
        "count again": get("count/?read=false"),
        "list again": get("?page_size=2"),
        "unknown": get("999/"),
        "bad ids": post("read-all/", {"ids": ["no"]}),
    }
    return {name: [response.status_code, response.json()] for name, response in responses.items()}


def main() -> None:
    set_up(json.loads(sys.argv[1]))
    from django.test import Client

    print(json.dumps(answers(Client())))


if __name__ == "__main__":
    main()
