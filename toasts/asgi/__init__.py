"""Django's ASGI application, with event streams that outlive their request for free.

In a project's ``asgi.py``::

    from toasts.asgi import get_asgi_application

    application = get_asgi_application()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.core.asgi import get_asgi_application as django_application

if TYPE_CHECKING:
    from .application import Application, StreamApplication


def get_asgi_application() -> StreamApplication:
    """The ASGI callable to give to the server, in place of Django's own."""
    django = django_application()
    from .application import StreamApplication  # its models exist only once Django is set up

    return StreamApplication(cast("Application", django))
