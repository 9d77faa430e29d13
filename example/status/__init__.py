"""The status page: services, their states and what happened, by long polling."""
