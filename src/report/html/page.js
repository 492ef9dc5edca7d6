"use strict";
(function () {
  const table = document.getElementById("rows");
  if (!table) return;
  const PAGE = 50;
  const rows = Array.from(table.tBodies[0].rows);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const back = document.getElementById("back");
  const on = document.getElementById("on");
  let hits = rows;
  let first = 0;

  function show() {
    const shown = new Set(hits.slice(first, first + PAGE));
    for (const row of rows) row.hidden = !shown.has(row);
    const last = Math.min(first + PAGE, hits.length);
    found.textContent = hits.length === 0
      ? "No row has that"
      : `${first + 1} to ${last} of ${hits.length}`;
    back.disabled = first === 0;
    on.disabled = last >= hits.length;
  }

  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    hits = rows.filter((_, n) => words.every((word) => texts[n].includes(word)));
    first = 0;
    show();
  });
  back.addEventListener("click", () => { first = Math.max(0, first - PAGE); show(); });
  on.addEventListener("click", () => { first += PAGE; show(); });
  document.getElementById("tools").hidden = false;
  show();
})();
