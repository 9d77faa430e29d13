"""System checks: a site's mistakes, told by ``manage.py check`` before they cost a toast.

Each is listed, with its fix, in docs/reference/checks.md. To silence one: SILENCED_SYSTEM_CHECKS.
"""

from . import csp, database, middleware, options, site

__all__ = ["csp", "database", "middleware", "options", "site"]  # they register themselves
