"""The hints that are not just the name of a topic."""

from __future__ import annotations

RECHECK_PREFIX = "!"
"""The prefix of a hint that requests a check of access to a topic."""
RECHECK_LATER_PREFIX = "!~"
"""The prefix of a hint that requests such a check once a change is complete."""
SIGNED_PREFIX = "="
"""The prefix of a hint that only the source can read: it is signed."""
PREFIX_WILDCARD = "*"
"""The suffix of a hint for all topics with that prefix."""
