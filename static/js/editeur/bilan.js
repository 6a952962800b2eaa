// Filling a bilan: the grid, the fields and the saving of the fiches, without what only a fiche has.
import "./connexion.js";
import "./texte.js";
import "./grille.js";
import { montrer } from "./calcul.js";
import { avant, formulaire } from "./fiche.js";
import { connaitre, dire, envoyer, noter, reprendreMemoire, surReponse, synchroniser } from "./enregistrement.js";

surReponse((donnees) => {
  montrer(donnees);
  if (donnees.contenu) synchroniser(donnees.contenu, () => {});
  connaitre(donnees.version);
});

const dansUneGrille = (el) => el.closest("[data-grille]");
const suivi = (el) => el.matches?.('[form="formulaire"]') && avant(el.name);

document.addEventListener("input", (event) => {
  if (suivi(event.target) && !dansUneGrille(event.target)) noter(event.target.name);
});
document.addEventListener("change", (event) => {
  if (suivi(event.target) && !dansUneGrille(event.target)) {
    noter(event.target.name);
    envoyer();
  }
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    if (suivi(document.activeElement)) noter(document.activeElement.name);
    envoyer();
  }
});
formulaire.addEventListener("submit", (event) => {
  event.preventDefault();
  envoyer();
});

// Forms of the page that leave it take along what is still being typed.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form === formulaire || !form.matches("[data-apres-saisie]")) return;
  event.preventDefault();
  document.activeElement?.blur?.();
  if (await envoyer()) form.submit();
  else dire();
});

reprendreMemoire(() => {});
dire();
document.documentElement.dataset.editeur = "pret";
