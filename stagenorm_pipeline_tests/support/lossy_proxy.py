"""A proxy that drops the answer to one commit: the client cannot know whether the commit arrived."""

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from stagenorm_pipeline.local.server_files import SOCKET_NAME

_COMMIT = b"COMMIT\0"
_READY = b"Z\0\0\0\5"
_CHUNK = 65536


class LossyProxy:
    """A unix socket in `directory` that leads to the server's `target`; use it as a context manager.

    `answer`: the bytes by which it knows the answer to lose. `round_trips`: how often the server
    was ready for the next question.
    """

    def __init__(self, directory: Path, target: Path, answer: bytes = _COMMIT) -> None:
        self._answer = answer
        self.round_trips = 0
        self._target = str(target / SOCKET_NAME)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(directory / SOCKET_NAME))
        self._listening.listen()
        self._is_to_lose = threading.Event()
        self.has_lost = threading.Event()

    def lose_the_next_answer(self) -> None:
        """The next commit reaches the server and takes effect; then both connections break."""
        self._is_to_lose.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pass_back, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK):
                server.sendall(data)
        _break(client, server)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK):
                self.round_trips += data.count(_READY)
                # CommandComplete carries the command's name: the commit is done when it is said.
                if self._answer in data and self._is_to_lose.is_set():
                    self._is_to_lose.clear()
                    self.has_lost.set()
                    break
                client.sendall(data)
        _break(client, server)


def _break(*connections: socket.socket) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
