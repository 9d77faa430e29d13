"""Django's ASGI application, whose event streams hold no thread and no database connection.

Use it in a project's ``asgi.py``::

    from toasts.asgi import get_asgi_application

    application = get_asgi_application()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.core.asgi import get_asgi_application as get_django_application

if TYPE_CHECKING:
    from ..realtime.types import Application
    from .application import StreamApplication


def get_asgi_application() -> StreamApplication:
    """Return the ASGI application to give to the server, in place of Django's own.

    It sets Django up, as Django's own function does.
    """
    django = get_django_application()
    from .application import StreamApplication  # its models exist only once Django is set up

    return StreamApplication(cast("Application", django))
