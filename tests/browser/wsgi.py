"""The same site under WSGI, which cannot stream: ``python -m tests.browser.wsgi PORT``."""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    application = get_wsgi_application()
    make_server("127.0.0.1", int(sys.argv[1]), application, Server, Quiet).serve_forever()
