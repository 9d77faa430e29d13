"""Toasts on sites with tenants, with the real django-tenants on a real PostgreSQL."""
