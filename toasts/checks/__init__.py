"""System checks: ``manage.py check`` reports mistakes in a site's settings.

docs/reference/checks.md lists each of them. SILENCED_SYSTEM_CHECKS silences one.
"""

from . import broker, csp, database, middleware, options, site, tenants

# Each module registers its checks when it is imported.
__all__ = ["broker", "csp", "database", "middleware", "options", "site", "tenants"]
