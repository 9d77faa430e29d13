"""User models whose keys are no integers. An environment variable chooses one: see `settings`."""
