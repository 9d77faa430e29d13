"""tests.settings with announcements that nobody hears, for writers."""

from tests.settings import *  # noqa: F403

TOASTS_BROKER = "tests.bench.writing.Silent"
