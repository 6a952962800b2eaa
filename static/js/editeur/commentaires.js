// Comments: quoting what is selected, anchoring to a cell, naming a colleague, and marking as read what was seen.
import { demander } from "./envoi.js";
import { adresses, nommer } from "./fiche.js";

let derniere = null; // the field the person was in before opening the form

document.addEventListener("focusin", (event) => {
  if (event.target.matches('[form="formulaire"]')) derniere = event.target;
});

function preparer(details) {
  const formulaire = details.querySelector("form");
  const section = details.closest("section");
  const repere = formulaire.querySelector("[data-repere]");
  const el = derniere && section?.contains(derniere) ? derniere : null;
  const cellule = el?.matches('[name^="cout."]');
  formulaire.elements.champ.value = cellule ? el.name : "";
  formulaire.elements.repere.value = cellule ? nommer(el) : "";
  formulaire.elements.extrait.value = el?.tagName === "TEXTAREA" ? el.value.slice(el.selectionStart, el.selectionEnd).slice(0, 300) : "";
  const cite = formulaire.elements.repere.value || (formulaire.elements.extrait.value && `« ${formulaire.elements.extrait.value} »`);
  repere.textContent = cite ? `À propos de : ${cite}` : "";
  repere.hidden = !cite;
}

document.addEventListener(
  "toggle",
  (event) => {
    if (!event.target.matches?.("details.commenter") || !event.target.open) return;
    preparer(event.target);
    event.target.querySelector("textarea").focus();
  },
  true,
);

// From a cell, Ctrl+Alt+C opens the comment of that cell.
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey && event.altKey && event.key.toLowerCase() === "c")) return;
  const details = document.activeElement?.closest("section")?.querySelector("details.commenter");
  if (!details) return;
  event.preventDefault();
  details.open = false;
  details.open = true;
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-citer]") || !event.target.value) return;
  const zone = event.target.closest("form").elements.texte;
  zone.value = `${zone.value}${zone.value && !zone.value.endsWith(" ") ? " " : ""}${event.target.value} `;
  event.target.value = "";
  zone.focus();
});

// htmx leaves refusals aside by default; ours come with the form to show again.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 422) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

if (document.querySelector(".commentaire.nouveau")) {
  const vus = new IntersectionObserver((entrees) => {
    if (!entrees.some((e) => e.isIntersecting)) return;
    vus.disconnect();
    demander(adresses.lus, new URLSearchParams()).catch(() => {});
  });
  document.querySelectorAll(".commentaire.nouveau").forEach((el) => vus.observe(el));
}
