"""trafilatura in a process of its own, which can be killed: it may loop or take all memory on a hostile page.

The process handles one page after another and is started again after it was killed, so that a sound page
costs two transfers and no start. It is a plain child process (a fresh interpreter on pipes) and not one of
`multiprocessing`, because workers of a pool may not have children of that kind.
"""

from __future__ import annotations

import json
import os
import resource
import select
import struct
import subprocess
import sys
import time

HEADER = struct.Struct(">I")
START_SECONDS = 120.0  # imports, on a busy machine; not counted as the page's time


class ContainedTrafilatura:
    """An extractor bounded in wall time for a page and in memory beyond what the process starts with."""

    def __init__(self, seconds: float, memory_bytes: int) -> None:
        self.seconds = seconds
        self.memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None

    def extract(self, page: str) -> str:
        """Main text of a page as Markdown.

        Raises TimeoutError or MemoryError when a bound was reached, and ValueError for what else goes wrong
        in trafilatura.
        """
        process = self._started()
        try:
            self._send(process, page.encode("utf-8", "replace"), self.seconds)
            answer = json.loads(self._receive(process, self.seconds))
        except TimeoutError:
            self.close()
            raise TimeoutError(f"trafilatura took longer than {self.seconds:g} s and was killed") from None
        except (EOFError, OSError):
            self.close()
            raise MemoryError("trafilatura died on this page") from None
        if answer.get("memory"):
            self.close()
            raise MemoryError(f"trafilatura wanted more than {self.memory_bytes} bytes")
        if "error" in answer:
            raise ValueError(f"trafilatura: {answer['error']}")
        return str(answer["text"])

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.wait()
        self._process = None

    def __enter__(self) -> ContainedTrafilatura:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            argv = [sys.executable, "-m", __name__, str(self.memory_bytes)]
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
            )
            self._receive(self._process, START_SECONDS)
        return self._process

    @staticmethod
    def _send(process: subprocess.Popen[bytes], data: bytes, seconds: float) -> None:
        assert process.stdin is not None
        end = time.monotonic() + seconds
        left = memoryview(HEADER.pack(len(data)) + data)
        handle = process.stdin.fileno()
        os.set_blocking(handle, False)
        while left:
            if not select.select([], [handle], [], max(0.0, end - time.monotonic()))[1]:
                raise TimeoutError
            left = left[os.write(handle, left) :]

    @staticmethod
    def _receive(process: subprocess.Popen[bytes], seconds: float) -> bytes:
        assert process.stdout is not None
        end = time.monotonic() + seconds
        handle = process.stdout.fileno()
        data = b""
        wanted = HEADER.size
        while len(data) < wanted:
            if not select.select([handle], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError
            block = os.read(handle, min(wanted - len(data), 1 << 20))
            if not block:
                raise EOFError
            data += block
            if wanted == HEADER.size and len(data) == wanted:
                wanted += HEADER.unpack(data)[0]
        return data[HEADER.size :]


def serve(memory_bytes: int) -> None:
    """The child's side: pages come in on standard input, answers go out on standard output."""
    from trafilatura import extract

    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    now = int(_status_kilobytes("VmSize") * 1024)
    resource.setrlimit(resource.RLIMIT_AS, (now + memory_bytes, now + memory_bytes))
    _answer(sink, {"ready": True})
    while header := source.read(HEADER.size):
        page = source.read(HEADER.unpack(header)[0]).decode("utf-8")
        try:
            text = extract(page, output_format="markdown", include_comments=False, favor_recall=True)
            _answer(sink, {"text": text or ""})
        except MemoryError:
            _answer(sink, {"memory": True})
        except Exception as error:
            _answer(sink, {"error": f"{type(error).__name__}: {error}"[:500]})


def _answer(sink: object, answer: dict[str, object]) -> None:
    data = json.dumps(answer).encode()
    sink.write(HEADER.pack(len(data)) + data)  # type: ignore[attr-defined]
    sink.flush()  # type: ignore[attr-defined]


def _status_kilobytes(name: str) -> int:
    """A figure of /proc/self/status, or 0 where there is none (the bound is then tighter than asked for)."""
    try:
        with open("/proc/self/status", encoding="ascii") as handle:  # noqa: PTH123
            return next(int(line.split()[1]) for line in handle if line.startswith(f"{name}:"))
    except (OSError, StopIteration):
        return 2_000_000


if __name__ == "__main__":
    serve(int(sys.argv[1]))
