// Who else is here, and what they changed: a sign of life every ten seconds while the page is looked at.
import { Echec, demander } from "./envoi.js";
import { montrer } from "./calcul.js";
import { adresses, nommer } from "./fiche.js";
import { connaitre, etat, geler, synchroniser, versionConnue } from "./enregistrement.js";
import { ajouter } from "./parts.js";

const BATTEMENT = 10_000;
const place = document.querySelector("[data-presents]");
let champ = "";
let minuteur = null;

async function battre() {
  clearTimeout(minuteur);
  minuteur = setTimeout(battre, BATTEMENT);
  if (document.hidden) return;
  try {
    const reponse = await demander(adresses.presence, { champ, version: versionConnue() });
    accueillir(await reponse.json());
  } catch (erreur) {
    if (!(erreur instanceof Echec)) throw erreur;
    if (erreur.nature === "session") etat.connexion?.();
    if (erreur.nature === "refus") geler(erreur.message);
  }
}

export function accueillir(donnees) {
  if (donnees.presents !== undefined && place.innerHTML.trim() !== donnees.presents.trim()) place.innerHTML = donnees.presents;
  if (donnees.refus) geler(donnees.refus);
  if (donnees.contenu) {
    synchroniser(donnees.contenu, ajouter);
    connaitre(donnees.version);
  }
  if (donnees.places) montrer(donnees);
  if (donnees.rubriques) document.querySelector("[data-rubriques]").innerHTML = donnees.rubriques;
}

document.addEventListener("focusin", (event) => {
  const el = event.target;
  const nom = el.matches?.('[form="formulaire"]') ? nommer(el).slice(0, 200) : "";
  if (nom === champ) return;
  champ = nom;
  clearTimeout(minuteur);
  minuteur = setTimeout(battre, 600);
});
document.addEventListener("visibilitychange", () => !document.hidden && battre());
window.addEventListener("pagehide", () => demander(adresses.presence, { quitte: true }, { keepalive: true }).catch(() => {}));
battre();
