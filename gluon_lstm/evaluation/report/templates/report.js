// Sorts a table by the column whose heading is pressed, undefined values last; shows a picture at its full size.
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
for (const button of document.querySelectorAll(".size")) {
  const picture = button.previousElementSibling;
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(picture.classList.toggle("full")));
    offer(button, picture);
  });
}
function offer(button, picture) {
  const image = picture.querySelector("img");
  button.hidden = !picture.classList.contains("full") && image.naturalWidth <= image.clientWidth + 1;
}
function offerAll() {
  for (const button of document.querySelectorAll(".size")) offer(button, button.previousElementSibling);
}
addEventListener("load", offerAll);
addEventListener("resize", offerAll);
