"""gunicorn, as the service starts it and as `make test-deploiement` tries it."""

import os
from pathlib import Path
from typing import Any

wsgi_app = "config.wsgi"
bind = os.environ.get("TRAITDUNION_ECOUTE", "127.0.0.1:8000")
workers = int(os.environ.get("TRAITDUNION_PROCESSUS", "3"))
# One request at a time a process: the proxy in front holds slow clients (it buffers both ways).
worker_class = "sync"
timeout = 120  # a whole convention takes some twenty seconds to typeset
graceful_timeout = 60
max_requests, max_requests_jitter = 2000, 200
preload_app = False  # so that a reload (SIGHUP) takes the new code
control_socket_disable = True  # signals are enough: nothing to write in a home folder that is closed
accesslog = None  # the proxy keeps one, without the secret addresses

_releves = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")


def on_starting(server: Any) -> None:
    """Figures start from zero with the service, not with a reload."""
    if _releves:
        Path(_releves).mkdir(parents=True, exist_ok=True)
        for ancien in Path(_releves).glob("*.db"):
            ancien.unlink()


def child_exit(server: Any, worker: Any) -> None:
    """A process that ends leaves what it counted."""
    if _releves:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)
