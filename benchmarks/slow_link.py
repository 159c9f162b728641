"""A local proxy that makes every round trip to the server longer, like a network."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue

import psycopg
import sqlalchemy as sa

_CHUNK = 65_536


@contextmanager
def slow_link(url: str, round_trip_s: float) -> Iterator[str]:
    """Yield the URL of the same database over a link with this round trip time. Its bandwidth is not limited.

    The link is a process of its own: as a thread, it would wait for Python's lock while the runner works.
    """
    with psycopg.connect(url) as connection:
        host, port = connection.info.host, connection.info.port
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    link = context.Process(target=_serve, args=(theirs, host, port, round_trip_s / 2), daemon=True)
    link.start()
    # By way of `query`, because the embedded server's host is a directory.
    slow = sa.make_url(url).set(host="127.0.0.1", port=ours.recv()).difference_update_query(["host", "port"])
    try:
        yield slow.render_as_string(hide_password=False)
    finally:
        link.terminate()
        link.join()


def _serve(port_to: "Connection[int, None]", host: str, port: int, delay_s: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port_to.send(listening.getsockname()[1])
        _accept(listening, host, port, delay_s)


def _accept(listening: socket.socket, host: str, port: int, delay_s: float) -> None:
    while True:
        client, _ = listening.accept()
        server = _connect(host, port)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((client, server), (server, client)):
            _carry(source, sink, delay_s)


def _connect(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


def _carry(source: socket.socket, sink: socket.socket, delay_s: float) -> None:
    """Pass on everything that `source` says, this much later. It keeps reading, as a real link does."""
    on_the_way: SimpleQueue[tuple[float, bytes]] = SimpleQueue()

    def read() -> None:
        data = b"-"
        with suppress(OSError):
            while data:
                data = source.recv(_CHUNK)
                on_the_way.put((time.monotonic() + delay_s, data))
        on_the_way.put((0.0, b""))

    def write() -> None:
        with suppress(OSError):
            while True:
                due, data = on_the_way.get()
                time.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    break
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    for work in (read, write):
        threading.Thread(target=work, daemon=True).start()
