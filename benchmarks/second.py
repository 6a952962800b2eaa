"""The second worker of the benchmarks: typesets what it is told on its input, says when it is done."""

import sys

from benchmarks.outils import start_django

start_django()

from benchmarks import edition


def main() -> int:
    for ordre in sys.stdin:
        if ordre.strip() == "oublie":
            edition.clear()
            print("fait", flush=True)
        else:
            edition.assist(int(ordre))
    return 0


if __name__ == "__main__":
    sys.exit(main())
