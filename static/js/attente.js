// Opens the document once it is ready. The page stays behind when the browser saves files rather than showing them.
document.addEventListener("htmx:afterSwap", () => {
  const lien = document.querySelector("a[data-ouvrir]:not([data-ouvert])");
  if (lien) {
    lien.dataset.ouvert = "";
    window.location.assign(lien.href);
  }
});
