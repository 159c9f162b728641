"""A proxy that can go silent: it accepts everything and passes no answer back."""

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from stagenorm_pipeline.local.server_files import SOCKET_NAME

_CHUNK = 65536


class SilentProxy:
    """A unix socket in `directory` that leads to the server's `target`; use it as a context manager."""

    def __init__(self, directory: Path, target: Path) -> None:
        self._target = str(target / SOCKET_NAME)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(directory / SOCKET_NAME))
        self._listening.listen()
        self._may_speak = threading.Event()
        self._may_speak.set()
        self._open: list[socket.socket] = []
        self.has_asked = threading.Event()

    def fall_silent(self) -> None:
        """Pass no answer back on any connection from now on. `has_asked` is set when a client sends something."""
        self.has_asked.clear()
        self._may_speak.clear()

    def speak(self) -> None:
        """Pass everything back again, including what the server answered in between."""
        self._may_speak.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        self._may_speak.set()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, self._may_speak), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, may_speak: threading.Event | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if may_speak is None:
                    self.has_asked.set()
                else:
                    may_speak.wait()
                sink.sendall(data)
        for connection in (source, sink):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
