"""The socket between the worker and the process of its tests: channels to solutions there, verdicts back.

For each program the worker asks the process of the tests to take the test from the host, and hands over the
channel to the solution only when it has: the host may be slow, and the program's clock must not run for that.
"""

from __future__ import annotations

import _socket
import json
import struct

from inside import border

PAIR = struct.Struct("ii")
LONGEST = 4096
TAKE, TAKEN = b"t", b"h"


class Control:
    """One end; no process that runs a solution keeps it."""

    def __init__(self, end: _socket.socket) -> None:
        self._end = end
        self.fd = end.fileno()

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def ask_for_test(self) -> None:
        """Have the next test taken from the host; raises `OSError` when nobody is there."""
        self._end.send(TAKE)

    def is_asked(self) -> bool:
        """Wait for the worker to ask; False when it has gone."""
        return self._end.recv(1) == TAKE

    def have_test(self) -> None:
        """Tell that the test is here."""
        self._end.send(TAKEN)

    def has_test(self) -> bool:
        """Whether the process of the tests has just told that its test is there."""
        return self._arrived() == TAKEN

    def send_channel(self, channel: border.Channel) -> None:
        """Hand over one side of a channel; raises `OSError` when nobody takes it."""
        pair = PAIR.pack(channel.reading, channel.writing)
        self._end.sendmsg([b"c"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pair)])

    def receive_channel(self) -> border.Channel | None:
        """The next channel, or None when the worker has gone."""
        _, extra, _, _ = self._end.recvmsg(1, _socket.CMSG_SPACE(PAIR.size))
        return border.Channel(*PAIR.unpack(extra[0][2])) if extra else None

    def report(self, verdict: str, detail: str, leaves: bool) -> None:
        """Tell how a test ended, and whether this process should not be given another."""
        self._end.send(json.dumps([verdict, detail, leaves]).encode("ascii"))

    def read_report(self) -> tuple[str, str, bool] | None:
        """The report; None when the process of the tests has ended, or without one."""
        data = self._arrived()
        if not data:
            return None
        verdict, detail, leaves = json.loads(data)
        return verdict, detail, leaves

    def _arrived(self) -> bytes:
        """The message that has arrived; nothing without one, or when the other end has gone."""
        try:
            return self._end.recv(LONGEST, _socket.MSG_DONTWAIT)
        except OSError:
            return b""


def controls() -> tuple[Control, Control]:
    """Both ends of a new socket, which keeps messages whole."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    return Control(ours), Control(theirs)
