"""What awaits a person: things to write, to review or to complete in their conventions, most pressing first."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, prefetch_related_objects
from django.urls import reverse
from django.utils import timezone

from comptes.bancaire import is_payeur
from comptes.models import Utilisateur
from conventions.models import Convention
from fiches.models import Commentaire, FicheAction, Passage, Pilote
from financement.bilans.droits import explain_relecture, explain_role
from financement.etapes import ETAPES
from financement.models import AccordBilan, Bilan, CoFinancement, LigneCout, Paiement
from socle.typographie import format_euros

EXTRAIT = 160  # characters of a comment shown on the home page
ETAPES_ATTENDUES: dict[str, str] = {
    Convention.Etat.VALIDEE: "Enregistrer la délibération",
    Convention.Etat.A_SIGNER: "Faire signer",
    Convention.Etat.SIGNEE: "Notifier",
    Convention.Etat.NOTIFIEE: "Constater l’entrée en vigueur",
}
DU_FINANCEUR = (Convention.Etat.SIGNEE, Convention.Etat.NOTIFIEE)
OUVERTS = (Convention.Etat.BROUILLON, Convention.Etat.EN_NEGOCIATION)


@dataclass(frozen=True)
class Attente:
    """One thing to do, with the page where it is done."""

    icone: str
    titre: str
    detail: str
    url: str


def list_attentes(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """What `user` may do in `conventions` (seen by them, parties loaded); nothing for who only reads."""
    if user.is_lecteur:
        return []
    ouvertes = [c for c in conventions if c.etat in OUVERTS]
    return [
        *_bilans(user, conventions),
        *_paiements(user),
        *_etapes(user, conventions),
        *_fiches(user, ouvertes),
        *_parties(user, ouvertes),
    ]


def _bilans(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """Bilans to read over for who pays, to correct for who reports."""
    attentes = []
    par_cle = {c.pk: c for c in conventions}
    bilans = Bilan.objects.filter(convention__in=par_cle, etat__in=(*Bilan.ENVOYES, Bilan.Etat.OBSERVATIONS)).order_by("annee", "pk")
    donnes = set(AccordBilan.objects.filter(bilan__in=bilans, organisation=user.organisation_id).values_list("bilan_id", flat=True))
    for bilan in bilans:
        convention = par_cle[bilan.convention_id]
        adresse = reverse("bilan", args=[convention.reference, bilan.annee])
        if bilan.is_envoye and not explain_relecture(user, convention) and bilan.pk not in donnes:
            attentes.append(Attente("demi", f"Relire le bilan {bilan.annee}", convention.nom_court, adresse))
        elif bilan.etat == Bilan.Etat.OBSERVATIONS and not explain_role(user, convention):
            detail = f"{convention.nom_court} : des observations attendent votre réponse."
            attentes.append(Attente("alerte", f"Corriger le bilan {bilan.annee}", detail, f"{adresse}#observations"))
    return attentes


def _paiements(user: Utilisateur) -> list[Attente]:
    """Payments that the person's organisation makes and that wait for their next step."""
    if not is_payeur(user) or user.organisation_id is None:
        return []
    attendus = Paiement.objects.filter(versement__payeur=user.organisation_id).exclude(etat__in=(Paiement.Etat.PAYE, Paiement.Etat.REJETE))
    attentes = []
    for paiement in attendus.select_related("convention", "versement").order_by("demande_le", "pk"):
        etape = next(e for e in ETAPES if paiement.etat in e.depuis)
        quoi = f"{paiement.versement.get_nature_display().lower()}, {format_euros(paiement.montant)}"
        adresse = reverse("versements", args=[paiement.convention.reference]) + f"#versement-{paiement.versement_id}"
        attentes.append(Attente("horloge", f"{etape.libelle} : {quoi}", paiement.convention.nom_court, adresse))
    return attentes


def _etapes(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """What the life of a convention expects of the person's organisation."""
    attentes = []
    for convention in conventions:
        mienne = next((p for p in convention.parties.all() if p.organisation_id == user.organisation_id), None)
        phrase = ETAPES_ATTENDUES.get(convention.etat, "")
        if mienne is None or not phrase or (convention.etat == Convention.Etat.VALIDEE and mienne.deliberation_date):
            continue
        if convention.etat in DU_FINANCEUR and mienne.role != mienne.Role.FINANCEUR:
            continue
        titre = f"{phrase}, {convention.nom_court[:1].lower()}{convention.nom_court[1:]}"
        attentes.append(Attente("crayon", titre, convention.titre, reverse("vie", args=[convention.reference])))
    return attentes


def _fiches(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """Where the person is named, what is sent back to them, what the partner handed over, then what they pilot and is incomplete."""
    pilotees = set(Pilote.objects.filter(utilisateur=user, fiche__convention__in=conventions).order_by().values_list("fiche_id", flat=True))
    attendues = Q(etat__in=(FicheAction.Etat.EN_RELECTURE, FicheAction.Etat.A_CORRIGER)) | Q(pk__in=pilotees)
    fiches = list(
        FicheAction.objects.filter(attendues, convention__in=conventions)
        .exclude(etat=FicheAction.Etat.VALIDEE)
        .select_related("convention")
        .prefetch_related("maitres_ouvrage")
    )
    # What makes a sheet complete is read for those the person pilots alone.
    prefetch_related_objects([f for f in fiches if f.pk in pilotees], "indicateurs")
    chiffrees = set(LigneCout.objects.filter(fiche__in=pilotees).order_by().values_list("fiche_id", flat=True).distinct())
    financees = set(CoFinancement.objects.filter(fiche__in=pilotees).order_by().values_list("fiche_id", flat=True).distinct())
    passages = Passage.objects.filter(fiche__in=fiches).select_related("auteur").order_by("date")
    remises = {p.fiche_id: p for p in passages if p.vers == FicheAction.Etat.EN_RELECTURE}
    retours = {p.fiche_id: p for p in passages if p.vers == FicheAction.Etat.A_CORRIGER}
    relire, corriger, completer = [], [], []
    for fiche in fiches:
        maitres = {o.pk: o.sigle for o in fiche.maitres_ouvrage.all()}
        remise = remises.get(fiche.pk)
        remettantes = {remise.organisation_id} if remise else set(maitres)
        pilote = fiche.pk in pilotees
        if fiche.etat == FicheAction.Etat.EN_RELECTURE and user.organisation_id not in remettantes:
            relire.append(
                Attente("demi", f"Relire {fiche.code}, {fiche.nom_court}", _tell_remise(remise, maitres), fiche.get_absolute_url())
            )
        elif fiche.etat == FicheAction.Etat.A_CORRIGER and (pilote or user.organisation_id in remettantes):
            motif = retours[fiche.pk].motif if fiche.pk in retours else ""
            titre = f"Corriger {fiche.code}, {fiche.nom_court}"
            corriger.append(Attente("alerte", titre, motif or "Votre partenaire l’a renvoyée.", edit_url(fiche)))
        elif pilote:
            manques = [r for r in fiche.list_rubriques(fiche.pk in chiffrees, fiche.pk in financees) if not r.remplie]
            if manques:
                pluriel = "s" if len(manques) > 1 else ""
                noms = ", ".join(r.libelle for r in manques)
                completer.append(
                    Attente(
                        "cercle",
                        f"Compléter {fiche.code}, {fiche.nom_court}",
                        f"Il manque {len(manques)} rubrique{pluriel} : {noms}.",
                        f"{edit_url(fiche)}#{manques[0].cle}",
                    )
                )
    return [*_mentions(user, conventions), *corriger, *relire, *completer]


def edit_url(fiche: FicheAction) -> str:
    """The page where a fiche is written."""
    return reverse("fiche_modifier", args=[fiche.convention.reference, fiche.slug])


def _tell_remise(remise: Passage | None, maitres: dict[int, str]) -> str:
    """« Hugo Perrin vous l’a remise le 22/11/2026. »"""
    if remise:
        return f"{remise.auteur or 'Votre partenaire'} vous l’a remise le {timezone.localtime(remise.date):%d/%m/%Y}."
    return f"{' et '.join(maitres.values()) or 'Votre partenaire'} vous l’a confiée."


def _mentions(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """Open comments that name the person and that they have not read."""
    cites = Commentaire.objects.filter(fiche__convention__in=conventions, fiche__supprimee_le=None, mentions=user, regle_le=None)
    cites = cites.unread_by(user).select_related("fiche__convention", "auteur")
    return [
        Attente(
            "bulle",
            f"Répondre à {c.auteur or 'un commentaire'}, {c.fiche.code}",
            c.texte if len(c.texte) <= EXTRAIT else f"{c.texte[:EXTRAIT]}…",
            f"{c.fiche.get_absolute_url()}#{c.rubrique}",
        )
        for c in cites
    ]


def _parties(user: Utilisateur, conventions: Sequence[Convention]) -> list[Attente]:
    """What the agreement leaves blank about the person's own organisation."""
    attentes = []
    for convention in conventions:
        for partie in convention.parties.all():
            if partie.organisation_id != user.organisation_id or convention.nature != Convention.Nature.CADRE:
                continue
            manques = [
                nom
                for nom, valeur in [
                    ("le signataire", partie.signataire),
                    ("la date de délibération", partie.deliberation_date),
                    ("le SIRET", partie.organisation.siret),
                    ("les coordonnées bancaires", partie.role != partie.Role.BENEFICIAIRE or partie.organisation.iban),
                ]
                if not valeur
            ]
            if manques:
                attentes.append(
                    Attente(
                        "cercle",
                        f"Compléter {partie.denomination}",
                        f"{convention.nom_court} : il manque {', '.join(manques)}.",
                        reverse("convention", args=[convention.reference]) + "#parties",
                    )
                )
    return attentes
