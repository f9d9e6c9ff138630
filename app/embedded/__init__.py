"""A private PostgreSQL and Valkey from wheels, for the one-command start.

They listen on unix sockets in a private directory and nowhere else, keep what
they know below one data directory of mode 0700, and never outlive the process
that started them.
"""

from app.embedded.embedded import Embedded
from app.embedded.servers import Servers, attach, running

__all__ = ["Embedded", "Servers", "attach", "running"]
