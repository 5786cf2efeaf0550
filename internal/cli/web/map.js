"use strict";
// Tables can be sorted and searched. What is chosen stands behind the #, so
// that a link keeps it: #sort=MAC+address&desc=1&find=printer
const compare = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;
const chosen = new URLSearchParams(location.hash.slice(1));
const key = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.key ?? cell.textContent.trim();
};
function sort(table, column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => {
    const x = key(a, column), y = key(b, column);
    if (x === "" || y === "") return (x === "") - (y === "");
    return (descending ? -1 : 1) * compare(x, y);
  });
  body.append(...rows);
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    if (i === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}
function find(table, tools, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  tools.querySelector("output").textContent = wanted.length ? shown + " of " + table.tBodies[0].rows.length : "";
}
function remember(name, value) {
  if (value) chosen.set(name, value);
  else chosen.delete(name);
  history.replaceState(null, "", "#" + chosen);
}
for (const table of document.querySelectorAll("table")) {
  const tools = table.previousElementSibling, input = tools.querySelector("input");
  tools.hidden = false;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const name = head.textContent, button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      sort(table, column, descending);
      remember("sort", name);
      remember("desc", descending ? "1" : "");
    });
    head.replaceChildren(button);
    if (chosen.get("sort") === name) sort(table, column, chosen.has("desc"));
  });
  input.addEventListener("input", () => {
    find(table, tools, input.value);
    remember("find", input.value);
  });
  input.value = chosen.get("find") ?? "";
  if (input.value) find(table, tools, input.value);
}
document.addEventListener("click", (event) => {
  const row = document.getElementById(event.target.dataset.row ?? "");
  if (!row) return;
  document.querySelectorAll(".shown").forEach((other) => other.classList.remove("shown"));
  row.hidden = false;
  row.classList.add("shown");
  row.scrollIntoView({ block: "center" });
});
