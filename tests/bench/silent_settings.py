"""tests.settings with a broker that publishes nothing, for writers."""

from tests.settings import *  # noqa: F403

TOASTS_BROKER = "tests.bench.writing.Silent"
