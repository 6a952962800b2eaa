"""A bilan for other programs, and what is frozen at its acceptance: plain data, amounts as texts with two decimals.

Per fiche `prevu`, `realise`, `ecart` and `taux` (in %, two decimals) each give `total` and `par_financeur`; `solde` gives the steps of
each payer, and those of the first one beside for who reads only one. None is unknown.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from financement.bilans.comptes import Compte, show_pourcent
from financement.bilans.observations import FilObservation
from financement.bilans.solde import EtapeSolde, Solde, Soldes, write_fraction
from financement.bilans.suites import PieceBilan
from financement.bilans.suivi import FicheSuivie, PartSuivie

FORMAT, VERSION = "trait-d-union/bilan", 1
Donnees = dict[str, Any]


def build_json(soldes: Soldes, fils: Sequence[FilObservation] = (), pieces: Sequence[PieceBilan] = ()) -> Donnees:
    """Everything a bilan says."""
    synthese = soldes.synthese
    bilan = synthese.bilan
    par_fiche: dict[int | None, list[PieceBilan]] = {}
    for piece in pieces:
        par_fiche.setdefault(piece.fiche_id, []).append(piece)
    return {
        "format": FORMAT,
        "version": VERSION,
        "convention": bilan.convention.reference,
        "annee": bilan.annee,
        "etat": bilan.etat,
        "mention": bilan.mention,
        "soumis_le": bilan.soumis_le.isoformat() if bilan.soumis_le else None,
        "accepte_le": bilan.accepte_le.isoformat() if bilan.accepte_le else None,
        "recit": bilan.recit,
        "perspectives": bilan.perspectives,
        "fiches": [write_fiche(f, par_fiche.get(f.objet.pk, [])) for f in synthese.fiches],
        "axes": [
            {"code": a.code, "titre": a.titre, "nb_fiches": len(a.fiches), **write_compte(a.euros), "jours": write_jours(a.jours)}
            for a in synthese.axes
        ],
        "natures": [{"nature": nom, **write_compte(compte)} for nom, compte in synthese.natures],
        "total": {**write_croise(synthese.euros, synthese.financeurs), "jours": write_jours(synthese.jours)},
        "solde": write_soldes(soldes),
        "observations": [_write_fil(fil) for fil in fils],
        "pieces": [_write_piece(p) for p in par_fiche.get(None, [])],
    }


def write_fiche(fiche: FicheSuivie, pieces: Sequence[PieceBilan] = ()) -> Donnees:
    """One action."""
    objet = fiche.objet
    return {
        "code": objet.code,
        "titre": objet.titre,
        "axe": objet.axe_titre,
        "etat": objet.etat or None,
        **write_croise(fiche.euros, fiche.parts),
        "jours": write_jours(fiche.jours),
        "lignes": [
            {
                "nature": li.objet.nature.nom,
                "libelle": li.objet.libelle,
                "au_plan": li.objet.au_plan,
                "mention": li.objet.prevu_mention or None,
                **write_compte(li.euros),
                "jours": write_jours(li.jours),
            }
            for li in fiche.lignes
        ],
        "indicateurs": [
            {
                "libelle": m.objet.libelle,
                "unite": m.objet.unite,
                "cible": write_nombre(m.objet.cible),
                "atteint": write_nombre(m.objet.valeur),
                "taux": write_nombre(show_pourcent(m.taux, 2)),
                "explication": m.objet.explication,
            }
            for m in fiche.mesures
        ],
        "fait": objet.fait,
        "difficultes": objet.difficultes,
        "proposition": objet.proposition,
        "pieces": [_write_piece(p) for p in pieces],
    }


def write_croise(total: Compte, parts: Sequence[PartSuivie]) -> Donnees:
    """`prevu`, `realise`, `ecart`, `taux`, each in total and by financeur."""
    croise: Donnees = {}
    for nom in ("prevu", "realise", "ecart", "taux"):
        croise[nom] = {"total": _read(total, nom), "par_financeur": {p.nom: _read(p.compte, nom) for p in parts}}
    return croise


def write_compte(compte: Compte) -> Donnees:
    """`prevu`, `realise`, `ecart`, `taux` of one figure."""
    return {nom: _read(compte, nom) for nom in ("prevu", "realise", "ecart", "taux")}


def _read(compte: Compte, nom: str) -> str | None:
    return write_nombre(show_pourcent(compte.taux, 2) if nom == "taux" else getattr(compte, nom))


def write_jours(compte: Compte) -> Donnees:
    """Days planned and done."""
    return {"prevu": write_nombre(compte.prevu), "realise": write_nombre(compte.realise)}


def write_nombre(valeur: Decimal | None) -> str | None:
    """« 1234.50 », or nothing when unknown."""
    return None if valeur is None else f"{valeur:.2f}"


def write_soldes(soldes: Soldes) -> Donnees:
    """The solde: formula, steps by payer, detail of the weights when the formula has one."""
    bilan, taux = soldes.synthese.bilan, soldes.synthese.taux
    payeurs = [_write_solde(s) for s in soldes.payeurs]
    premier: Donnees = payeurs[0] if payeurs else {"montant": None, "etapes": []}
    return {
        "formule": bilan.formule,
        "nom_formule": bilan.get_formule_display(),
        "taux": write_nombre(show_pourcent(taux.valeur, 2)),
        "taux_exact": write_fraction(taux.valeur) or None,
        "montant": premier["montant"],
        "etapes": premier["etapes"],
        "payeurs": payeurs,
        "poids": [
            {"code": p.code, "poids": write_nombre(p.poids), "taux": write_nombre(p.pourcent), "taux_exact": write_fraction(p.taux)}
            for p in soldes.poids
        ],
    }


def _write_solde(solde: Solde) -> Donnees:
    return {
        "payeur": solde.payeur.nom,
        "prevue": write_nombre(solde.prevue),
        "due": write_nombre(solde.due),
        "retenue": write_nombre(solde.retenue),
        "deja_paye": write_nombre(solde.paye),
        "montant": write_nombre(solde.montant),
        "trop_percu": write_nombre(solde.trop_percu),
        "etapes": [_write_etape(e) for e in solde.etapes],
    }


def _write_etape(etape: EtapeSolde) -> Donnees:
    return {
        "operation": etape.operation,
        "libelle": etape.libelle,
        "source": etape.source,
        "valeur": write_nombre(etape.valeur),
        "unite": "%" if etape.sorte == "taux" else "€",
        **({"exact": write_fraction(etape.fraction)} if etape.fraction is not None else {}),
    }


def _write_fil(fil: FilObservation) -> Donnees:
    tete = fil.tete
    return {
        "fiche": tete.fiche.code if tete.fiche else None,
        "rubrique": tete.rubrique,
        "auteur": str(tete.auteur or ""),
        "date": tete.cree_le.isoformat(),
        "texte": tete.texte,
        "reglee_le": tete.reglee_le.isoformat() if tete.reglee_le else None,
        "reponses": [{"auteur": str(r.auteur or ""), "date": r.cree_le.isoformat(), "texte": r.texte} for r in fil.reponses],
    }


def _write_piece(piece: PieceBilan) -> Donnees:
    return {"intitule": piece.intitule, "nom": piece.nom, "empreinte": piece.empreinte}


def write_json(soldes: Soldes, fils: Sequence[FilObservation] = (), pieces: Sequence[PieceBilan] = ()) -> bytes:
    """The JSON text, in UTF-8."""
    return (json.dumps(build_json(soldes, fils, pieces), ensure_ascii=False, indent=2) + "\n").encode()
