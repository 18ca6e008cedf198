"""Workers on the host's side: started warm, fed one program at a time, replaced when they retire."""

from __future__ import annotations

import itertools
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from opencoder_dag.errors import OpencoderError
from opencoder_dag.sandbox.calibrate import slowness
from opencoder_dag.sandbox.containment import (
    DISK_BYTES,
    INSIDE,
    SCRATCH,
    bubblewrap_argv,
    environment,
    sandbox_kind,
)
from opencoder_dag.sandbox.inside import guard, wire
from opencoder_dag.sandbox.options import Kind, Outcome, Program, SandboxOptions

START_SECONDS = 60.0
PROCESSES = 64
DESCRIPTORS = 256
WORKER_ENDED = "the sandbox worker ended with the program"
FIRST_USER = 1_500_000_000  # user ids of workers, where the host's user may choose; far above those in use
_numbers = itertools.count()


class Worker:
    """One warm worker process and the channel to it."""

    def __init__(self, kind: Kind, options: SandboxOptions) -> None:
        self.kind, self.options = kind, options
        self.folder = SCRATCH if kind == "bubblewrap" else tempfile.mkdtemp(prefix="opencoder-sandbox-")
        self._closed = False
        requests, self._requests = os.pipe()
        self._replies, replies = os.pipe()
        try:
            self.process = subprocess.Popen(
                self._argv(),
                stdin=requests,
                stdout=replies,
                stderr=subprocess.DEVNULL,
                env=environment(self.folder),
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(requests)
            os.close(replies)
        uid = FIRST_USER + (os.getpid() % (1 << 22)) * 64 + next(_numbers) % 64
        limits = {
            "memory": options.memory_bytes,
            "resident": options.memory_bytes,
            "file": DISK_BYTES,
            "core": 0,
            "disk": DISK_BYTES,
            "descriptors": DESCRIPTORS,
            "processes": PROCESSES,
        }
        settings = {
            "folder": self.folder,
            "limits": limits,
            "contained": kind == "bubblewrap",
            "uid": uid if os.getuid() == 0 else None,
            "preload": list(options.preload),
        }
        answer = self._ask([settings], START_SECONDS)
        if answer is None:
            self.close()
            raise OpencoderError(f"a sandbox worker ({kind}) did not start within {START_SECONDS:g} s")

    def _argv(self) -> list[str]:
        place = "/sandbox" if self.kind == "bubblewrap" else str(INSIDE.parent)
        program = f"import sys; sys.path.insert(0, {place!r}); from inside.zygote import main; main()"
        python = [sys.executable, "-P", "-s", "-c", program]
        if self.kind == "process":
            return python
        variables = [word for item in environment(self.folder).items() for word in ("--setenv", *item)]
        return [*bubblewrap_argv(str(shutil.which("bwrap"))), *variables, *python]

    def run(self, program: str | Program, seconds: float) -> tuple[Outcome, bool]:
        """The outcome of a program, and whether this worker is still good."""
        messages: list[dict[str, Any]] = [{"source": program, "seconds": seconds, "examined": False}]
        if isinstance(program, Program):
            test = {
                "prelude": program.prelude,
                "entry_points": program.entry_points,
                "test": program.test,
                "seconds": int(seconds) + 2,
            }
            messages = [{"source": program.solution, "seconds": seconds, "examined": True}, test]
        answer = self._ask(messages, seconds * (guard.PATIENCE + 2) + 10)
        if answer is None:
            return Outcome("killed", WORKER_ENDED, 0.0), False
        return Outcome(answer["verdict"], answer["detail"], round(answer["seconds"], 6)), not answer["retire"]

    def _ask(self, messages: Sequence[dict[str, Any]], patience: float) -> dict[str, Any] | None:
        try:
            for message in messages:
                wire.send(self._requests, message)
            ready, _, _ = select.select([self._replies], [], [], patience)
            return wire.receive(self._replies) if ready else None
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """End the worker and everything in it; removes its folder."""
        if self._closed:
            return
        self._closed = True
        os.close(self._requests)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._replies)
        if self.kind == "process":
            guard.empty(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)


class Sandbox:
    """Warm workers that are kept over several batches; a context manager.

    >>> with Sandbox(SandboxOptions()) as sandbox:
    ...     [outcome.verdict for outcome in sandbox.run(["assert 1 + 1 == 2"])]
    ['passed']
    """

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.kind = sandbox_kind(options)
        self.seconds = options.seconds * slowness()
        # A thread stays as long as its worker: the kernel ends a contained worker with its parent thread.
        self._threads = ThreadPoolExecutor(options.workers, thread_name_prefix="sandbox")
        self._workers: dict[int, Worker] = {}
        self._closing = False

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all workers and whatever they run."""
        self._closing = True
        for worker in list(self._workers.values()):
            worker.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers.values():  # started while closing
            worker.close()
        self._workers.clear()

    def run(self, programs: Sequence[str | Program]) -> list[Outcome]:
        """Run programs, each in a fresh process; outcomes in the same order."""
        outcomes: dict[int, Outcome] = {}
        todo = iter(range(len(programs)))
        lock = threading.Lock()

        def feed() -> None:
            while not self._closing:
                with lock:
                    index = next(todo, None)
                if index is None:
                    return
                outcomes[index] = self._run_one(programs[index])

        feeds = [self._threads.submit(feed) for _ in range(min(self.options.workers, len(programs)))]
        for done in feeds:
            done.result()
        return [outcomes[index] for index in range(len(programs))]

    def _run_one(self, program: str | Program) -> Outcome:
        thread = threading.get_ident()
        worker = self._workers.get(thread)
        if worker is None:
            worker = self._workers[thread] = Worker(self.kind, self.options)
        own = program.seconds if isinstance(program, Program) else None
        seconds = self.seconds if own is None else own * slowness()
        outcome, good = worker.run(program, seconds)
        if not good:
            worker.close()
            del self._workers[thread]
        if outcome.verdict == "again" and not self._closing:  # a fresh worker tells who is to blame
            return self._run_one(program)
        if outcome.detail == WORKER_ENDED and not self._closing:
            self._prove(thread)
        return outcome

    def _prove(self, thread: int) -> None:
        """Start a worker and run an empty program: was it the program that ended the last one, or are workers
        broken? Raises `OpencoderError` in the second case, so that nothing is scored by a broken sandbox."""
        worker = self._workers[thread] = Worker(self.kind, self.options)
        outcome, _ = worker.run("pass", self.seconds)
        if not outcome.passed and not self._closing:
            raise OpencoderError(
                f"the sandbox ({self.kind}) does not work: {outcome.verdict}: {outcome.detail}"
            )


def run_programs(programs: Sequence[str | Program], options: SandboxOptions) -> list[Outcome]:
    """Run Python programs in the sandbox, each in a fresh process; outcomes in the order of the programs.

    A program passes only if its main module ran to its last line without an exception; `sys.exit(0)` before
    that is not a pass. A `Program` passes only if its test does, in a process of its own.

    Raises `OpencoderError` when the containment asked for does not work here.
    """
    if not programs:
        return []
    with Sandbox(options) as sandbox:
        return sandbox.run(programs)
