"use strict";
// Comfort only: everything can be read without this.
(() => {
  const button = (label, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", () => act(made));
    return made;
  };
  const setAll = (root, open) => root.querySelectorAll("details").forEach((one) => { one.open = open; });
  for (const place of document.querySelectorAll("[data-foldable]")) {
    const root = place.closest("section");
    place.append(button("Open all", () => setAll(root, true)), button("Close all", () => setAll(root, false)));
  }
  if (navigator.clipboard) {
    for (const text of document.querySelectorAll("pre")) {
      const copy = button("Copy", async (made) => {
        try {
          await navigator.clipboard.writeText(text.textContent);
          made.textContent = "Copied";
        } catch {
          made.textContent = "Not allowed";
        }
        setTimeout(() => { made.textContent = "Copy"; }, 1500);
      });
      copy.className = "copy";
      text.parentElement.append(copy);
    }
  }
  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details");
    if (fold) fold.open = true;
  };
  addEventListener("hashchange", openTarget);
  addEventListener("beforeprint", () => setAll(document, true));
  openTarget();
})();
