// The form of the fiche as the other modules see it: fields by key, their value, the value the server holds.
export const racine = document.querySelector("[data-editeur]");
export const formulaire = document.getElementById("formulaire");
export const adresses = racine.dataset;

// Line ends, and spaces that browsers and keyboards change, do not count when two values are compared.
const LIBRES = new Set(["titre", "titre_court", "objet", "presentation", "constat", "objectifs", "contenus", "methode", "cible",
  "fait", "difficultes", "proposition", "explication", "recit", "perspectives", "maitrise_ouvrage", "cout_texte", "cofinancement_texte", "calendrier", "partenariats_techniques", "evaluation"]);

export function normaliser(champ, valeur) {
  const texte = valeur.replace(/\r\n?/g, "\n").trim();
  return LIBRES.has(champ.split(".", 1)[0]) ? texte : texte.replace(/[\s\u00a0\u202f]+/g, " ");
}

export function element(champ) {
  return document.querySelector(`[name="${CSS.escape(champ)}"][form="formulaire"]`);
}

export function avant(champ) {
  return document.querySelector(`[name="${CSS.escape("avant|" + champ)}"]`);
}

export function lire(champ) {
  const el = element(champ);
  if (!el) return "";
  return el.type === "checkbox" ? (el.checked ? "oui" : "") : el.value;
}

// `recu`: the value comes from the server, nobody here typed it.
export function ecrire(champ, valeur, recu = false) {
  const el = element(champ);
  if (!el) return;
  if (el.type === "checkbox") el.checked = Boolean(valeur);
  else if (el.value !== valeur) el.value = valeur;
  if (recu) el.dispatchEvent(new CustomEvent("recu", { bubbles: true }));
}

export function base(champ) {
  return avant(champ)?.value ?? "";
}

export function poserBase(champ, valeur) {
  const el = avant(champ);
  if (el) el.value = valeur;
}

export function estChange(champ) {
  return normaliser(champ, lire(champ)) !== normaliser(champ, base(champ));
}

// Every followed field of the page, in its order.
export function champs(prefixe = "") {
  return [...document.querySelectorAll('[form="formulaire"][name^="avant|"]')]
    .map((el) => el.name.slice("avant|".length))
    .filter((champ) => champ.startsWith(prefixe));
}

// The place where what became of a field is told.
export function retour(champ) {
  const el = element(champ);
  return el?.parentElement.querySelector("[data-retour]") ?? null;
}

// The field in words, as a label or an aria-label says it.
export function nommer(el) {
  return el.labels?.[0]?.textContent.trim() || el.getAttribute("aria-label") || "";
}

export function jeton() {
  return formulaire.querySelector("[name=csrfmiddlewaretoken]").value;
}

export function poserJeton(valeur) {
  for (const el of document.querySelectorAll("[name=csrfmiddlewaretoken]")) el.value = valeur;
}
