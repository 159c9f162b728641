// Connect the page's fixed elements, and draw.

function start() {
  restore();
  at("undo").addEventListener("click", undo);
  at("export").addEventListener("click", exportPatch);
  at("load").addEventListener("change", loadPatch);
  at("name").addEventListener("change", store);
  at("name").addEventListener("keydown", (event) => {
    if (event.key === "Enter") focusOn(openAfter([]));
  });
  at("accept-sure").addEventListener("click", acceptSure);
  at("keep-rest").addEventListener("submit", keepRest);
  at("cards").addEventListener("keydown", onKey);
  at("more").addEventListener("click", () => {
    view.cards += CARDS;
    draw();
  });
  for (const id of ["find", "show"]) {
    at(id).addEventListener("input", () => {
      view.cards = CARDS;
      draw();
    });
  }
  addEventListener("beforeunload", (event) => {
    if (!isStored && choices.size) event.preventDefault();
  });
  store();
  draw();
}

start();
