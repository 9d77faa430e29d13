"""The HTTP API: the only code that imports Django REST framework."""
