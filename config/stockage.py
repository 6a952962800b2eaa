"""How static files are named in service: by their content, the scripts that our scripts import included."""

from collections.abc import Callable
from re import Match
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

NOS_SCRIPTS = "js/"


class FichiersStatiques(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage, which also follows `import … from "./file.js"` in our own scripts.

    Those of the libraries import names that only a bundler knows: they are left as they are.
    """

    support_js_module_import_aggregation = True

    def url_converter(self, name: str, hashed_files: dict[str, str], template: str | None = None) -> Callable[[Match[str]], Any]:
        if name.endswith(".js") and not name.startswith(NOS_SCRIPTS):
            return lambda trouve: trouve[0]
        return super().url_converter(name, hashed_files, template)
