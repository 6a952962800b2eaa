"""SQLite as it is today: Django 5.2 still cuts requests at the 999 values of old versions, so that large imports take hundreds of them."""

import sqlite3
from typing import Any

from django.db.backends.sqlite3 import base, features
from django.utils.functional import cached_property

from socle.recherche import match


class DatabaseFeatures(features.DatabaseFeatures):
    """Django's, with the limit that this SQLite really has."""

    @cached_property
    def max_query_params(self) -> int:  # type: ignore[override]
        self.connection.ensure_connection()
        return self.connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's SQLite with those features, and the function by which texts are searched."""

    features_class = DatabaseFeatures

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        connexion = super().get_new_connection(conn_params)
        connexion.create_function("traitdunion_contient", 2, match, deterministic=True)
        return connexion
