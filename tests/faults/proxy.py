"""A TCP proxy that misbehaves on purpose: slow, cut off after some bytes, or silent as a black hole.

It runs in a thread with an event loop of its own, so a test may block without standing
in the way of the processes whose traffic goes through it.
"""

import asyncio
import contextlib
import random
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
PIECE = 65_536


class Proxy:
    """Forwards `127.0.0.1:port` to another port of this machine; the faults are set from any thread, at any time."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.latency = (0.0, 0.0)
        """Seconds that each piece waits, drawn between the two."""
        self.cut_after: int | None = None
        """Bytes of an answer after which a connection is reset; None lets all through."""
        self.connections = 0
        self._rng = random.Random(7)
        self._loop = asyncio.new_event_loop()
        self._open: asyncio.Event | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def black_hole(self) -> Iterator[None]:
        """What is sent meanwhile arrives nowhere until the block ends; new connections are taken and hear nothing."""
        self._call(self._shut(is_open=False))
        try:
            yield
        finally:
            self._call(self._shut(is_open=True))

    def reset_all(self) -> None:
        """Reset every connection that there is."""
        self._call(self._reset())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self, *, is_open: bool) -> None:
        assert self._open is not None
        if is_open:
            self._open.set()
        else:
            self._open.clear()

    async def _end(self) -> None:
        self._server.close()
        await self._reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reset(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._open is not None
        self.connections += 1
        self._writers.add(writer)
        beyond = None
        try:
            await self._open.wait()
            there, beyond = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(beyond)
            ways = [self._carry(reader, beyond, None), self._carry(there, writer, self.cut_after)]
            tasks = [asyncio.create_task(way) for way in ways]
            self._tasks.update(tasks)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)
        finally:
            for end in (writer, beyond):
                if end is not None:
                    end.transport.abort()
                    self._writers.discard(end)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None) -> None:
        assert self._open is not None
        carried = 0
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                await self._open.wait()
                low, high = self.latency
                if high:
                    await asyncio.sleep(self._rng.uniform(low, high))
                if limit is not None and carried + len(piece) > limit:
                    writer.write(piece[: limit - carried])
                    with contextlib.suppress(OSError):
                        await writer.drain()
                    return
                carried += len(piece)
                writer.write(piece)
                await writer.drain()


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A proxy in front of a port of this machine, gone with the block."""
    made = Proxy(target)
    made.start()
    try:
        yield made
    finally:
        made.stop()
