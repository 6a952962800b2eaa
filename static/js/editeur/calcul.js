// Totals and shares while typing: the server counts, with the code that counts everywhere.
import { demander } from "./envoi.js";
import { adresses, champs, lire } from "./fiche.js";

let minuteur = null;
let arret = null;
let annoncer = false;
const annonce = document.querySelector("[data-annonce]");

export function calculer({ aVoix = false } = {}) {
  annoncer ||= aVoix;
  clearTimeout(minuteur);
  minuteur = setTimeout(demanderCalcul, 120);
}

async function demanderCalcul() {
  arret?.abort();
  arret = new AbortController();
  const valeurs = {};
  const prefixes = (adresses.prefixes ?? "cout. part.").split(" ");
  for (const champ of prefixes.flatMap((prefixe) => champs(prefixe))) valeurs[champ] = lire(champ);
  try {
    const reponse = await demander(adresses.calcul, { champs: valeurs }, { signal: arret.signal });
    montrer(await reponse.json());
  } catch {
    // Figures come back with the connection; the saving says why they do not.
  }
}

export function montrer({ places, echos, juste }) {
  for (const el of document.querySelectorAll("[data-place]")) {
    const html = places[el.dataset.place] ?? "";
    if (el.innerHTML !== html) el.innerHTML = html;
  }
  for (const el of document.querySelectorAll("[data-echo]")) {
    const echo = echos[el.dataset.echo];
    el.textContent = echo?.texte ?? "";
    el.classList.toggle("simple", !echo || (echo.statut === "compris" && !echo.texte.includes("=")));
    el.classList.toggle("illisible", Boolean(echo) && echo.statut !== "compris");
  }
  document.querySelector("[data-solde]")?.classList.toggle("juste", juste);
  if (!annoncer) return;
  annoncer = false;
  const total = document.querySelector('tfoot [data-place="ensemble"]');
  if (total) annonce.textContent = `Total de la fiche : ${total.textContent.trim()} €. ${document.querySelector('[data-place="solde"]')?.textContent ?? ""}`;
  else annonce.textContent = document.querySelector("[data-total]")?.textContent.trim().replace(/\s+/g, " ") ?? "";
}
