"""Django's own, able to write signed conventions back: links between tables are not announced as raw."""

from typing import Any

from django.core.management.commands import loaddata

from conventions.gel import lift


class Command(loaddata.Command):
    """Restores a backup, frozen conventions included."""

    def handle(self, *args: Any, **options: Any) -> None:
        with lift():
            super().handle(*args, **options)
