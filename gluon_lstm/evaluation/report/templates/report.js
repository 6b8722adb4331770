// Sorts a table by the column whose heading is pressed; undefined values stay last.
"use strict";
for (const heading of document.querySelectorAll("th")) {
  heading.querySelector("button").addEventListener("click", () => sortBy(heading));
}
function sortBy(heading) {
  const place = heading.cellIndex;
  const body = heading.closest("table").tBodies[0];
  const isNumber = heading.classList.contains("number");
  const rising = heading.getAttribute("aria-sort") !== "ascending";
  const order = (a, b) => {
    const [first, second] = [a.cells[place], b.cells[place]];
    if (!isNumber) return (rising ? 1 : -1) * first.textContent.localeCompare(second.textContent, undefined, { numeric: true });
    const values = [first, second].map((cell) => cell.dataset.value);
    if (values.includes(undefined)) return (values[0] === undefined) - (values[1] === undefined);
    return (rising ? 1 : -1) * (Number(values[0]) - Number(values[1]));
  };
  const rows = [...body.rows].sort(order);
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
  body.append(...rows);
}
