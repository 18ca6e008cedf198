"""The worker's side of programs that are examined: a process for the solution, and that of the tests.

The solution's process is forked for it alone. The process of the tests (`examiner.py`) is kept; it reads each
test from the host itself, so that no test is ever in the memory that solutions are forked from.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any

from inside import border, candidate, control, examiner, guard, guest

AGAIN = "again"
TESTS_ENDED = "the test's process ended"
TAKING_SECONDS = 60.0  # for the host to send a test, however busy it is


class Pairs:
    """Runs solutions, one at a time, and has them examined."""

    def __init__(
        self, watcher: guard.Guard, limits: guest.Limits, replies: int, fork: Callable[[], int]
    ) -> None:
        self.guard, self.limits, self.fork = watcher, limits, fork
        self.requests, self.replies = watcher.host_fd, replies
        self.examiner = 0
        self.served = 0
        self.control: control.Control | None = None

    def run(self, source: str, seconds: float) -> dict[str, Any]:
        """Verdict, detail, seconds, and whether the worker must retire.

        The verdict is `AGAIN` when the process of the tests was gone and had served other programs before:
        one of them may be to blame.
        """
        tests = self.control or self._start()
        gone = AGAIN if self.served else "killed"
        if not self._take_test(tests):
            self._end()
            return {"verdict": gone, "detail": TESTS_ENDED, "seconds": 0.0, "retire": True}
        solution, pid = self._start_solution(source, int(seconds) + 2, tests)
        with contextlib.suppress(OSError):  # it is gone: there will be no report
            tests.send_channel(solution)
        solution.close()
        ending = self.guard.watch(tests.fd, [self.examiner, pid], seconds, kept=self.examiner)
        report = None if ending.reason else tests.read_report()
        self.served += 1
        retire = guard.end_one(pid, self.examiner)
        if ending.reason:
            verdict, detail = guard.verdict_of_limit(ending.reason, seconds)
        elif report is None:
            verdict, detail = gone, TESTS_ENDED
        else:
            verdict, detail, leaves = report
            retire = retire or leaves or self._disturbed()
        if retire or report is None:
            self._end()
        return {
            "verdict": verdict,
            "detail": detail,
            "seconds": ending.seconds,
            "retire": retire or report is None,
        }

    def _take_test(self, tests: control.Control) -> bool:
        with contextlib.suppress(OSError):
            tests.ask_for_test()
            return self.guard.wait(tests.fd, TAKING_SECONDS) and tests.has_test()
        return False

    def _disturbed(self) -> bool:
        """Whether the process of the tests has been changed from outside; one that was stopped goes on."""
        try:
            os.kill(self.examiner, signal.SIGCONT)
            return guest.read_limits(self.examiner) != self.limits
        except OSError:
            return True

    def _start_solution(
        self, source: str, seconds: int, tests: control.Control
    ) -> tuple[border.Channel, int]:
        ours, theirs = border.channels()
        pid = self.fork()
        if not pid:
            for fd in (self.requests, self.replies, tests.fd):
                os.close(fd)
            ours.close()
            candidate.run_candidate(source, seconds, theirs)
        theirs.close()
        return ours, pid

    def _start(self) -> control.Control:
        ours, theirs = control.controls()
        self.examiner, self.served = self.fork(), 0
        if not self.examiner:
            os.close(self.replies)
            ours.close()
            examiner.Examiner(self.requests, theirs, self.fork).serve()
        theirs.close()
        self.control = ours
        return ours

    def _end(self) -> None:
        guard.end_everything(self.guard.reach, ())
        if self.control is not None:
            self.control.close()
            self.control = None
