"""The three shapes of a budget turned into costs, shares and recap cells, every cell keeping its address."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from financement.cellules import MENTION_MAX, MONTANT_MAX, MOTS, Cellule
from financement.imports.lignes import CelluleRecap, Depense, Lecture, PartLue, Refus
from financement.imports.reconnaissance import TOTAL, Proposition, is_total
from financement.imports.referentiel import Referentiel
from financement.imports.totaux import Verificateur
from financement.imports.valeurs import Lecteur, ValeurRefusee, show_cell
from financement.saisie_couts import LIBELLE_MAX
from socle.lecture_classeur import Classeur, Feuille, name_colonne
from socle.montants import ZERO, round_cents
from socle.tableur import clean_text, restore_text
from socle.typographie import format_nombre, list_fr

DEBUTS_DE_TOTAL = set("tTsSeE")
TARIF_INCONNU = "Le prix du jour n’est pas connu : ajoutez une colonne « Tarif », ou un tarif journalier à la convention."


def read_lignes(classeur: Classeur, propositions: list[Proposition], ref: Referentiel, lecteur: Any = None) -> Lecture:
    """Read the chosen sheets of a file. Nothing is written; what cannot be read is in `refus`, all at once."""
    lecture = Lecture(remarques=list(classeur.remarques))
    for proposition in propositions:
        feuille = classeur.find(proposition.feuille)
        if feuille is None:
            lecture.refus.append(Refus(proposition.feuille, "", "", "Cette feuille n’est pas dans le fichier."))
            continue
        (lecteur or LecteurFeuille)(feuille, proposition, ref, lecture).run()
    lecture.refuse_repeats()
    return lecture


class LecteurFeuille:
    """Reads one sheet into a `Lecture`."""

    def __init__(self, feuille: Feuille, proposition: Proposition, ref: Referentiel, lecture: Lecture) -> None:
        self.feuille, self.proposition, self.ref, self.lecture = feuille, proposition, ref, lecture
        self.lecteur = Lecteur(feuille)
        self.colonnes = {
            champ: proposition.find(champ)
            for champ in ("code", "nature", "libelle", "annee", "jours", "tarif", "montant", "mention", "financeur", "taux", "part")
        }
        tarif = ref.convention.tarif_journalier
        self.tarif: Decimal | None = tarif.amount if tarif is not None else None
        self.courante: int | None = None  # the fiche that the rows below belong to
        self.premier = proposition.titres + 1
        self.formules = 0  # words that a spreadsheet program could run
        self.fusionnees = self._find_merged(self.colonnes["code"])
        # A sheet of shares alone: its amounts are those of the shares.
        sans_cout = all(self.colonnes[c] is None for c in ("jours", "tarif", "libelle")) and None in (
            self.colonnes["montant"],
            self.colonnes["part"],
        )
        self.parts_seules = self.colonnes["financeur"] is not None and sans_cout

    def run(self) -> None:
        proposition, feuille = self.proposition, self.feuille
        self.lecture.formes.append(proposition.forme)
        annees = [c for c, _ in proposition.list_annees()]
        recap = [c for c, _, _ in proposition.list_recap()]
        nombres = [
            c for c in (*annees, *recap, *(self.colonnes[n] for n in ("jours", "tarif", "montant", "taux", "part"))) if c is not None
        ]
        self.lecteur.learn(nombres, self.premier)
        self.verificateur = Verificateur(self.lecteur, [c for c in nombres if c not in {self.colonnes["taux"], self.colonnes["tarif"]}])
        self.totaux = self._find_totaux() if proposition.forme != "recap" else {}
        lire = {"long": self._read_long, "large": self._read_large, "recap": self._read_recap}[proposition.forme]
        for rang in range(self.premier, len(feuille.lignes)):
            if feuille.is_empty(rang):
                continue
            if rang in self.totaux:
                self.verificateur.check(rang, self.totaux[rang])
                continue
            self.lecture.nb_lignes += 1
            lire(rang)
        self._tell()

    def _tell(self) -> None:
        """Say what was seen besides the rows: hidden ones, sums that differ, numbers that only their column explains."""
        nom = self.feuille.nom
        remarques = [*self.verificateur.remarques]
        if self.feuille.cachee:
            remarques.append("cette feuille est masquée dans le fichier")
        masquees = [
            r + 1
            for r in sorted(self.feuille.lignes_masquees)
            if r >= self.premier and r < len(self.feuille.lignes) and not self.feuille.is_empty(r)
        ]
        if masquees:
            remarques.append(f"lignes masquées, lues comme les autres : {_abridge([str(r) for r in masquees])}")
        colonnes = sorted(set(self.proposition.colonnes) & self.feuille.colonnes_masquees)
        if colonnes:
            remarques.append(f"colonnes masquées, lues comme les autres : {list_fr([name_colonne(c) for c in colonnes])}")
        if self.formules:
            remarques.append(f"textes qui commencent comme une formule ({self.formules}) : gardés comme des mots, jamais calculés")
        if self.lecteur.deduites:
            remarques.append(f"nombres compris d’après le reste de leur colonne : {_abridge(list(self.lecteur.deduites.values()), ' ; ')}")
        self.lecture.remarques += [f"Feuille « {nom} » : {remarque}." for remarque in remarques]

    # --- Places -----------------------------------------------------------------------------------
    def _find_merged(self, colonne: int | None) -> dict[int, int]:
        """Row of the value for the rows that a merged cell covers in a column."""
        couvertes: dict[int, int] = {}
        for (haut, gauche), (bas, droite) in self.feuille.fusions:
            if colonne is not None and gauche <= colonne <= droite and bas > haut:
                couvertes.update(dict.fromkeys(range(haut + 1, min(bas + 1, len(self.feuille.lignes))), haut))
        return couvertes

    def refuse(self, rang: int, colonne: int | None, raison: str, fiche: int | None = None) -> None:
        adresse = self.feuille.locate(rang, colonne) if colonne is not None else f"ligne {rang + 1}"
        self.lecture.refus.append(Refus(self.feuille.nom, adresse, show_cell(self.feuille, rang, colonne), raison, fiche))

    def _find_totaux(self) -> dict[int, str]:
        """Titles of the total rows, by row: looked for in the columns of words, left of the figures."""
        gauche = min(self.verificateur.colonnes, default=3)
        colonnes = {*range(gauche), *(self.colonnes[n] for n in ("code", "nature", "libelle") if self.colonnes[n] is not None)}
        totaux = {}
        for rang in range(self.premier, len(self.feuille.lignes)):
            ligne = self.feuille.lignes[rang]
            for colonne in colonnes:
                valeur = ligne[colonne] if colonne is not None and colonne < len(ligne) else None
                if type(valeur) is str and valeur.lstrip()[:1] in DEBUTS_DE_TOTAL and is_total(valeur) and not self._is_data(rang):
                    totaux[rang] = valeur
        return totaux

    def _is_data(self, rang: int) -> bool:
        """A row of a known nature, or of a known fiche that names no total, is data whatever its words: « Total Énergies »."""
        nature, code = self._get_mots(rang, "nature"), self._get_mots(rang, "code")
        if nature:
            return self.ref.find_nature(nature) is not None or not is_total(nature)
        return bool(code) and self.ref.find_fiche(code) is not None

    def _get_mots(self, rang: int, champ: str) -> str:
        colonne = self.colonnes[champ]
        valeur = self.feuille.get(rang, colonne) if colonne is not None else None
        return valeur.strip() if isinstance(valeur, str) else ""

    def _read_fiche(self, rang: int) -> int | None:
        """The fiche of a row; None once refused."""
        colonne = self.colonnes["code"]
        if colonne is None:
            return self._check_fiche(rang, None, self.proposition.fiche)
        try:
            texte = self.lecteur.read_texte(self.fusionnees.get(rang, rang), colonne)
        except ValeurRefusee as erreur:
            self.refuse(rang, colonne, str(erreur))
            return None
        if not texte:
            if self.courante is not None:
                return self._check_fiche(rang, colonne, self.courante)
            if self.proposition.fiche is not None:
                return self._check_fiche(rang, colonne, self.proposition.fiche)
            self.refuse(rang, colonne, "Le code de la fiche manque. Écrivez-le sur chaque ligne, ou cochez « répéter le code du dessus ».")
            return None
        fiche = self.ref.find_fiche(texte)
        if fiche is None:
            self.refuse(rang, colonne, self.ref.explain_fiche(texte))
            self.courante = None
            return None
        self.courante = fiche.pk if self.proposition.recopier else None
        return self._check_fiche(rang, colonne, fiche.pk)

    def _check_fiche(self, rang: int, colonne: int | None, pk: int | None) -> int | None:
        """The fiche chosen for the whole table may have gone meanwhile."""
        if pk is None or pk not in self.ref.par_pk:
            self.refuse(rang, colonne, "La fiche choisie n’est plus dans la convention.")
            return None
        return pk

    def _read_nature(self, rang: int, facultative: bool = False) -> int | None:
        """The nature of a row. Raises ValeurRefusee."""
        colonne = self.colonnes["nature"]
        texte = self.lecteur.read_texte(rang, colonne) if colonne is not None else ""
        if not texte:
            if self.proposition.nature is not None and colonne is None:
                return self.proposition.nature
            if facultative:
                return None
            raise ValeurRefusee("La nature de dépense manque.")
        nature = self.ref.find_nature(texte)
        if nature is None:
            raise ValeurRefusee(self.ref.explain_nature(texte))
        return nature.pk

    def _read_mots(self, rang: int, champ: str, maximum: int) -> str:
        """Words of a libellé or a mention. Raises ValeurRefusee when too long."""
        texte = restore_text(self.lecteur.read_texte(rang, self.colonnes[champ]))
        if not texte and champ == "libelle" and (muet := self._get_mots(rang, champ)) in self.ref.libelles_muets:
            texte = muet  # « - » is a libellé of this convention, not an empty cell
        if clean_text(texte) != texte:
            self.formules += 1
        if len(texte) > maximum:
            raise ValeurRefusee(f"Ce texte compte {len(texte)} caractères, {maximum} au plus. Raccourcissez-le.")
        return texte

    # --- Long: one row a cost and/or a share --------------------------------------------------------
    def _read_long(self, rang: int) -> None:
        avant = len(self.lecture.refus)
        fiche = self._read_fiche(rang)
        lus: dict[str, Any] = {}
        for champ, lire in self._list_readers(rang):
            try:
                lus[champ] = lire()
            except ValeurRefusee as erreur:
                self.refuse(rang, self.colonnes[champ], str(erreur), fiche)
        if len(self.lecture.refus) > avant or fiche is None:
            return
        if self.totaux:
            self.verificateur.add(rang)
        financeur = lus["financeur"]
        a_une_part = (
            bool(financeur) or lus["taux"] is not None or lus["part"] is not None or (self.parts_seules and lus["montant"] is not None)
        )
        a_un_cout = not self.parts_seules and (lus["montant"] is not None or lus["jours"] is not None)
        if a_un_cout:
            self._add_depense(rang, fiche, lus)
        if a_une_part:
            self._add_part(rang, fiche, lus)

    def _list_readers(self, rang: int) -> Iterator[tuple[str, Any]]:
        lecteur, colonnes = self.lecteur, self.colonnes
        yield "nature", lambda: self._read_nature(rang, facultative=True)
        yield "libelle", lambda: self._read_mots(rang, "libelle", LIBELLE_MAX)
        yield "annee", lambda: lecteur.read_annee(rang, colonnes["annee"]) if colonnes["annee"] is not None else self.proposition.annee
        yield "jours", lambda: lecteur.read_jours(rang, colonnes["jours"])
        yield "tarif", lambda: lecteur.read_montant(rang, colonnes["tarif"])
        if self.parts_seules:
            yield "montant", lambda: lecteur.read_montant(rang, colonnes["montant"])
        else:
            yield (
                "montant",
                lambda: lecteur.read_cellule(rang, colonnes["montant"], self.tarif, False) if colonnes["montant"] is not None else None,
            )
        yield "mention", lambda: self._read_mots(rang, "mention", MENTION_MAX)
        yield "financeur", lambda: self._read_financeur(rang)
        yield "taux", lambda: lecteur.read_taux(rang, colonnes["taux"])
        yield "part", lambda: lecteur.read_montant(rang, colonnes["part"])

    def _read_financeur(self, rang: int) -> str | int:
        """Key of the organisation, « non réparti » as it is written, nothing. Raises ValeurRefusee."""
        texte = self.lecteur.read_texte(rang, self.colonnes["financeur"]) if self.colonnes["financeur"] is not None else ""
        if not texte or self.ref.is_non_reparti(texte):
            return texte
        organisation = self.ref.find_organisation(texte)
        if organisation is None:
            raise ValeurRefusee(self.ref.explain_organisation(texte))
        return organisation.pk

    def _add_depense(self, rang: int, fiche: int, lus: dict[str, Any]) -> None:
        principale = self.colonnes["montant"] if self.colonnes["montant"] is not None else self.colonnes["jours"]
        for champ, manque in (("nature", "La nature de dépense manque."), ("annee", "L’année manque.")):
            if lus[champ] is None:
                self.refuse(rang, self.colonnes[champ], manque, fiche)
                return
        cellule: Cellule | None = lus["montant"]
        jours, tarif = lus["jours"], lus["tarif"]
        if cellule is not None and cellule.jours is not None and jours is not None and cellule.jours != jours:
            self.refuse(
                rang,
                principale,
                f"Le montant dit {format_nombre(cellule.jours)} j et la colonne des jours {format_nombre(jours)} j.",
                fiche,
            )
            return
        seul = self.colonnes["jours"] is None and (cellule is None or cellule.jours is None)
        jours = jours if jours is not None else cellule.jours if cellule else None
        tarif = tarif if tarif is not None else cellule.tarif if cellule else None
        mention = lus["mention"] or (cellule.mention if cellule else "")
        if cellule is None:
            tarif = tarif if tarif is not None else self.tarif
            if tarif is None:
                self.refuse(rang, principale, TARIF_INCONNU, fiche)
                return
            cellule = Cellule("chiffre", round_cents((jours or ZERO) * tarif), jours, tarif, mention)
            if (cellule.montant or ZERO) > MONTANT_MAX:
                self.refuse(rang, principale, "Ce montant est trop grand.", fiche)
                return
        else:
            cellule = Cellule(cellule.chiffrage, cellule.montant, jours, tarif if jours is not None or not seul else None, mention)
        place = self.feuille.locate(rang, principale or 0)
        self.lecture.depenses.append(
            Depense(self.feuille.nom, rang, place, fiche, lus["nature"], lus["libelle"], lus["annee"], cellule, seul)
        )

    def _add_part(self, rang: int, fiche: int, lus: dict[str, Any]) -> None:
        colonne = self.colonnes["financeur"]
        if colonne is None or not lus["financeur"]:
            self.refuse(rang, colonne, "Le financeur de cette part manque. Écrivez son nom, ou « Non réparti ».", fiche)
            return
        montant = lus["montant"] if self.parts_seules and lus["part"] is None else lus["part"]
        mention = lus["mention"] if self.colonnes["mention"] is not None and self.parts_seules else None
        if lus["taux"] is None and montant is None and not mention:
            self.refuse(
                rang,
                self.colonnes["taux"] if self.colonnes["taux"] is not None else colonne,
                "Donnez un taux ou un montant à cette part.",
                fiche,
            )
            return
        financeur = lus["financeur"] if isinstance(lus["financeur"], int) else None
        place = self.feuille.locate(rang, colonne)
        self.lecture.parts.append(
            PartLue(self.feuille.nom, rang, place, fiche, financeur, lus["nature"], lus["annee"], lus["taux"], montant, mention)
        )

    # --- Wide: years in columns ---------------------------------------------------------------------
    def _read_large(self, rang: int) -> None:
        annees = self.proposition.list_annees()
        vides = all(
            self.feuille.get(rang, c) is None and (rang, c) not in self.feuille.erreurs and (rang, c) not in self.feuille.sans_valeur
            for c, _ in annees
        )
        if vides and self._read_group(rang):
            return
        avant = len(self.lecture.refus)
        fiche = self._read_fiche(rang)
        nature, libelle, mention = None, "", ""
        try:
            nature = self._read_nature(rang, facultative=vides)
        except ValeurRefusee as erreur:
            self.refuse(rang, self.colonnes["nature"], str(erreur), fiche)
        try:
            libelle = self._read_mots(rang, "libelle", LIBELLE_MAX)
        except ValeurRefusee as erreur:
            self.refuse(rang, self.colonnes["libelle"], str(erreur), fiche)
        try:
            mention = self._read_mots(rang, "mention", MENTION_MAX)
        except ValeurRefusee as erreur:
            self.refuse(rang, self.colonnes["mention"], str(erreur), fiche)
        juste = len(self.lecture.refus) == avant
        en_jours = bool(nature and self.ref.natures[nature].toujours_en_jours)
        for colonne, annee in annees:
            try:
                cellule = self.lecteur.read_cellule(rang, colonne, self.tarif, en_jours)
            except ValeurRefusee as erreur:
                self.refuse(rang, colonne, str(erreur), fiche)
                continue
            if cellule is None or not juste or fiche is None or nature is None:
                continue
            if mention and not cellule.mention:
                cellule = Cellule(cellule.chiffrage, cellule.montant, cellule.jours, cellule.tarif, mention)
            place = self.feuille.locate(rang, colonne)
            self.lecture.depenses.append(
                Depense(self.feuille.nom, rang, place, fiche, nature, libelle, annee, cellule, cellule.jours is None)
            )
        if juste and self.totaux:
            self.verificateur.add(rang)

    def _read_group(self, rang: int) -> bool:
        """A row that only names a fiche opens the rows below; one that only names an axe or says words is passed."""
        colonne = self.colonnes["code"]
        mots = [v for v in self.feuille.lignes[rang] if v is not None]
        texte = str(self.feuille.get(rang, colonne) or "") if colonne is not None else ""
        nature = self.feuille.get(rang, self.colonnes["nature"]) if self.colonnes["nature"] is not None else None
        if nature is not None:
            return False
        if texte and (fiche := self.ref.find_fiche(texte)):
            self.courante = fiche.pk
            self.verificateur.open_group()
            return True
        if (texte and self.ref.find_axe(texte)) or len(mots) == 1:
            self.courante = None if colonne is not None and not self.proposition.recopier else self.courante
            self.verificateur.open_group()
            return True
        return False

    # --- Recap: years and financeurs in columns -----------------------------------------------------
    def _read_recap(self, rang: int) -> None:
        colonnes = self.proposition.list_recap()
        titres = [self.feuille.get(rang, c) for c in range(min(c for c, _, _ in colonnes))]
        texte = next((" ".join(str(t).split()) for t in titres if t is not None), "")
        code = self.colonnes["code"]
        if code is not None and self.feuille.get(rang, code) is not None:
            texte = self.lecteur.read_texte(rang, code)
        vides = all(self.feuille.get(rang, c) is None and (rang, c) not in self.feuille.erreurs for c, _, _ in colonnes)
        fiche = axe = None
        if is_total(texte):
            reste = (
                " ".join(texte.split()[1:]).strip(" :–-")
                if not texte.lower().startswith("sous")
                else " ".join(texte.replace("-", " ").split()[2:])
            )
            trouve = self.ref.find_axe(reste) if reste else None
            general = not reste or reste.lower() in {"général", "general", "de la convention", "convention"}
            if trouve is None and not general:
                self.refuse(rang, code or 0, f"« {texte[:60]} » : cet axe n’est pas dans la convention.")
                return
            axe = trouve.pk if trouve else None
        elif vides:
            return  # title of an axe, or a note
        elif (trouvee := self.ref.find_fiche(texte)) is not None:
            fiche = trouvee.pk
        else:
            self.refuse(rang, code if code is not None else 0, self.ref.explain_fiche(texte) if texte else "Le code de la fiche manque.")
            return
        for colonne, annee, qui in colonnes:
            self._add_recap(rang, colonne, fiche, axe, annee, None if qui == TOTAL else int(qui))

    def _add_recap(self, rang: int, colonne: int, fiche: int | None, axe: int | None, annee: int | None, financeur: int | None) -> None:
        mention = ""
        montant: Decimal | None = None
        try:
            valeur = self.lecteur.get(rang, colonne)
            if isinstance(valeur, str) and valeur.strip().lower() in MOTS:
                mention = " ".join(valeur.split())[:60]
            else:
                montant = self.lecteur.read_montant(rang, colonne, negatif=True)
        except ValeurRefusee as erreur:
            self.refuse(rang, colonne, str(erreur), fiche)
            return
        if montant is None and not mention:
            return
        place = self.feuille.locate(rang, colonne)
        self.lecture.recap.append(CelluleRecap(self.feuille.nom, rang, place, fiche, axe, annee, financeur, montant, mention))


def _abridge(mots: list[str], lien: str = ", ", maximum: int = 12) -> str:
    return lien.join(mots[:maximum]) + (f" et {len(mots) - maximum} autres" if len(mots) > maximum else "")
