#!/usr/bin/env python3
"""`make run`: bring the database up to date, load the demonstration, serve.

One process rather than three commands: starting Django three times would cost four seconds.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def hosts_for(host: str) -> list[str]:
    """Names under which a browser may ask for the site when it listens on this address."""
    names = ["127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host]
    if host in {"0.0.0.0", "::", "0"}:  # noqa: S104 (the person asked for every address)
        names.append(socket.gethostname())
        # The name alone often resolves to loopback; `hostname -I` is absent outside Linux.
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True, timeout=5)
            names += [f"[{name}]" if ":" in name else name for name in found.stdout.split()]
    return names


def port_is_free(host: str, port: int) -> bool:
    """Tell whether the server will be able to listen; asked before the seconds spent preparing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError:
        return False
    return True


def count_ouvriers() -> int:
    """Workers beside the server: one on a single core, two otherwise."""
    return min(2, os.cpu_count() or 1)


class Ouvriers:
    """The workers beside the server: one that dies is started again, all stop with the site."""

    def __init__(self, nombre: int) -> None:
        self.fini = threading.Event()
        self.processus = [self.launch() for _ in range(nombre)]
        self.gardien = threading.Thread(target=self.watch, daemon=True)

    def launch(self) -> "subprocess.Popen[bytes]":
        # In a session of their own: Ctrl+C reaches the server alone, which lets them end what they do.
        return subprocess.Popen([sys.executable, "manage.py", "run_worker", "-v", "0"], cwd=ROOT, start_new_session=True)

    def start(self) -> None:
        self.gardien.start()

    def watch(self) -> None:
        """Look every two seconds, so that a worker that cannot start does not fill the machine with its attempts."""
        while not self.fini.wait(2):
            self.processus = [p if p.poll() is None else self.launch() for p in self.processus]

    def stop(self) -> None:
        """Let each end its task for ten seconds; beyond, the task is given back to the next start."""
        self.fini.set()
        self.gardien.join()
        for ouvrier in self.processus:
            ouvrier.terminate()
        fin = time.monotonic() + 10
        for ouvrier in self.processus:
            for _ in range(2):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    ouvrier.wait(max(0.1, fin - time.monotonic()))
                    break
                ouvrier.terminate()  # asked twice: the task goes back in the queue
                fin = time.monotonic() + 5
            else:
                ouvrier.kill()


def main(host: str, port: str) -> int:
    """Prepare and serve until interrupted."""
    if not port.isdigit() or not 0 < int(port) < 65536:
        print(f"« {port} » n’est pas un numéro de port.", file=sys.stderr)
        return 1
    if not port_is_free(host, int(port)):
        print(
            f"Impossible d’écouter sur {host}:{port} (port déjà pris ou adresse absente). Essayez : make run PORT={int(port) % 65535 + 1}",
            file=sys.stderr,
        )
        return 1
    if host not in {"127.0.0.1", "localhost", "::1"}:
        known = [name for name in os.environ.get("TRAITDUNION_HOSTS", "").split(",") if name]
        os.environ["TRAITDUNION_HOSTS"] = ",".join(dict.fromkeys(known + hosts_for(host)))
        print("Attention : les comptes d’essai sont publics, et le site est joignable par le réseau.", file=sys.stderr)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))

    import django
    from django.conf import settings
    from django.contrib.staticfiles.management.commands.runserver import Command
    from django.core.management import call_command

    # Git keeps no empty folder, and SQLite does not make the one it writes in.
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("load_demo")

    shown = f"[{host}]" if ":" in host else host

    class Serveur(Command):
        """Django's server, its welcome in French."""

        def on_bind(self, server_port: int) -> None:
            """Say where the site is, once it answers."""
            print(f"Trait d’union est prêt : http://{shown}:{server_port}/  (Ctrl+C pour arrêter)", flush=True)

        def check_migrations(self) -> None:
            """Skip what was just done."""

    ouvriers = Ouvriers(count_ouvriers())
    ouvriers.start()
    try:
        with open(os.devnull, "w") as quiet:
            call_command(Serveur(), f"{shown}:{port}", use_reloader=False, skip_checks=False, stdout=quiet)
    finally:
        ouvriers.stop()
    return 0


if __name__ == "__main__":
    # Both signals stop it cleanly, even started in the background, where a shell hides Ctrl+C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1], sys.argv[2]))
    except KeyboardInterrupt:
        sys.exit(0)
