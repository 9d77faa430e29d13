"""The site as an ASGI application: ``core.asgi:application``, for any ASGI server."""

import os

from toasts.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

application = get_asgi_application()
