// Sorting, searching, paging and download of tables. Forms are those of tables.py.
function shownText(cell, form) {
  if (cell === null) return "–";
  if (typeof cell === "string") return cell;
  const [, group, digits, kind] = /^(,?)(?:\.(\d+))?([dfeg%])$/.exec(form);
  const places = digits === undefined ? 6 : Number(digits);
  const exponential = (count) => cell.toExponential(count);
  if (kind === "e") return exponential(places);
  if (kind === "g") {
    const precision = Math.max(places, 1);
    const size = Math.abs(cell);
    if (cell === 0 || (size >= 1e-4 && size < 1e15)) return String(Number(cell.toPrecision(precision)));
    return exponential(precision - 1);
  }
  let text = (kind === "%" ? cell * 100 : cell).toFixed(kind === "d" ? 0 : places);
  if (Number(text) === 0) text = text.replace("-", "");
  if (group) {
    const [whole, part] = text.split(".");
    text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part === undefined ? "" : `.${part}`);
  }
  return kind === "%" ? `${text}%` : text;
}

function compare(left, right, numeric) {
  if (left === null || right === null) return (left === null) - (right === null);
  if (numeric) return Number(left) - Number(right);
  return left < right ? -1 : left > right ? 1 : 0;
}

function tableRow(row, columns) {
  const cells = row.map((cell, place) => {
    const [, , form, kind] = columns[place];
    return element("td", { class: kind }, shownText(cell, form));
  });
  return element("tr", {}, ...cells);
}

function startTable(figure) {
  const { columns, rows, page } = payload(figure.dataset.payload);
  const body = figure.querySelector("tbody");
  const search = figure.querySelector(".search");
  const state = { rows, first: 0, sorted: -1, descending: false };

  function draw() {
    const size = page || state.rows.length;
    const shown = state.rows.slice(state.first, state.first + size);
    body.replaceChildren(...shown.map((row) => tableRow(row, columns)));
    if (!page) return;
    const from = shown.length ? state.first + 1 : 0;
    const found = state.rows.length === rows.length ? "" : ` found among ${rows.length.toLocaleString("en")}`;
    figure.querySelector(".place").textContent =
      `${from.toLocaleString("en")}–${(state.first + shown.length).toLocaleString("en")} of ${state.rows.length.toLocaleString("en")}${found}`;
    figure.querySelector(".previous").disabled = state.first === 0;
    figure.querySelector(".next").disabled = state.first + page >= state.rows.length;
  }

  function choose() {
    const words = (search ? search.value : "").toLowerCase().split(/\s+/).filter(Boolean);
    const texts = (row) => row.map((cell, place) => shownText(cell, columns[place][2])).join("\t").toLowerCase();
    state.rows = words.length
      ? rows.filter((row) => { const text = texts(row); return words.every((word) => text.includes(word)); })
      : rows.slice();
    if (state.sorted >= 0) {
      const place = state.sorted;
      const sign = state.descending ? -1 : 1;
      // Missing values stay last in both directions.
      state.rows.sort((left, right) => {
        const missing = left[place] === null || right[place] === null;
        return (missing ? 1 : sign) * compare(left[place], right[place], columns[place][1]);
      });
    }
    state.first = 0;
    draw();
  }

  figure.querySelectorAll("th").forEach((head, place) => {
    const button = element("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      state.descending = state.sorted === place ? !state.descending : columns[place][1];
      state.sorted = place;
      figure.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      choose();
    });
  });
  if (page) {
    search.addEventListener("input", choose);
    const turn = (by) => { state.first += by; draw(); };
    figure.querySelector(".previous").addEventListener("click", () => turn(-page));
    figure.querySelector(".next").addEventListener("click", () => turn(page));
    draw();
  }
  const button = figure.querySelector(".download");
  if (button) {
    button.addEventListener("click", () =>
      download(`${figure.dataset.name}.csv`, csv([columns.map(([name]) => name), ...rows]), "text/csv"));
  }
}

document.querySelectorAll("figure.table").forEach(startTable);

document.querySelectorAll(".drawn-data").forEach((part) => {
  part.querySelector(".download").addEventListener("click", () => {
    const { columns, rows } = payload(part.dataset.rows);
    download(`${part.dataset.name}.csv`, csv([columns, ...rows]), "text/csv");
  });
});
