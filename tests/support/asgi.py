"""``TEST_HANDLER=django`` serves with Django's own handler."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

application: Any
if os.environ.get("TEST_HANDLER") == "django":
    import django.core.asgi

    application = django.core.asgi.get_asgi_application()
else:
    import toasts.asgi

    application = toasts.asgi.get_asgi_application()
