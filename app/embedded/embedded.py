"""Both servers of one data directory, from start to stop."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from app.embedded.logs import trim_logs
from app.embedded.place import Lock, Place, claim
from app.embedded.postgres import Postgres
from app.embedded.process import Starter
from app.embedded.programs import usable_programs
from app.embedded.servers import Servers, publish, withdraw
from app.embedded.valkey import Valkey


class Embedded:
    """A private PostgreSQL and Valkey in `data_dir`. Every method blocks; threads may share one.

    Raises Conflict where another process uses the data directory, Refused where it or the
    machine is no good, Unavailable where a server does not start.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        postgres: bool = True,
        valkey: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._wanted = (postgres, valkey)
        self._say = say
        self._turn = threading.Lock()
        self._lock: Lock | None = None
        self._place: Place | None = None
        self._starter: Starter | None = None
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None

    def start(self) -> Servers:
        """Start what is wanted and return where it is; crash recovery included."""
        with self._turn:
            assert self._lock is None, "already started"
            place, self._lock = claim(self.data_dir)
            self._place = place
            try:
                trim_logs(place.logs)
                programs = usable_programs(place.account)
                self._starter = Starter(place.account)
                if self._wanted[0]:
                    self._postgres = Postgres(place, programs, self._starter, self._say)
                    self._postgres.start()
                if self._wanted[1]:
                    self._valkey = Valkey(place, programs, self._starter)
                    self._valkey.start()
                servers = Servers(
                    self._postgres.url if self._postgres else "",
                    self._valkey.url if self._valkey else "",
                )
                publish(self.data_dir, servers)
            except BaseException:
                self._stop()
                raise
            return servers

    def stop(self) -> None:
        """End both in order and let go of the data directory. Once more does nothing."""
        with self._turn:
            self._stop()

    def ensure_alive(self) -> list[str]:
        """Start again what has died, wait for it, and say what it was: `postgresql`, `valkey`."""
        restarted: list[str] = []
        with self._turn:
            if self._postgres is not None and self._postgres.pid is None:
                self._postgres.start()
                restarted.append("postgresql")
            if self._valkey is not None and self._valkey.pid is None:
                self._valkey.start()
                restarted.append("valkey")
        return restarted

    @property
    def postgres_pid(self) -> int | None:
        """Process id of the postmaster while it lives."""
        return self._postgres.pid if self._postgres else None

    @property
    def valkey_pid(self) -> int | None:
        """Process id of Valkey while it lives."""
        return self._valkey.pid if self._valkey else None

    def _stop(self) -> None:
        if self._lock is None:
            return
        try:
            withdraw(self.data_dir)
            if self._valkey is not None:
                self._valkey.stop()
            if self._postgres is not None:
                self._postgres.stop()
        finally:
            if self._starter is not None:
                self._starter.close()
            if self._place is not None:
                self._place.leave()
            self._lock.release()
            self._lock = self._place = self._starter = self._postgres = self._valkey = None

    def __enter__(self) -> Servers:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
