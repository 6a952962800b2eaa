// Light texts: buttons and Ctrl+B, lists that go on, a paste from Word that keeps paragraphs, lists, bold and headings.
import { demander } from "./envoi.js";
import { adresses } from "./fiche.js";

// By the browser's own insertion, so that its undo knows it.
function inserer(zone, texte) {
  zone.focus();
  if (!document.execCommand("insertText", false, texte)) zone.setRangeText(texte, zone.selectionStart, zone.selectionEnd, "end");
  zone.dispatchEvent(new Event("input", { bubbles: true }));
}

function lignesChoisies(zone) {
  const debut = zone.value.lastIndexOf("\n", zone.selectionStart - 1) + 1;
  const apres = zone.value.indexOf("\n", zone.selectionEnd);
  zone.setSelectionRange(debut, apres < 0 ? zone.value.length : apres);
  return zone.value.slice(zone.selectionStart, zone.selectionEnd);
}

const OUTILS = {
  gras(zone) {
    const choisi = zone.value.slice(zone.selectionStart, zone.selectionEnd);
    const debut = zone.selectionStart;
    if (/^\*\*[^]*\*\*$/.test(choisi)) return inserer(zone, choisi.slice(2, -2));
    inserer(zone, `**${choisi || "texte"}**`);
    return zone.setSelectionRange(debut + 2, debut + 2 + (choisi || "texte").length);
  },
  liste(zone) {
    const lignes = lignesChoisies(zone).split("\n");
    const deja = lignes.every((l) => l.startsWith("- "));
    inserer(zone, lignes.map((l) => (deja ? l.slice(2) : `- ${l}`)).join("\n"));
  },
  titre(zone) {
    const lignes = lignesChoisies(zone).split("\n");
    inserer(zone, lignes.map((l) => (l.startsWith("### ") ? l.slice(4) : `### ${l}`)).join("\n"));
  },
  async apercu(zone, bouton) {
    const vue = zone.parentElement.querySelector("[data-apercu]");
    const montre = bouton.getAttribute("aria-pressed") !== "true";
    if (montre) {
      try {
        const reponse = await demander(adresses.apercu, new URLSearchParams({ texte: zone.value }));
        vue.innerHTML = (await reponse.text()) || "<p>Rien n’est écrit.</p>";
      } catch {
        vue.textContent = "L’aperçu revient avec la connexion.";
      }
    }
    bouton.setAttribute("aria-pressed", String(montre));
    vue.hidden = !montre;
    zone.hidden = montre;
    if (!montre) zone.focus();
  },
};

document.addEventListener("click", (event) => {
  const bouton = event.target.closest("[data-outil]");
  if (!bouton) return;
  const zone = bouton.closest("[data-champ]").querySelector("textarea");
  if (bouton.dataset.outil !== "apercu" && zone.hidden) OUTILS.apercu(zone, bouton.parentElement.querySelector('[data-outil="apercu"]'));
  OUTILS[bouton.dataset.outil](zone, bouton);
});

document.addEventListener("keydown", (event) => {
  const zone = event.target;
  if (!zone.matches?.("textarea[data-texte]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "b") {
    event.preventDefault();
    OUTILS.gras(zone);
  } else if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && zone.selectionStart === zone.selectionEnd) {
    const ligne = zone.value.slice(zone.value.lastIndexOf("\n", zone.selectionStart - 1) + 1, zone.selectionStart);
    const puce = ligne.match(/^(\s*)(- |(\d+)\. )/);
    if (!puce) return;
    event.preventDefault();
    if (ligne === puce[0]) {
      zone.setSelectionRange(zone.selectionStart - ligne.length, zone.selectionStart);
      inserer(zone, "\n");
    } else inserer(zone, `\n${puce[1]}${puce[3] ? `${Number(puce[3]) + 1}. ` : "- "}`);
  }
});

// --- From Word, LibreOffice or a web page --------------------------------------------------------------------------
export function alleger(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const texte = bloc(page.body).replace(/[ \t]+\n/g, "\n").replace(/\n{3,}/g, "\n\n").trim();
  return texte;
}

function bloc(noeud) {
  let sortie = "";
  for (const enfant of noeud.childNodes) {
    if (enfant.nodeType === Node.TEXT_NODE) {
      sortie += enfant.data.replace(/\s+/g, " ");
      continue;
    }
    if (enfant.nodeType !== Node.ELEMENT_NODE) continue;
    const nom = enfant.tagName.toLowerCase();
    if (["style", "script", "meta", "link", "title", "head"].includes(nom)) continue;
    if (nom === "br") sortie += "\n";
    else if (/^h[1-6]$/.test(nom)) sortie += `\n\n### ${bloc(enfant).trim()}\n\n`;
    else if (nom === "li") {
      const numero = enfant.parentElement?.tagName === "OL" ? `${[...enfant.parentElement.children].indexOf(enfant) + 1}. ` : "- ";
      sortie += `\n${numero}${bloc(enfant).trim()}`;
    } else if (nom === "ul" || nom === "ol") sortie += `\n${bloc(enfant)}\n\n`;
    else if (nom === "p" || nom === "div" || nom === "tr") {
      // Word writes its lists as paragraphs that begin with a bullet.
      const contenu = bloc(enfant).trim().replace(/^[·•▪◦o§–-]\s*(?:\u00a0|\s)+/, "- ");
      sortie += contenu.startsWith("- ") ? `\n${contenu}` : `\n\n${contenu}\n\n`;
    } else if ((nom === "b" || nom === "strong") && enfant.style.fontWeight !== "normal" && enfant.textContent.trim()) {
      const dedans = bloc(enfant);
      sortie += `${dedans.match(/^\s*/)[0]}**${dedans.trim()}**${dedans.match(/\s*$/)[0]}`;
    } else if (nom === "td" || nom === "th") sortie += `${bloc(enfant).trim()} `;
    else sortie += bloc(enfant);
  }
  return sortie;
}

document.addEventListener("paste", (event) => {
  const zone = event.target;
  if (!zone.matches?.("textarea[data-texte]")) return;
  const html = event.clipboardData.getData("text/html");
  if (!/<(p|li|h[1-6]|b|strong|br)\b/i.test(html)) return;
  event.preventDefault();
  inserer(zone, alleger(html));
});
