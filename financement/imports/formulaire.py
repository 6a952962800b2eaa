"""The form of the columns: which sheet, how it is laid out, what each column holds."""

from typing import Any

from financement.imports.actes import ImportImpossible, reread
from financement.imports.destinations import list_champs, list_formes, open_referentiel
from financement.imports.journal import ImportBudget
from financement.imports.reconnaissance import PERIODE, TOTAL, Proposition
from socle.nombres import read_cle

Choix = list[tuple[str, str]]


class FormulaireColonnes:
    """Shows the reading proposed for one sheet, as changed by `donnees`, and reads it back."""

    def __init__(self, imp: ImportBudget, donnees: Any) -> None:
        self.imp, self.donnees, self.erreur = imp, donnees, imp.message
        self.ref = open_referentiel(imp)
        self.feuilles = imp.lecture.get("feuilles", [])
        retenue = imp.propositions[0] if imp.propositions else {}
        nom = donnees.get("feuille") or retenue.get("feuille", "")
        connue = next((f for f in self.feuilles if f["nom"] == nom), self.feuilles[0] if self.feuilles else None)
        if connue is None:
            raise ImportImpossible("Ce fichier n’a aucune feuille à lire.")
        self.feuille: dict[str, Any] = connue
        titres = read_cle(donnees.get("titres", ""))
        if titres and titres != connue["proposition"]["titres"]:
            self.feuille = reread(imp, connue["nom"], titres - 1) or connue
        garde = retenue if retenue.get("feuille") == connue["nom"] and not titres else self.feuille["proposition"]
        self.proposition: dict[str, Any] = garde

    @property
    def formes(self) -> list[tuple[str, str, bool]]:
        return [(cle, nom, self._get("forme", self.proposition.get("forme")) == cle) for cle, nom in list_formes(self.ref).items()]

    @property
    def colonnes(self) -> list[dict[str, Any]]:
        """Each column with its title, its first values and the choice made."""
        return [
            c | {"choix": self._get(f"c-{c['lettre']}", self.proposition["colonnes"].get(c["lettre"], ""))}
            for c in self.feuille["colonnes"]
        ]

    @property
    def contenus(self) -> list[tuple[str, Choix]]:
        """What a column may hold, by group."""
        annees = self._list_annees()
        colonnes_simples = ("Colonnes", [(champ.cle, champ.nom) for champ in list_champs(self.ref)])
        annees_en_colonnes = ("Années en colonnes", [(f"annee:{a}", str(a)) for a in annees])
        if "recap" not in list_formes(self.ref):
            return [colonnes_simples, annees_en_colonnes]
        parties = [(p.organisation_id, p.nom_court) for p in self.ref.parties]
        colonnes = [str(c) for c in self.proposition["colonnes"].values()]
        autres = {int(c.split(":")[2]) for c in colonnes if c.startswith("recap:") and c.split(":")[2].isdecimal()} - {
            pk for pk, _ in parties
        }
        parties += [(pk, self.ref.organisations[pk].nom) for pk in autres if pk in self.ref.organisations]
        recap = [(f"recap:{a}:{pk}", f"{nom}, {a}") for a in annees for pk, nom in [*parties, (TOTAL, "Total")]]
        recap.append((f"recap:{PERIODE}:{TOTAL}", "Total de la période"))
        return [colonnes_simples, annees_en_colonnes, ("Récapitulatif", recap)]

    def _list_annees(self) -> list[int]:
        if self.imp.bilan is not None:
            return [self.imp.bilan.annee]
        lues = {int(m) for c in self.proposition["colonnes"].values() for m in str(c).split(":")[1:2] if m.isdecimal()}
        return sorted({*self.imp.convention.annees, *lues})

    @property
    def fiches(self) -> list[tuple[int, str, bool]]:
        choisie = self._get("fiche", str(self.proposition.get("fiche") or ""))
        return [(f.pk, f"{f.code} {f.nom_court}", str(f.pk) == choisie) for f in self.ref.fiches.values()]

    @property
    def natures(self) -> list[tuple[int, str, bool]]:
        choisie = self._get("nature", str(self.proposition.get("nature") or ""))
        return [(n.pk, n.nom, str(n.pk) == choisie) for n in self.ref.natures.values()]

    @property
    def annees(self) -> list[tuple[int, bool]]:
        choisie = self._get("annee", str(self.proposition.get("annee") or ""))
        return [(a, str(a) == choisie) for a in self._list_annees()]

    @property
    def recopier(self) -> bool:
        return "recopier" in self.donnees if "forme" in self.donnees else bool(self.proposition.get("recopier"))

    @property
    def titres(self) -> int:
        return int(self.feuille["proposition"]["titres"])

    @property
    def motifs(self) -> list[str]:
        return list(self.proposition.get("motifs", []))

    def _get(self, nom: str, defaut: str | None) -> str:
        return str(self.donnees.get(nom, defaut or "")) if "forme" in self.donnees else defaut or ""

    def read(self) -> list[Proposition]:
        """The reading as it was chosen. Raises ImportImpossible, every reason at once."""
        colonnes = {c["lettre"]: v for c in self.feuille["colonnes"] if (v := str(self.donnees.get(f"c-{c['lettre']}", "")))}
        doubles = sorted({v for v in colonnes.values() if list(colonnes.values()).count(v) > 1})
        erreurs = []
        if doubles:
            noms = {cle: nom for _, choix in self.contenus for cle, nom in choix}
            erreurs.append(f"Deux colonnes ont le même contenu : {', '.join(noms.get(d, d) for d in doubles)}. Gardez-en une.")
        forme = str(self.donnees.get("forme", ""))
        if forme not in list_formes(self.ref):
            erreurs.append("Choisissez la disposition du tableau.")
        try:
            proposition = Proposition.from_json(
                {
                    "feuille": self.feuille["nom"],
                    "forme": forme if forme in list_formes(self.ref) else "",
                    "titres": self.titres,
                    "colonnes": colonnes,
                }
            )
        except ValueError as erreur:
            erreurs.append(str(erreur))
        if erreurs:
            raise ImportImpossible(" ".join(erreurs))
        proposition.fiche = self._read_fixed("fiche", {f.pk for f in self.ref.fiches.values()})
        proposition.nature = self._read_fixed("nature", set(self.ref.natures))
        proposition.annee = self._read_fixed("annee", set(self._list_annees()))
        proposition.recopier, proposition.certaine = "recopier" in self.donnees, True
        return [proposition]

    def _read_fixed(self, nom: str, connus: set[int]) -> int | None:
        valeur = read_cle(str(self.donnees.get(nom, "")))
        return valeur if valeur in connus else None
