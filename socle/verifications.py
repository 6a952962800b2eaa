"""System checks: what the machine must have, said with the line that installs it."""

import ctypes.util

from django.core.checks import CheckMessage, Info, Warning, register

from socle.mentions import list_absents

APT_LINE = "apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


@register()
def check_pango(**kwargs: object) -> list[CheckMessage]:
    """PDF needs pango; the rest of the application works without it."""
    missing = [name for name in ("pango-1.0", "pangoft2-1.0") if ctypes.util.find_library(name) is None]
    if not missing:
        return []
    return [
        Warning(
            f"La bibliothèque {missing[0]} manque : les PDF ne peuvent pas être produits.",
            hint=f"Installez-la avec : {APT_LINE}",
            id="socle.W001",
        )
    ]


@register("exploitant", deploy=True)
def check_exploitant(**kwargs: object) -> list[CheckMessage]:
    """The legal notice tells who runs the site; what is not given is shown as such, and named here."""
    absents = list_absents()
    if not absents:
        return []
    return [
        Info(
            f"Les mentions légales sont incomplètes : {', '.join(absents)}.",
            hint="Donnez une valeur à ces variables : elles sont décrites dans docs/deploiement.md.",
            id="socle.I001",
        )
    ]
