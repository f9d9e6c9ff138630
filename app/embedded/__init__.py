"""A private PostgreSQL and Valkey from wheels, for the one-command start.

They listen on unix sockets in a private directory and nowhere else, keep what
they know below one data directory of mode 0700, and never outlive the process
that started them.
"""

from app.embedded.embedded import Embedded
from app.embedded.logs import trim_logs
from app.embedded.process import Launch, Starter
from app.embedded.servers import Servers, running

__all__ = ["Embedded", "Launch", "Servers", "Starter", "running", "trim_logs"]
