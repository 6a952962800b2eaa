// Saving field by field: what changed waits a moment, leaves, and is told saved or not in one sentence.
import { Echec, demander } from "./envoi.js";
import { adresses, avant, base, champs, ecrire, element, estChange, lire, nommer, normaliser, poserBase, racine, retour } from "./fiche.js";
import { garder, retrouver } from "./memoire.js";

const PAUSE = 700;
const REPRISES = [2000, 5000, 10000, 20000];
const attente = new Map(); // field -> { avant, apres }: typed, not saved
const bloques = new Map(); // field -> why it waits for the person (refus, question, conflit) and the value refused
const ecouteurs = [];
let minuteur = null;
let enCours = null;
let essais = 0;
let depuis = "";
let dernier = "";
let gele = "";
let version = adresses.version;

export const etat = { connexion: null }; // set by connexion.js: asks to sign in again

export function surReponse(ecouteur) {
  ecouteurs.push(ecouteur);
}

export function connaitre(nouvelle) {
  version = nouvelle;
}

export function versionConnue() {
  return version;
}

export function enAttente(champ) {
  return attente.has(champ) || bloques.has(champ);
}

// A field changed under the hand. `plusTard` keeps it on this computer without sending it yet (a cell being typed).
export function noter(champ, plusTard = false) {
  if (!avant(champ)) return;
  const bloc = bloques.get(champ);
  if (bloc?.nature === "conflit") {
    // Two versions are on the page: what is assembled in the field waits for the choice.
    attente.set(champ, { ...attente.get(champ), apres: lire(champ) });
    garder(attente);
    return;
  }
  if (bloc) {
    if (bloc.valeur === lire(champ)) return; // left as it was refused: the answer is still awaited
    bloques.delete(champ);
  }
  if (estChange(champ)) attente.set(champ, { avant: base(champ), apres: lire(champ) });
  else attente.delete(champ);
  garder(attente);
  dire();
  if (!plusTard) programmer(PAUSE);
}

// A row received another key (a renamed row, a numbered indicator): what waits under the old one follows.
export function renommerCles(renommer) {
  for (const carte of [attente, bloques]) {
    for (const [champ, valeur] of [...carte]) {
      const nouveau = renommer(champ);
      if (nouveau === champ) continue;
      carte.delete(champ);
      carte.set(nouveau, valeur);
    }
  }
  garder(attente);
}

export function programmer(delai) {
  clearTimeout(minuteur);
  minuteur = setTimeout(() => envoyer(), delai);
}

// Send now all that waits. Resolves when the answer came; false when something remains unsaved.
export async function envoyer() {
  clearTimeout(minuteur);
  if (enCours) {
    await enCours;
    if (!aEnvoyer().length) return !attente.size;
  }
  const lot = aEnvoyer();
  if (!lot.length || gele) return !attente.size;
  enCours = expedier(lot);
  dire();
  const fait = await enCours;
  enCours = null;
  dire();
  if (fait && aEnvoyer().some((m) => element(m.champ) !== document.activeElement)) programmer(PAUSE);
  return fait && !attente.size;
}

function aEnvoyer() {
  return [...attente].filter(([champ]) => !bloques.has(champ)).map(([champ, m]) => ({ champ, ...m }));
}

async function expedier(modifications) {
  try {
    const reponse = await demander(adresses.enregistrer, { modifications, version });
    const donnees = await reponse.json();
    essais = 0;
    depuis = "";
    dernier = donnees.heure;
    donnees.resultats.forEach((resultat, rang) => recevoir(resultat, modifications[rang]));
    garder(attente);
    version = donnees.version;
    for (const ecouteur of ecouteurs) ecouteur(donnees);
    return true;
  } catch (erreur) {
    if (!(erreur instanceof Echec)) throw erreur;
    echouer(erreur);
    return false;
  }
}

function recevoir(resultat, { avant: parti, apres: envoye }) {
  const { champ, statut, valeur } = resultat;
  const place = retour(champ);
  const el = element(champ);
  if (!el) {
    attente.delete(champ); // its row left the page meanwhile
    return;
  }
  const encore = normaliser(champ, lire(champ)) !== normaliser(champ, envoye); // typed meanwhile
  if (statut === "enregistre" || statut === "inchange") {
    poserBase(champ, valeur);
    attente.delete(champ);
    bloques.delete(champ);
    if (place) place.innerHTML = "";
    el.classList.remove("is-invalid");
    el.removeAttribute("aria-invalid");
    if (encore) attente.set(champ, { avant: valeur, apres: lire(champ) });
    else if (!(el.tagName === "TEXTAREA" && el === document.activeElement)) ecrire(champ, valeur, true);
    return;
  }
  const tranche = normaliser(champ, parti) !== normaliser(champ, base(champ)); // the person chose while this one travelled
  if (tranche || (encore && statut !== "conflit")) {
    attente.set(champ, { avant: base(champ), apres: lire(champ) });
    return;
  }
  bloques.set(champ, { nature: statut, valeur: lire(champ) });
  if (place) place.innerHTML = resultat.retour;
  el.classList.add("is-invalid");
  el.setAttribute("aria-invalid", "true");
  if (statut === "conflit" && place) place.dataset.leur = valeur;
}

function echouer(erreur) {
  depuis ||= heure();
  if (erreur.nature === "refus") {
    gele = erreur.message;
    return;
  }
  if (erreur.nature === "session") {
    etat.connexion?.();
    return;
  }
  essais += 1;
  programmer(REPRISES[Math.min(essais, REPRISES.length) - 1]);
}

// The hour as the server writes it.
function heure() {
  return new Date().toLocaleTimeString("fr-FR", { hour: "2-digit", minute: "2-digit", timeZone: "Europe/Paris" }).replace(":", " h ");
}

export function reprendre() {
  essais = 0;
  gele = "";
  return envoyer();
}

export function expirer() {
  etat.expiree = true;
  depuis ||= heure();
  dire();
}

export function geler(message) {
  gele = message;
  depuis ||= heure();
  dire();
}

// --- The sentence -----------------------------------------------------------------------------------------------
const phrase = document.querySelector("[data-etat-texte]");
const barre = document.querySelector("[data-etat-saisie]");

export function dire() {
  const [nature, texte] = composer();
  if (phrase.textContent !== texte) phrase.textContent = texte;
  barre.dataset.nature = nature;
}

function composer() {
  if (gele) return ["refus", `Non enregistré depuis ${depuis} : ${gele} Copiez votre texte pour ne pas le perdre.`];
  if (etat.expiree) return ["refus", `Session expirée depuis ${depuis}. Votre texte est gardé sur cet ordinateur ; reconnectez-vous pour l’enregistrer.`];
  if (essais || (!navigator.onLine && attente.size)) {
    return ["perdu", `Connexion perdue${depuis ? ` depuis ${depuis}` : ""}. Votre texte est gardé sur cet ordinateur et partira dès son retour.`];
  }
  if (enCours) return ["cours", "Enregistrement en cours…"];
  if (bloques.size) {
    const [[champ, { nature }]] = bloques;
    const nom = nommer(element(champ) ?? phrase);
    const suite = bloques.size > 1 ? ` et ${bloques.size - 1} autre${bloques.size > 2 ? "s" : ""}` : "";
    const quoi = nature === "conflit" ? "deux versions, choisissez" : nature === "question" ? "à préciser" : "à corriger";
    return ["bloque", `Non enregistré : « ${nom} »${suite} (${quoi}). Le reste est enregistré.`];
  }
  if (attente.size) return ["attente", "Modifications en attente d’enregistrement…"];
  return ["bon", dernier ? `Tout est enregistré. Dernière frappe à ${dernier}.` : "Tout est enregistré."];
}

// --- What the server knows and this page does not -----------------------------------------------------------------
export function synchroniser(contenu, ajouter) {
  for (const champ of champs()) {
    if (champ.startsWith("ligne.")) continue;
    const valeur = contenu[champ] ?? "";
    if (normaliser(champ, valeur) === normaliser(champ, base(champ)) || enAttente(champ)) continue;
    if (element(champ) === document.activeElement && estChange(champ)) continue;
    poserBase(champ, valeur);
    ecrire(champ, valeur, true);
    const el = element(champ);
    el?.classList.add("modifie-ailleurs");
    setTimeout(() => el?.classList.remove("modifie-ailleurs"), 6000);
  }
  for (const [champ, valeur] of Object.entries(contenu)) {
    if (valeur && !avant(champ)) ajouter(champ, valeur);
  }
}

// --- Answers of the person to a refusal -----------------------------------------------------------------------------
racine.addEventListener("click", (event) => {
  const bouton = event.target.closest("[data-garder], [data-prendre], [data-choix]");
  const place = bouton?.closest("[data-retour]");
  if (!place) return;
  event.preventDefault();
  const el = place.parentElement.querySelector('[form="formulaire"]:not([type=hidden])');
  const champ = el.name;
  bloques.delete(champ);
  el.classList.remove("is-invalid");
  el.removeAttribute("aria-invalid");
  if (bouton.dataset.choix) ecrire(champ, bouton.dataset.choix);
  else poserBase(champ, place.dataset.leur ?? base(champ)); // from now on the other's version is the one compared with
  if ("prendre" in bouton.dataset) ecrire(champ, base(champ), true);
  place.innerHTML = "";
  el.focus();
  noter(champ);
  el.dispatchEvent(new CustomEvent("tranche", { bubbles: true }));
  envoyer();
});

// --- What was left unsaved on this computer ---------------------------------------------------------------------------
export function reprendreMemoire(ajouter) {
  const gardees = retrouver();
  let nombre = 0;
  for (const [champ, modification] of gardees) {
    if (!avant(champ)) ajouter(champ, "");
    if (!avant(champ) || normaliser(champ, base(champ)) === normaliser(champ, modification.apres)) continue;
    ecrire(champ, modification.apres);
    poserBase(champ, modification.avant); // what it started from: a change made meanwhile is a conflict, not a loss
    attente.set(champ, modification);
    nombre += 1;
  }
  garder(attente);
  if (!nombre) return;
  const avis = document.querySelector("[data-retrouve]");
  avis.textContent = `${nombre} modification${nombre > 1 ? "s" : ""} non enregistrée${nombre > 1 ? "s" : ""} retrouvée${nombre > 1 ? "s" : ""} sur cet ordinateur : ${nombre > 1 ? "elles sont remises" : "elle est remise"} en place.`;
  avis.hidden = false;
  programmer(200);
}

window.addEventListener("online", () => reprendre());
window.addEventListener("offline", () => dire());
// Leaving: what waits goes at once, even what is on its way, since the browser may cut it short; twice the same changes nothing.
window.addEventListener("pagehide", () => {
  const modifications = aEnvoyer();
  if (modifications.length) demander(adresses.enregistrer, { modifications, version }, { keepalive: true }).catch(() => {});
});
window.addEventListener("beforeunload", (event) => {
  if (attente.size && (essais || gele || etat.expiree || bloques.size)) event.preventDefault();
});
