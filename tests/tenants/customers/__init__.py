"""The tenants of the tests' site: the app that django-tenants asks a site for."""
