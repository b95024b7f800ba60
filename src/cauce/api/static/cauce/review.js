// Lets a person draw the boxes that are to be blanked over the picture; the text field beneath stays the truth.
"use strict";

(() => {
  const picture = document.getElementById("picture");
  const field = document.getElementById("boxes");
  if (!picture || !field) return;

  const columns = Number(picture.dataset.columns);
  const rows = Number(picture.dataset.rows);
  const LEAST_PX = 3;
  let drawn = null;
  let from = null;

  const read = () =>
    field.value
      .split("\n")
      .map((line) => line.trim().split(/[\s,]+/).map(Number))
      .filter((box) => box.length === 4 && box.every(Number.isInteger));

  function place(element, [x, y, width, height]) {
    element.style.left = `${(100 * x) / columns}%`;
    element.style.top = `${(100 * y) / rows}%`;
    element.style.width = `${(100 * width) / columns}%`;
    element.style.height = `${(100 * height) / rows}%`;
  }

  function add(className) {
    const element = document.createElement("span");
    element.className = className;
    picture.append(element);
    return element;
  }

  function show() {
    for (const old of picture.querySelectorAll(".review-box")) old.remove();
    for (const box of read()) place(add("review-box"), box);
  }

  function point(event) {
    const frame = picture.getBoundingClientRect();
    const within = (value, most) => Math.min(Math.max(value, 0), most);
    return [
      within(((event.clientX - frame.left) / frame.width) * columns, columns),
      within(((event.clientY - frame.top) / frame.height) * rows, rows),
    ];
  }

  function between([ax, ay], [bx, by]) {
    const [x, y] = [Math.floor(Math.min(ax, bx)), Math.floor(Math.min(ay, by))];
    return [x, y, Math.ceil(Math.max(ax, bx)) - x, Math.ceil(Math.max(ay, by)) - y];
  }

  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    picture.setPointerCapture(event.pointerId);
    from = point(event);
    drawn = add("review-box is-drawn");
  });
  picture.addEventListener("pointermove", (event) => {
    if (from) place(drawn, between(from, point(event)));
  });
  picture.addEventListener("pointerup", (event) => {
    if (!from) return;
    const box = between(from, point(event));
    from = null;
    drawn.remove();
    if (box[2] >= LEAST_PX && box[3] >= LEAST_PX) {
      field.value = [field.value.trim(), box.join(" ")].filter(Boolean).join("\n");
    }
    show();
  });
  picture.addEventListener("pointercancel", () => {
    if (drawn) drawn.remove();
    from = null;
  });
  field.addEventListener("input", show);
  picture.classList.add("is-live");
  show();
})();
