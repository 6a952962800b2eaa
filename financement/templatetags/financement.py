"""Pieces of page that show figures: a cell of a table, the header of a convention, the table of payments."""

from decimal import Decimal
from typing import Any

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from comptes.bancaire import mask_iban, sees_iban
from conventions.models import Convention
from fiches.models import FicheAction
from financement.bilans.comptes import Compte
from financement.bilans.modeles import Bilan
from financement.controles.journal import Verification
from financement.controles.presentation import EcartCellule, Marque
from financement.echeances import date_bilan
from financement.imports.journal import ImportBudget
from financement.recapitulatif import Cellule, Place
from socle.graphiques import Valeurs, draw_barres
from socle.templatetags.composants import icone
from socle.typographie import format_jours, format_montant, format_nombre

register = template.Library()


@register.simple_tag
def cellule(cellule: Cellule | None, imprime: bool = False, euro: bool = False, renvoi: bool = False) -> SafeString:
    """A figure: amount, zero, words of an unknown, or « / » when nothing is planned. Never an empty cell.

    `imprime` leaves out the words for screen readers, `renvoi` marks what a sum leaves out by a star
    explained under the table instead of in words.
    """
    unite = "\u00a0€" if euro else ""
    if cellule is None or (cellule.montant is None and not cellule.mention):
        if imprime:
            return format_html('<span class="rien">/</span>')
        return format_html('<span class="vide" aria-hidden="true">/</span><span class="visually-hidden">aucun montant</span>')
    jours = getattr(cellule, "jours", None)
    suite = format_html('<small class="jours">{}</small>', format_jours(jours)) if jours is not None else ""
    if cellule.montant is None:
        return format_html('<span class="sur-devis">{}</span>{}', cellule.mention, suite)
    if renvoi and cellule.reserves:
        return format_html("{}{}<sup>*</sup>{}", format_montant(cellule.montant), unite, suite)
    for reserve in cellule.reserves:
        suite = format_html('{}<small class="reserve">+ {}</small>', suite, reserve)
    return format_html('<span class="chiffre">{}{}{}</span>', format_montant(cellule.montant), unite, suite)


ETATS_IMPORT = {
    "depose": ("crayon", "etat-cours"),
    "analyse": ("horloge", "etat-info"),
    "apercu": ("demi", "etat-cours"),
    "ecriture": ("horloge", "etat-info"),
    "fait": ("plein", "etat-bon"),
    "annule": ("croix", ""),
    "abandonne": ("croix", ""),
    "echec": ("bloquant", ""),
}


@register.simple_tag
def etat_import(imp: ImportBudget) -> SafeString:
    """Badge of an import's state: shape, colour and word."""
    dessin, classe = ETATS_IMPORT[imp.etat]
    return format_html('<span class="etat {}">{}{}</span>', classe, icone(dessin), imp.get_etat_display())


@register.simple_tag
def ecart(montant: Decimal) -> str:
    """A difference with its sign: « + 600 », « − 900 », « 0 »."""
    return f"{'+' if montant > 0 else '−'}\u202f{format_montant(abs(montant))}" if montant else "0"


@register.simple_tag
def ecart_cellule(ecarts: dict[tuple[int, int, str], EcartCellule], fiche: FicheAction, place: Place) -> EcartCellule | None:
    """What the other recap says of a cell of the budget; None when it says the same."""
    return ecarts.get((fiche.pk, place.annee, str(place.cle)))


@register.simple_tag
def marque_controles(marque: Marque | None, convention: Convention, fiche: FicheAction) -> SafeString:
    """« 3 contradictions », with the sign of the worst, leading to the controls of the fiche; nothing when there is none."""
    if marque is None:
        return SafeString("")
    adresse = reverse("controles", args=[convention.reference])
    mots = f"{marque.nombre} contradiction{'s' if marque.nombre > 1 else ''}"
    return format_html(
        '<a class="marque-grav {}" href="{}?fiche={}">{}{}</a>', marque.icone, adresse, fiche.slug, icone(marque.icone), mots
    )


@register.inclusion_tag("financement/bilans/_entete.html", takes_context=True)
def entete_bilan(context: Context, bilan: Bilan, page: str = "") -> dict[str, Any]:
    """Header of the pages of a bilan: breadcrumb, state, year, parties, documents, tabs of the convention."""
    suite = {"bilan": bilan, "page": page, "user": context["user"], "echeance": date_bilan(bilan.convention, bilan.annee)}
    return entete_convention(context, bilan.convention, "bilans") | suite


@register.inclusion_tag("conventions/_entete.html", takes_context=True)
def entete_convention(context: Context, convention: Convention, onglet: str) -> dict[str, Any]:
    """Header of the pages of a convention: breadcrumb, state, title, parties, tabs with their counts."""
    verification = Verification.objects.filter(convention=convention).first()
    return {
        "convention": convention,
        "onglet": onglet,
        "request": context["request"],
        "nb_controles": verification.nb_ouverts if verification else 0,
        "nb_articles": convention.articles.count(),
        "nb_fiches": convention.fiches.count(),
    }


@register.inclusion_tag("financement/_versements.html")
def tableau_versements(convention: Convention, imprime: bool = False) -> dict[str, Any]:
    """Planned payments of the financial article."""
    return {"versements": convention.versements.select_related("payeur", "beneficiaire"), "imprime": imprime}


@register.inclusion_tag("financement/_coordonnees_bancaires.html", takes_context=True)
def coordonnees_bancaires(context: Context, convention: Convention, imprime: bool = False) -> dict[str, Any]:
    """The bank box: account of the bénéficiaire, dotted while unknown. On paper it is whole, on screen for who pays only."""
    beneficiaire = next((p.organisation for p in convention.parties.all() if p.role == p.Role.BENEFICIAIRE), None)
    entier = imprime or (beneficiaire is not None and sees_iban(context["user"], beneficiaire))
    return {
        "organisation": beneficiaire,
        "rib": beneficiaire.rib if beneficiaire and entier else None,
        "compte": "" if beneficiaire is None else beneficiaire.iban if entier else mask_iban(beneficiaire.iban),
        "imprime": imprime,
    }


@register.simple_tag(takes_context=True)
def place(context: Context, *morceaux: object) -> SafeString:
    """The figure of one named place of the editor, as `compute_figures` gives it; names of several words are joined by « : »."""
    figures = context["e"].figures.places
    return conditional_escape(figures.get(":".join(str(m) for m in morceaux), ""))


@register.simple_tag(takes_context=True)
def place_bilan(context: Context, *morceaux: object) -> SafeString:
    """A figure of a bilan that changes while one types, at its named place."""
    nom = ":".join(str(m) for m in morceaux)
    return format_html('<output data-place="{}">{}</output>', nom, context["g"].places.get(nom, ""))


@register.simple_tag
def jours_bilan(compte: Compte) -> SafeString:
    """Days done over days planned: « 24 / 25,5 »."""
    if compte.prevu is None and compte.realise is None:
        return SafeString("–")
    fait = "–" if compte.realise is None else format_nombre(compte.realise)
    return format_html('{}<span class="discret"> / {}</span>', fait, "0" if compte.prevu is None else format_nombre(compte.prevu))


@register.inclusion_tag("financement/bilans/_consommation.html")
def consommation(compte: Compte) -> dict[str, Any]:
    """How much of the plan is used up, with a warning above it."""
    barre = draw_barres("", "", "", [Valeurs("", compte.realise, compte.prevu, "")], (), ()).barres[0]
    return {"compte": compte, "b": barre}


@register.inclusion_tag("financement/editeur/_marge.html", takes_context=True)
def fils_rubrique(context: Context, rubrique: str) -> dict[str, Any]:
    """Comments of one heading, in its margin."""
    vus = ("fiche", "convention", "participants", "user", "csrf_token")
    modifier = "e" in context  # the editor, not the page that is read
    fils = context["fils"].get(rubrique, [])
    return {nom: context.get(nom) for nom in vus} | {
        "rubrique": rubrique,
        "titre": next((r.libelle for r in context["rubriques"] if r.cle == rubrique), "Titre et objet"),
        "fils_rubrique": fils,
        "retour": "modifier" if modifier else "",
        "erreur": "",
        "refuse": {},
    }
