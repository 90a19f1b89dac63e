// Sorting of tables and filtering of the gallery. Without it, pages show the same content.
(() => {
  "use strict";

  const DATE = /^\d{4}-\d{2}(-\d{2})?/;
  const CLOCK = /^(-?)(\d+):(\d{2})\b/;
  const NUMBER = /^([-−]?)\s*[<>]?\s*(?:[A-Z]{3}\s|[$€£¥])?\s*([-−]?)((?:\d[\d,]*)(?:\.\d+)?(?:e[-+]?\d+)?)\s*([kMB](?![a-z]))?/i;
  const SCALE = { k: 1e3, m: 1e6, b: 1e9 };
  const MISSING = new Set(["", "n/a", "–", "—", "not set", "nan"]);

  // What a cell says, without the smaller line below it and without signs.
  function words(cell) {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("small, .mark, .bar, .swatch").forEach((part) => part.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  function valueOf(cell) {
    if (!cell) return null;
    if (cell.dataset.value !== undefined) {
      return cell.dataset.value === "" ? null : Number(cell.dataset.value);
    }
    const said = words(cell);
    if (MISSING.has(said.toLowerCase())) return null;
    if (DATE.test(said)) return said;
    const clock = CLOCK.exec(said);
    if (clock) return (clock[1] ? -1 : 1) * (60 * clock[2] + Number(clock[3]));
    const found = NUMBER.exec(said);
    if (!found) return said;
    const size = Number(found[3].replaceAll(",", "")) * (SCALE[(found[4] || "").toLowerCase()] || 1);
    return found[1] || found[2] ? -size : size;
  }

  // A column is of numbers where every cell that holds something does; else of text.
  function keysOf(rows, column) {
    const keys = rows.map((row) => valueOf(row.cells[column]));
    if (keys.every((key) => key === null || typeof key === "number")) return keys;
    return rows.map((row, i) => (keys[i] === null ? null : words(row.cells[column])));
  }

  function compare(a, b) {
    if (typeof a === "number") return a - b;
    return a.localeCompare(b, "en", { numeric: true, sensitivity: "base" });
  }

  // Rows stay below the row that heads their group.
  function groupsOf(body) {
    const groups = [[]];
    for (const row of body.rows) {
      if (row.cells.length === 1 && row.cells[0].colSpan > 1) groups.push([row], []);
      else groups[groups.length - 1].push(row);
    }
    return groups.filter((group) => group.length);
  }

  function makeSortable(table) {
    const head = table.tHead && table.tHead.rows.length === 1 ? table.tHead.rows[0] : null;
    const body = table.tBodies.length === 1 ? table.tBodies[0] : null;
    if (!head || !body) return;
    const original = groupsOf(body);
    const rows = original.flat();
    const spanned = [...head.cells, ...rows.flatMap((row) => [...row.cells])]
      .some((cell) => cell.rowSpan > 1);
    const full = rows.filter((row) => row.cells.length === head.cells.length);
    if (spanned || full.length < 3) return;

    [...head.cells].forEach((th, column) => {
      if (th.dataset.sort === "no" || !th.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...th.childNodes);
      th.append(button);
      button.addEventListener("click", () => {
        const before = th.getAttribute("aria-sort");
        const numeric = keysOf(full, column).some((key) => typeof key === "number");
        // Numbers from the largest, text from A; then the other way; then as it was.
        const order = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
        const next = order[before ? order.indexOf(before) + 1 : 0];
        for (const other of head.cells) other.removeAttribute("aria-sort");
        if (next) th.setAttribute("aria-sort", next);
        for (const group of original) {
          const keys = keysOf(group, column);
          const places = [...group.keys()];
          const sign = next === "descending" ? -1 : 1;
          if (next) {
            places.sort((i, j) => {
              if (keys[i] === null || keys[j] === null) return (keys[i] === null) - (keys[j] === null);
              return sign * compare(keys[i], keys[j]);
            });
          }
          body.append(...places.map((i) => group[i]));
        }
      });
    });
  }

  function makeFilter(form) {
    const table = document.getElementById(form.dataset.table);
    const rows = [...table.tBodies[0].rows];
    const shown = form.querySelector("output");
    const field = (name) => form.elements[name].value.trim();
    const metrics = [...table.tHead.rows[0].cells];

    function passes(row) {
      if (field("report") && row.dataset.report !== field("report")) return false;
      if (field("status") && row.dataset.status !== field("status")) return false;
      const day = row.dataset.day;
      if (field("from") && !(day >= field("from"))) return false;
      if (field("to") && !(day && day <= field("to"))) return false;
      const low = field("low"), high = field("high");
      if (low === "" && high === "") return true;
      const column = metrics.findIndex((th) => th.dataset.metric === field("metric"));
      const value = valueOf(row.cells[column]);
      return value !== null && (low === "" || value >= Number(low)) && (high === "" || value <= Number(high));
    }

    function apply() {
      const seen = rows.filter((row) => !(row.hidden = !passes(row)));
      shown.textContent = `${seen.length} of ${rows.length} runs`;
    }
    form.addEventListener("input", apply);
    form.addEventListener("reset", () => setTimeout(apply));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();
  }

  document.querySelectorAll("table").forEach(makeSortable);
  document.querySelectorAll("form.filters").forEach(makeFilter);
})();
