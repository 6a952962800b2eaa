"""Documents for the meeting of both institutions: the comparison of the recaps, the list of contradictions."""

from collections import Counter
from decimal import Decimal

from conventions.models import Convention
from documents.publication import publish_parties, render_partie
from financement.controles.journal import Acceptation
from financement.controles.regles import REGLES, find_contradictions
from financement.controles.verification import keep_open
from financement.rapprochement import Rapprochement, build_rapprochement
from socle.controles import Gravite

TITRE_RAPPROCHEMENT = "Rapprochement de l’annexe et des fiches"
TITRE_CONTROLES = "Contrôles de cohérence"
Rangee = tuple[str, str, str, str, Decimal | None, str]


def publish_rapprochement(convention: Convention) -> bytes | None:
    """The gaps between the printed recap and the fiches, as PDF; None when the annex has no recap of its own."""
    rapprochement = build_rapprochement(convention)
    if rapprochement is None:
        return None
    partie = render_partie(
        "rapprochement",
        titre=TITRE_RAPPROCHEMENT,
        r=rapprochement,
        bilans=[
            ("Écart par financeur", rapprochement.par_financeur, None),
            ("Écart par axe", rapprochement.par_axe, rapprochement.total),
        ],
        ecarts=list_ecarts(rapprochement),
    )
    return publish_parties(convention, f"{TITRE_RAPPROCHEMENT} – {convention.titre}", [(TITRE_RAPPROCHEMENT, partie)])


def list_ecarts(rapprochement: Rapprochement) -> list:
    """Cells that differ, with their row."""
    return [(ligne, cote) for _, ligne, cote in rapprochement.cotes() if cote.differe]


def publish_controles(convention: Convention) -> bytes:
    """Everything that contradicts itself now, as PDF, with what was accepted and why."""
    trouvailles = find_contradictions(convention)
    ouvertes = {t.cle for t in keep_open(convention, trouvailles)}
    motifs = {
        a.cle: f"Accepté par {a.auteur} le {a.date:%d/%m/%Y} : {a.motif}"
        for a in Acceptation.objects.filter(convention=convention, retiree_le=None).select_related("auteur")
    }
    comptes = Counter(t.regle.gravite for t in trouvailles if t.cle in ouvertes)
    groupes: dict[str, list[Rangee]] = {}
    for trouvaille in trouvailles:
        constat, regle = trouvaille.constat, trouvaille.regle
        nom = regle.gravite.pluriel if trouvaille.cle in ouvertes else "Acceptés"
        decision = "" if trouvaille.cle in ouvertes else motifs[trouvaille.cle]
        groupes.setdefault(nom, []).append((constat.objet, regle.titre, constat.message, constat.piste, constat.ecart, decision))
    ordre = [*(g.pluriel for g in Gravite), "Acceptés"]
    partie = render_partie(
        "controles",
        titre=TITRE_CONTROLES,
        nb_regles=len(REGLES),
        comptes=[(g.pluriel, comptes[g]) for g in Gravite],
        groupes=[(nom, groupes[nom]) for nom in ordre if nom in groupes],
    )
    return publish_parties(convention, f"{TITRE_CONTROLES} – {convention.titre}", [(TITRE_CONTROLES, partie)])
