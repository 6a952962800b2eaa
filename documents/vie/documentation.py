"""The life of a convention in words and as a diagram, from the table of transitions alone."""

import inspect

from conventions.models import Convention
from documents.vie.table import TRANSITIONS, Transition

TITRE = """# Le cycle de vie d’une convention

Écrit par `manage.py show_transitions` d’après `documents/vie/table.py`, seule source des boutons, des droits et des refus.
Un avenant suit le même chemin que la convention qu’il modifie, sauf le solde et la résiliation, qui sont ceux de la convention.
"""
CONDITIONS = {
    "parent_signed": "la convention-cadre dont elle dépend est signée",
    "two_parties": "deux parties au moins",
    "fiches_validated": "toutes les fiches validées",
    "something_changes": "un avenant change quelque chose qui en demande un",
    "accords_hold": "le texte est celui de l’accord de chaque partie",
    "deliberations": "chaque délibération est enregistrée",
    "deliberations_executoires": "les délibérations des financeurs sont exécutoires",
    "signataires": "signataire et qualité de chaque partie",
    "dates_known": "prise d’effet et fin",
    "no_contradiction": "aucun contrôle bloquant ouvert",
    "all_signed": "la signature de chaque partie est enregistrée",
    "nobody_signed": "personne n’a encore signé",
    "never_signed": "elle n’a jamais été signée",
    "alone": "un avenant repris est le seul en préparation, et aucun plus récent n’est signé",
    "no_open_avenant": "aucun avenant n’est en préparation",
    "bilans_accepted": "tout bilan ouvert est accepté",
    "payments_done": "tous les versements sont payés, rien n’est à reverser",
    "not_avenant": "ce n’est pas un avenant",
}


def write_cycle() -> str:
    """The whole page, in Markdown with a Mermaid diagram."""
    return "\n".join([TITRE, *_diagram(), "", *_table(), "", *_conditions(), ""])


def _diagram() -> list[str]:
    lignes = ["```mermaid", "stateDiagram-v2", "    [*] --> brouillon"]
    lignes += [f"    {etat.value} : {etat.label}" for etat in Convention.Etat]
    lignes += [f"    {depuis} --> {t.vers} : {t.libelle}" for t in TRANSITIONS for depuis in t.depuis]
    return [*lignes, "    soldee --> [*]", "    resiliee --> [*]", "```"]


def _table() -> list[str]:
    lignes = ["| étape | de | vers | qui | conditions | demande |", "|---|---|---|---|---|---|"]
    return [*lignes, *(_row(t) for t in TRANSITIONS)]


def _row(t: Transition) -> str:
    de = ", ".join(Convention.Etat(d).label.lower() for d in t.depuis)
    si = " ; ".join(CONDITIONS[c.__name__] for c in t.conditions) or "–"
    demande = ", ".join(filter(None, [t.date and f"date « {t.date.lower()} »", t.motif and "motif"])) or "–"
    return f"| {t.libelle} (`{t.action}`) | {de} | {Convention.Etat(t.vers).label.lower()} | {t.qui} | {si} | {demande} |"


def _conditions() -> list[str]:
    """Where each condition is written."""
    utilisees = {c.__name__: c for t in TRANSITIONS for c in t.conditions}
    lignes = ["## Conditions", ""]
    return [*lignes, *(f"- {CONDITIONS[nom]} : `{inspect.getmodule(c).__name__}.{nom}`" for nom, c in utilisees.items())]  # type: ignore[union-attr]
