// What is typed and not yet saved, kept on this computer: it survives a lost connection, an expired session, a closed page.
import { adresses } from "./fiche.js";

const cle = `trait-d-union:${adresses.utilisateur}:${adresses.fiche}`;

export function garder(attente) {
  try {
    if (attente.size) localStorage.setItem(cle, JSON.stringify([...attente]));
    else localStorage.removeItem(cle);
  } catch {
    // A full or forbidden storage takes nothing away from the saving itself.
  }
}

export function retrouver() {
  try {
    const donnees = JSON.parse(localStorage.getItem(cle) ?? "[]");
    return new Map(donnees.filter(([champ, m]) => typeof champ === "string" && typeof m?.apres === "string"));
  } catch {
    return new Map();
  }
}
