from django_tenants.models import DomainMixin, TenantMixin


class Customer(TenantMixin):  # type: ignore[misc]  # the package has no types
    auto_create_schema = True
    auto_drop_schema = True


class Domain(DomainMixin):  # type: ignore[misc]
    """A host name of a customer, or the folder of its pages."""
