"""Co-financing: shares that make the whole, rates that give their amounts, nobody named for nothing."""

import re
from collections import defaultdict
from collections.abc import Iterator

from fiches.models import FicheAction
from financement.cofinancements import NON_REPARTI, CoFinancement
from financement.controles.dossier import DossierFinancier
from financement.repartition import CENT_POUR_CENT, Portee, find_portee, list_uncovered, sum_by_portee
from financement.syntheses import to_part
from socle.controles import Constat, Correction, Gravite, Regle, Rubrique
from socle.montants import CENT, ZERO, round_cents, tolerate_taux
from socle.periodes import flatten
from socle.typographie import format_euros, format_taux

RIEN = re.compile(r"\b(?:pas de|pas d'|sans|aucun|aucune|neant)\b")  # « pas de financement supplémentaire »


class RepartitionComplete(Regle):
    """Rates that sum to 100 %, amounts that sum to the cost."""

    identifiant = "repartition"
    titre = "Les parts ne font pas le coût"
    pourquoi = "Ce que personne ne s’engage à payer restera à la charge de celui qui fait ; ce qui dépasse sera réclamé deux fois."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.FICHES_MONTANTS

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            couts, plates = dossier.chiffres_of(fiche)
            par_portee: dict[tuple[int | None, int | None], list[CoFinancement]] = defaultdict(list)
            for part in dossier.parts_of(fiche):
                if part.taux is not None or part.montant is not None:
                    par_portee[part.nature_id, part.annee].append(part)
            bases, inconnues = sum_by_portee(couts, plates), list_inconnues(dossier, fiche)
            for portee, parts in par_portee.items():
                base, nom = bases.get(portee, ZERO), _tell_portee(parts[0])
                precision = f"portee-{portee[0] or 0}"
                if all(p.montant is None for p in parts):
                    taux = sum((p.taux or ZERO for p in parts), ZERO)
                    # Three times 33,33 % is a whole whose thirds were rounded.
                    if abs(taux - CENT_POUR_CENT) > sum((tolerate_taux(p.taux or ZERO, CENT_POUR_CENT) for p in parts), ZERO):
                        manque = CENT_POUR_CENT - taux
                        euros = format_euros(round_cents(base * abs(manque) / 100))
                        verbe = f"il manque {format_taux(manque)}" if manque > 0 else f"il y a {format_taux(-manque)} de trop"
                        yield Constat(
                            objet=fiche.code,
                            message=f"Les taux{nom} font {format_taux(taux)} : {verbe}, soit {euros}.",
                            lieux=(
                                dossier.place_fiche(fiche, "somme des taux", format_taux(taux), "cofinancements"),
                                dossier.place_fiche(fiche, "coût", format_taux(CENT_POUR_CENT), "cofinancements", format_euros(base)),
                            ),
                            constate=format_taux(taux),
                            attendu=format_taux(CENT_POUR_CENT),
                            annee=portee[1],
                            fiche_id=fiche.pk,
                            precision=precision,
                        )
                    continue
                somme = sum(
                    (p.montant.amount if p.montant is not None else round_cents(base * (p.taux or ZERO) / 100) for p in parts), ZERO
                )
                if somme != base and not (portee in inconnues and somme > base):
                    yield Constat(
                        objet=fiche.code,
                        message=f"Les parts{nom} font {format_euros(somme)}, le coût est de {format_euros(base)}.",
                        lieux=(
                            dossier.place_fiche(fiche, "somme des parts", format_euros(somme), "cofinancements"),
                            dossier.place_fiche(fiche, "coût", format_euros(base), "couts"),
                        ),
                        constate=somme,
                        attendu=base,
                        annee=portee[1],
                        fiche_id=fiche.pk,
                        precision=precision,
                    )


class CoutSansFinanceur(Regle):
    """A cost that no share covers: what E.A 1.3.1 of Dijon spends beside its studies."""

    identifiant = "cout_sans_financeur"
    titre = "Une dépense n’est à la charge de personne"
    pourquoi = "Ce que personne ne s’engage à payer restera à la charge de celui qui fait."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_MONTANTS
    cotes = ("Dépense", "Parts")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            couts, plates = dossier.chiffres_of(fiche)
            aucun = all(p.taux is None and p.montant is None for p in plates)
            sort = "sans aucun financeur" if aucun else "ne sont à la charge de personne"
            for annee, montant in list_uncovered(couts, plates).items():
                if montant:
                    yield Constat(
                        objet=fiche.code,
                        message=f"{annee} : {format_euros(montant)} {sort}.",
                        lieux=(
                            dossier.place_fiche(fiche, f"dépense de {annee}", format_euros(montant), "couts"),
                            dossier.place_fiche(fiche, "parts", format_euros(ZERO), "cofinancements", _list_portees(dossier, fiche)),
                        ),
                        constate=ZERO,
                        attendu=montant,
                        annee=annee,
                        financeur=NON_REPARTI,
                        fiche_id=fiche.pk,
                    )


class TauxEtMontantDesParts(Regle):
    """43 % – 71 912 €: both declared for one share."""

    identifiant = "taux_part"
    titre = "Le pourcentage d’une part ne donne pas son montant"
    pourquoi = "Le financeur paiera l’un ou l’autre : l’écart n’est à la charge de personne."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_MONTANTS
    cotes = ("Montant écrit", "Par le taux")

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            couts, plates = dossier.chiffres_of(fiche)
            bases, inconnues = sum_by_portee(couts, plates), list_inconnues(dossier, fiche)
            montants = [p.montant.amount for p in dossier.parts_of(fiche) if p.montant is not None]
            for part in dossier.parts_of(fiche):
                base = bases.get((part.nature_id, part.annee), ZERO)
                if part.taux is None or part.montant is None or not base or (part.nature_id, part.annee) in inconnues:
                    continue
                attendu = round_cents(base * part.taux / 100)
                if abs(attendu - part.montant.amount) <= max(tolerate_taux(part.taux, base), CENT):
                    continue
                nom = dossier.name_colonne(part.financeur_id) or NON_REPARTI
                reel = part.montant.amount * 100 / base
                entier = sum(montants, ZERO) == base and len(montants) == len(dossier.parts_of(fiche))
                cible = {"pk": part.pk}
                yield Constat(
                    objet=fiche.code,
                    message=(
                        f"{nom} : {format_taux(part.taux)} de {format_euros(base)} font {format_euros(attendu)}, "
                        f"la fiche écrit {format_euros(part.montant)}."
                    ),
                    lieux=(
                        dossier.place_fiche(
                            fiche, f"montant, {nom}", format_euros(part.montant), "cofinancements", f"soit {format_taux(reel, 2)}"
                        ),
                        dossier.place_fiche(
                            fiche,
                            f"taux, {nom}",
                            format_euros(attendu),
                            "cofinancements",
                            f"{format_taux(part.taux)} de {format_euros(base)}",
                        ),
                    ),
                    constate=part.montant.amount,
                    attendu=attendu,
                    annee=part.annee,
                    financeur_id=part.financeur_id,
                    financeur=nom,
                    fiche_id=fiche.pk,
                    piste=f"Les montants font bien {format_euros(base)} : ce sont les pourcentages qui sont arrondis." if entier else "",
                    precision=f"portee-{part.nature_id or 0}",
                    corrections=(
                        Correction("Garder le montant, recalculer le taux", "part_taux", cible),
                        Correction("Garder le taux, recalculer le montant", "part_montant", cible),
                    ),
                )


class FinanceurSansPart(Regle):
    """A financeur named among those who pay, with no share to pay (« les TPE concernées », E.P 2.3 of Dijon)."""

    identifiant = "financeur_sans_part"
    titre = "Un financeur est cité sans part"
    pourquoi = "La fiche l’annonce parmi ceux qui paient, et les autres paient déjà tout, ou ne savent pas combien il reste."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_MONTANTS

    def find(self, dossier: DossierFinancier) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            cout = dossier.total_of(fiche)
            if not cout:
                continue
            for part in dossier.parts_of(fiche):
                if part.taux is not None or part.montant is not None or RIEN.search(flatten(part.mention)):
                    continue
                nom = dossier.name_colonne(part.financeur_id) if part.financeur_id else "sans nom"
                yield Constat(
                    objet=fiche.code,
                    message=f"« {part.mention} » : ce financeur n’a ni taux ni montant, pour un coût de {format_euros(cout)}.",
                    lieux=(
                        dossier.place_fiche(fiche, "co-financements", part.mention, "cofinancements", "ni taux ni montant"),
                        dossier.place_fiche(fiche, "coût", format_euros(cout), "couts"),
                    ),
                    constate=part.mention,
                    annee=part.annee,
                    financeur_id=part.financeur_id,
                    financeur=nom if part.financeur_id else "",
                    fiche_id=fiche.pk,
                    precision=f"mention-{part.nature_id or 0}",
                )


def list_inconnues(dossier: DossierFinancier, fiche: FicheAction) -> set[Portee | None]:
    """Scopes of the shares that cover a cost still unknown: what they sum to may rightly be more than what is known."""
    plates = [to_part(p) for p in dossier.parts_of(fiche)]
    return {find_portee(c.nature_id, c.annee, plates) for c in dossier.couts_of(fiche) if c.montant is None}


def _tell_portee(part: CoFinancement) -> str:
    mots = ", ".join(filter(None, [part.nature.nom if part.nature else "", str(part.annee or "")]))
    return f" ({mots})" if mots else ""


def _list_portees(dossier: DossierFinancier, fiche: FicheAction) -> str:
    natures = dict.fromkeys(p.nature.nom for p in dossier.parts_of(fiche) if p.nature)
    return f"partagées pour : {', '.join(natures)}" if natures else ""


REGLES: list[Regle] = [RepartitionComplete(), CoutSansFinanceur(), TauxEtMontantDesParts(), FinanceurSansPart()]
