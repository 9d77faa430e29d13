"""``TEST_HANDLER=django`` serves with Django's own handler."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

if os.environ.get("TEST_HANDLER") == "django":
    from django.core.asgi import get_asgi_application
else:
    from toasts.asgi import get_asgi_application

application = get_asgi_application()
