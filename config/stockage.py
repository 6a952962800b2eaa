"""How static files are named in service: by their content, the scripts that scripts import included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class FichiersStatiques(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage, which also follows `import … from "./file.js"`."""

    support_js_module_import_aggregation = True
