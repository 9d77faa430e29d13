"""A process that has set Django up, and forks once for each script.

Each script still runs in a process of its own, with connections of its own. But it does not pay for
the start of Python and Django, which took most of the time of the tests that need real servers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import NamedTemporaryFile

ROOT = Path(__file__).parents[2]

PARENT = """
import json, os, sys
import django
django.setup()

def run(code, arguments, output):
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv[1:] = arguments
    exec(compile(code, "<script>", "exec"), {"__name__": "__main__"})
    sys.exit()

for line in sys.stdin:
    task = json.loads(line)
    if not (child := os.fork()):
        run(**task)  # it raises SystemExit, so that the child ends as any process does
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class ForkServer:
    """Runs scripts of one project, one at a time.

    Args:
        environment: the environment of the scripts.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str, *arguments: str) -> tuple[int, str] | None:
        """Run a script to its end, which has 120 s.

        Args:
            code: its source.
            arguments: its ``sys.argv[1:]``.

        Returns:
            Its exit code and what it printed; None if another script runs at the moment.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            with NamedTemporaryFile("r") as output:
                task = {"code": code, "arguments": arguments, "output": output.name}
                return self._answer(json.dumps(task)), output.read()
        finally:
            self._lock.release()

    def _answer(self, task: str) -> int:
        if self._process is None:
            self._process = self._start()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(task, file=self._process.stdin, flush=True)
        timer = threading.Timer(120, self._process.kill)
        timer.start()
        try:
            return int(self._process.stdout.readline())
        finally:
            timer.cancel()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PARENT], env=self._environment, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate(timeout=30)

    def __del__(self) -> None:
        self.close()
