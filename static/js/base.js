// The menu of narrow screens. Without JavaScript the menu stays open, see complements.css.
document.documentElement.classList.add("js");
document.addEventListener("DOMContentLoaded", () => {
  const bouton = document.querySelector(".bouton-menu");
  const navigation = document.getElementById("navigation");
  bouton?.addEventListener("click", () => {
    const ouvert = bouton.getAttribute("aria-expanded") === "true";
    bouton.setAttribute("aria-expanded", String(!ouvert));
    navigation.classList.toggle("ouverte", !ouvert);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && bouton?.getAttribute("aria-expanded") === "true") {
      bouton.click();
      bouton.focus();
    }
  });
  // A form that was refused stands anywhere in the page: go to what it says.
  document.querySelector("[id^='erreurs-'][role='alert']")?.focus();
  // Tabs scroll sideways on a phone: show the current one.
  document.querySelector(".onglets [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
});
