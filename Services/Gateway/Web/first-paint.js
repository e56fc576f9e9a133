// Runs before the first paint: a script of its own, not a module, so that the page never flashes.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("martlet.theme");
  } catch {
    // Without storage the system's choice holds.
  }
  const system = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  document.documentElement.dataset.theme = theme ?? system;
  document.documentElement.classList.toggle("bare", location.pathname.startsWith("/embed/"));
})();
