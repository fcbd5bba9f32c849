// Matrices side by side. A cell is one pixel of a canvas that the browser stretches, so that a
// hundred thousand of them cost nothing; names and values stand in the tooltip and the download.
const LEAST_ROW = 1;
const MOST_ROW = 22;
const GRID_HEIGHT = 560;
const NAMED_ROW = 11; // pixels from which names have room
const NAMED_COLUMN = 11;
const UPRIGHT_COLUMN = 60;
const WIDEST_COLUMN = 90;
const LONGEST_NAME = 22;

const shortened = (name) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name);

// The red, green and blue of a colour of the page as it is just now, light or dark.
function channels(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/\d+/g).slice(0, 3).map(Number);
  probe.remove();
  return found;
}

function paint(canvas, cells, { low, high, centre, step }) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height);
  const [above, below] = [channels("--c1"), channels("--c2")];
  cells.forEach((cell, place) => {
    if (cell === null) return;
    const value = cell * step;
    const under = centre !== null && value < centre;
    const share = centre === null ? (value - low) / (high - low || 1) : Math.abs(value - centre) / (high - centre || 1);
    const opacity = centre === null ? 0.15 + 0.85 * share : share;
    picture.data.set([...(under ? below : above), Math.round(255 * Math.min(1, Math.max(0, opacity)))], 4 * place);
  });
  context.putImageData(picture, 0, 0);
}

function gridCell(event, canvas) {
  const bounds = canvas.getBoundingClientRect();
  const place = (at, size, count) => Math.min(count - 1, Math.max(0, Math.floor((at / size) * count)));
  const row = place(event.clientY - bounds.top, bounds.height, canvas.height);
  return row * canvas.width + place(event.clientX - bounds.left, bounds.width, canvas.width);
}

function startGrid(figure) {
  const content = payload(figure.dataset.payload);
  const { rows, columns, layers, step } = content;
  const box = figure.querySelector(".layers");
  box.style.setProperty("--widest", `${columns.length * WIDEST_COLUMN}px`);
  const rowHeight = Math.max(LEAST_ROW, Math.min(MOST_ROW, Math.floor(GRID_HEIGHT / rows.length)));
  const value = (layer, place) => (layer.cells[place] === null ? null : Number((layer.cells[place] * step).toPrecision(6)));
  const tell = (event, canvas) => {
    const place = gridCell(event, canvas);
    const pairs = [[content.rowLabel, rows[Math.floor(place / columns.length)]], [content.columnLabel, columns[place % columns.length]]];
    return showTooltip(event, [...pairs, ...layers.map((layer) => [layer.name, shownText(value(layer, place), ".4g")])]);
  };

  const canvases = layers.map(() => {
    const canvas = element("canvas", { width: columns.length, height: rows.length });
    canvas.style.height = `${rows.length * rowHeight}px`;
    for (const kind of ["mousemove", "click"]) canvas.addEventListener(kind, (event) => tell(event, canvas));
    canvas.addEventListener("mouseleave", hideTooltip);
    return canvas;
  });
  const repaint = () => canvases.forEach((canvas, place) => paint(canvas, layers[place].cells, content));
  const names = (list, kind) => element("div", { class: kind }, ...list.map((name) => element("span", { title: name }, shortened(name))));
  if (rowHeight >= NAMED_ROW) {
    const named = names(rows, "row-names");
    named.style.setProperty("--row", `${rowHeight}px`);
    box.append(named);
  }
  layers.forEach((layer, place) =>
    box.append(element("div", { class: "layer" }, element("p", {}, layer.name), canvases[place])));
  const width = canvases[0].clientWidth / columns.length;
  const kind = width >= UPRIGHT_COLUMN ? "column-names upright" : "column-names";
  if (width >= NAMED_COLUMN) box.querySelectorAll(".layer").forEach((part) => part.append(names(columns, kind)));
  repaint();
  themeChanged(repaint);
  figure.querySelector(".download").addEventListener("click", () => {
    const line = (place) => [rows[Math.floor(place / columns.length)], columns[place % columns.length], ...layers.map((layer) => value(layer, place))];
    const head = [content.rowLabel, content.columnLabel, ...layers.map((layer) => layer.name)];
    const known = Array.from(layers[0].cells.keys()).filter((place) => layers.some((layer) => layer.cells[place] !== null));
    download(`${figure.dataset.name}.csv`, csv([head, ...known.map(line)]), "text/csv");
  });
}

document.querySelectorAll("figure.grid").forEach(startGrid);
