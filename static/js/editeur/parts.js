// Who pays: a rate or an amount, the other one follows; and the indicators, whose rows work the same way.
import { Echec, demander } from "./envoi.js";
import { adresses, ecrire, element, lire, poserBase } from "./fiche.js";
import { brancher, modele, remplirLigne, renommer, suivre, suivreCles, valider } from "./grille.js";
import { envoyer, noter } from "./enregistrement.js";

const parts = document.querySelector("[data-parts]");
const indicateurs = document.querySelector("[data-indicateurs]");
let numero = 0;

function ajouterPart(financeur, nature, annee) {
  const cle = `part.${financeur || 0}.${nature || 0}.${annee || 0}`;
  const existante = parts.querySelector(`[data-part="${CSS.escape(cle)}"]`);
  if (existante) {
    existante.hidden = false;
    return existante;
  }
  const nom = document.querySelector(`#p-financeur option[value="${CSS.escape(String(financeur || 0))}"]`)?.textContent;
  if (!nom) return null;
  const portee = [nature && document.querySelector(`#p-nature option[value="${CSS.escape(String(nature))}"]`)?.textContent, annee].filter(Boolean).join(", ");
  const rang = [...document.querySelectorAll("#p-financeur option")].findIndex((o) => o.value === String(financeur || 0));
  const ligne = modele("[data-modele-part]", { cle, rang: financeur ? Math.min(rang, 5) : 6, nom: portee ? `${nom} (${portee})` : nom });
  parts.querySelector("[data-lignes]").append(ligne);
  suivre(parts);
  return ligne;
}

function ajouterIndicateur(cle) {
  const existant = indicateurs.querySelector(`[data-indicateur="${CSS.escape(cle)}"]`);
  if (existant) return existant;
  const ligne = modele("[data-modele-indicateur]", { cle });
  indicateurs.querySelector("[data-lignes]").append(ligne);
  suivre(indicateurs);
  return ligne;
}

function ajouterPilote(cle, nom) {
  const ligne = modele("[data-modele-pilote]", { cle, nom });
  document.querySelector("[data-personnes] [data-liste]").append(ligne);
  document.querySelector(`#n-pilote option[value="${CSS.escape(cle)}"]`)?.remove();
  return ligne;
}

// A row that exists on the server, or on this computer, and not yet on the page.
export function ajouter(champ, valeur) {
  const [famille, cle, ...reste] = champ.split(".");
  if (famille === "cout") remplirLigne(champ, valeur);
  else if (famille === "part") ajouterPart(Number(cle), Number(reste[0]) || "", Number(reste[1]) || "");
  else if (famille === "indicateur") ajouterIndicateur(cle);
  else if (famille === "pilote") {
    const nom = document.querySelector(`#n-pilote option[value="${CSS.escape(cle)}"]`)?.textContent;
    if (nom) ajouterPilote(cle, nom);
  }
  if (element(champ)) {
    poserBase(champ, valeur);
    ecrire(champ, valeur, true);
  }
}

// Numbers given to the indicators just created replace the keys they were typed under.
export function numeroter(nouveaux) {
  for (const [cle, pk] of Object.entries(nouveaux)) {
    const ligne = indicateurs.querySelector(`[data-indicateur="${CSS.escape(cle)}"]`);
    if (!ligne) continue;
    ligne.dataset.indicateur = pk;
    for (const el of ligne.querySelectorAll("[name]")) el.name = el.name.replace(`indicateur.${cle}.`, `indicateur.${pk}.`);
    suivreCles((champ) => champ.replace(`indicateur.${cle}.`, `indicateur.${pk}.`));
  }
}

export function suivreRenommages(resultats) {
  for (const { champ, statut, valeur } of resultats) {
    if (champ.startsWith("ligne.") && statut === "enregistre") renommer(champ, valeur);
  }
}

brancher(parts);
brancher(indicateurs);

// Typed in one side, the other side is derived; two sides already written, as on paper, are left alone.
parts.addEventListener(
  "change",
  (event) => {
    const trouve = event.target.name?.match(/^(part\..*)\.(taux|montant)$/);
    if (!trouve || !event.target.value.trim()) return;
    const autre = `${trouve[1]}.${trouve[2] === "taux" ? "montant" : "taux"}`;
    const deux = event.target.parentElement.querySelector('[name^="avant|"]').value && lire(autre);
    if (deux || !lire(autre)) return;
    event.stopPropagation(); // both sides are one gesture, undone together
    ecrire(autre, "");
    valider([event.target, element(autre)]);
  },
  true,
);

document.querySelector("[data-ajouter-part]").addEventListener("click", async () => {
  const choix = document.getElementById("p-financeur");
  const autre = document.getElementById("p-autre");
  const place = document.querySelector("[data-retour-part]");
  place.textContent = "";
  if (autre.value.trim()) {
    try {
      const reponse = await demander(adresses.financeur, new URLSearchParams({ nom: autre.value }));
      const donnees = await reponse.json();
      if (!reponse.ok) throw new Echec("refus", donnees.message);
      if (!choix.querySelector(`option[value="${donnees.cle}"]`)) choix.append(new Option(donnees.nom, donnees.cle));
      choix.value = donnees.cle;
    } catch (erreur) {
      place.innerHTML = "";
      place.append(Object.assign(document.createElement("p"), { className: "invalid-feedback", textContent: erreur.nature === "refus" ? erreur.message : "Ce financeur n’a pas pu être ajouté. Réessayez." }));
      autre.focus();
      return;
    }
  }
  if (!choix.value) {
    place.append(Object.assign(document.createElement("p"), { className: "invalid-feedback", textContent: "Choisissez un financeur, ou écrivez le nom d’une autre organisation." }));
    choix.focus();
    return;
  }
  const ligne = ajouterPart(Number(choix.value), document.getElementById("p-nature").value, document.getElementById("p-annee").value);
  choix.value = "";
  autre.value = "";
  ligne.querySelector("td input").focus();
});

document.querySelector("[data-ajouter-indicateur]").addEventListener("click", () => {
  numero += 1;
  ajouterIndicateur(`n${Date.now().toString(36)}${numero}`).querySelector("input").focus();
});

document.querySelector("[data-ajouter-pilote]")?.addEventListener("change", (event) => {
  const { value, selectedOptions } = event.target;
  if (!value) return;
  const ligne = ajouterPilote(value, selectedOptions[0].textContent);
  const case_ = ligne.querySelector("input[type=checkbox]");
  case_.checked = true;
  noter(case_.name);
  event.target.value = "";
  envoyer();
});

