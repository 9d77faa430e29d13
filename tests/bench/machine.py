"""The machine of the measurement, and the cost of a process."""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "Django", "uvicorn", "uvloop", "httptools", "h11", "daphne", "Twisted", "psycopg", "asgiref",
    "django-eventstream", "channels",
)  # fmt: skip


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _line(file: str, begin: str) -> str:
    for line in Path(file).read_text().splitlines():
        if line.startswith(begin):
            return line.partition(":")[2].strip()
    return "unknown"


def describe() -> dict[str, str]:
    """Return the cores, the memory and the versions for the report."""
    memory = int(_line("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    return {
        "cores": str(os.cpu_count()),
        "processor": _line("/proc/cpuinfo", "model name"),
        "memory": f"{memory:.1f} GiB",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "kernel": platform.release(),
        "open files": str(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        "Python": platform.python_version(),
        "uvicorn's HTTP": "httptools" if importlib.util.find_spec("httptools") else "h11",
        **{package: _version(package) for package in PACKAGES},
    }


def raise_limits(wanted: int = 65536) -> int:
    """Let this process and its children open many files. Return the new limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(wanted, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return limit
        except (ValueError, OSError):
            continue  # only root may raise the hard one
    return hard


class Meter:
    """The cost of a process, read from the kernel.

    Args:
        pid: a process of the same user. Its child processes are not counted.
    """

    def __init__(self, pid: int) -> None:
        self.folder = Path(f"/proc/{pid}")
        # The CPU clock of another process (clock_getcpuclockid(3)) has nanoseconds and includes
        # threads that have ended. /proc/PID/stat counts in steps of 10 ms.
        self._clock = (~pid << 3) | 2

    def cpu(self) -> float:
        """Return the CPU time, user and system, in seconds."""
        return time.clock_gettime(self._clock)

    def memory(self) -> int:
        """Return the proportional set size in KiB."""
        return int(_line(str(self.folder / "smaps_rollup"), "Pss:").split()[0])

    def threads(self) -> int:
        return int(_line(str(self.folder / "status"), "Threads"))

    def files(self) -> int:
        """Return the number of open file descriptors."""
        return len(os.listdir(self.folder / "fd"))
