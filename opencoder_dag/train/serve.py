"""A trained model over an OpenAI-compatible API on loopback, with a small chat page.

Belongs here: `opencoder-dag serve`. The API is `transformers serve` underneath; this adds the page and keeps
everything on this machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import ClassVar

from opencoder_dag.errors import InputError, OpencoderError
from opencoder_dag.train.launch import free_port

START_SECONDS = 120.0
FORWARDED = ("/v1/", "/health")


@contextmanager
def api(model: str, port: int | None = None) -> Iterator[str]:
    """Run `transformers serve` for one model folder on loopback; yields its address, ends it on leaving.

    Raises `InputError` when the folder holds no model, `OpencoderError` when the server does not come up.
    """
    if not (Path(model) / "config.json").is_file():
        raise InputError(f"serve: {model} is not a model folder (no config.json)")
    port = port or free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(server, address)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def serve(model: str, port: int = 8000) -> None:
    """Serve a model folder until interrupted: the chat page at `/`, the API at `/v1`, both on loopback."""
    with api(model) as backend, page_server(model, backend, port) as server:
        print(f"chat page: http://127.0.0.1:{port}/   API: http://127.0.0.1:{port}/v1   model name: {model}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def page_server(model: str, backend: str, port: int) -> ThreadingHTTPServer:
    """The server of the chat page, which passes calls of the API on to `backend`."""
    html = (resources.files("opencoder_dag.train") / "chat.html").read_text(encoding="utf-8")
    handler = type(
        "Handler", (_Handler,), {"page": html.replace("{{model}}", str(model)), "backend": backend}
    )
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise InputError(f"serve: port {port} cannot be used ({error.strerror})") from None


class _Handler(BaseHTTPRequestHandler):
    page: ClassVar[str]
    backend: ClassVar[str]

    def do_GET(self) -> None:
        if self.path == "/":
            self._send(200, "text/html; charset=utf-8", self.page.encode())
        else:
            self._forward(None)

    def do_POST(self) -> None:
        self._forward(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _forward(self, body: bytes | None) -> None:
        if not self.path.startswith(FORWARDED):
            self._send(404, "text/plain", b"not found")
            return
        request = urllib.request.Request(
            self.backend + self.path, data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request) as answer:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
                self.end_headers()
                while block := answer.read1(1 << 14):
                    self.wfile.write(block)
                    self.wfile.flush()
        except urllib.error.HTTPError as error:
            self._send(error.code, error.headers.get("Content-Type", "application/json"), error.read())
        except OSError as error:
            self._send(502, "text/plain", f"the model server does not answer ({error})".encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal quiet."""


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise OpencoderError(f"serve: the model server ended with status {server.returncode}")
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise OpencoderError(f"serve: the model server did not come up within {START_SECONDS:.0f} s")
