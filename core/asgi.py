"""The site's ASGI application, for any ASGI server: ``core.asgi:application``."""

import os

from toasts.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

application = get_asgi_application()
