"""The status page: services, their states and their history, live by long polling."""
