// The editor of one fiche: plugs the pieces together.
import { accueillir } from "./presence.js";
import "./commentaires.js";
import "./connexion.js";
import "./texte.js";
import { avant, formulaire, lire } from "./fiche.js";
import { dire, envoyer, noter, reprendreMemoire, surReponse } from "./enregistrement.js";
import { ajouter, numeroter, suivreRenommages } from "./parts.js";

surReponse((donnees) => {
  suivreRenommages(donnees.resultats);
  numeroter(donnees.nouveaux);
  accueillir(donnees);
  const titre = document.querySelector("[data-titre]");
  if (titre) titre.textContent = lire("titre") || titre.textContent;
});

const dansUneGrille = (el) => el.closest("[data-grille], [data-parts], [data-indicateurs]");
const suivi = (el) => el.matches?.('[form="formulaire"]') && !("sansSuivi" in el.dataset) && avant(el.name);

document.addEventListener("input", (event) => {
  const el = event.target;
  if (suivi(el) && !dansUneGrille(el)) noter(el.name);
});
document.addEventListener("change", (event) => {
  const el = event.target;
  if (suivi(el) && !dansUneGrille(el)) {
    noter(el.name);
    envoyer();
  }
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    const el = document.activeElement;
    if (el && suivi(el)) noter(el.name);
    envoyer();
  }
});

// Enter in a one-line field saves it; the form itself never leaves the page.
formulaire.addEventListener("submit", (event) => {
  event.preventDefault();
  envoyer();
});

// A link to a heading leads to the first field that waits there.
document.addEventListener("click", (event) => {
  const section = event.target.closest("[data-rubriques] a")?.hash;
  if (!section) return;
  const champs = [...document.querySelectorAll(`${section} [form="formulaire"]:not([type=hidden], [type=checkbox], [data-sans-suivi])`)];
  const but = champs.find((el) => !el.value) ?? champs[0];
  setTimeout(() => but?.focus({ preventScroll: true }), 0);
});

// A change of state takes along what is still being typed.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-passage]")) return;
  event.preventDefault();
  document.activeElement?.blur?.();
  if (await envoyer()) form.submit(); // without a second event: this one is still being heard
  else dire();
});

reprendreMemoire(ajouter);
dire();
document.documentElement.dataset.editeur = "pret";
