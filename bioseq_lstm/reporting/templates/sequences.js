// Protein chains in lines of 60: helices as waves, strands as arrows, confidence as shading.
const PER_LINE = 60;
const CELL = 11;
const GUTTER = 46;
const FIRST_RESIDUES = 1200;
const FIRST_TRACKS = 20;
const THREE_STATES = { H: "helix", G: "helix", I: "helix", E: "strand", B: "strand", ".": "unknown", "?": "unknown", X: "unknown" };
const stateOf = (letter) => THREE_STATES[letter] ?? "coil";
const called = (track, place) => stateOf((track.three ?? track.predicted)[place]);
const known = (track, place) => track.observed !== null && stateOf(track.observed[place]) !== "unknown";

function confidenceAt(track, place) {
  const text = track.confidence === null ? "  " : track.confidence.slice(2 * place, 2 * place + 2);
  return text === "  " ? null : Number(text) / 100;
}

// Runs of equal keys from `start` to `end` as [key, from, to).
function runs(start, end, key) {
  const found = [];
  for (let place = start; place < end; place += 1) {
    const last = found[found.length - 1];
    if (last && last[0] === key(place)) last[2] = place + 1;
    else found.push([key(place), place, place + 1]);
  }
  return found;
}

function glyph(state, from, to, middle, ends) {
  const left = GUTTER + from * CELL;
  const right = GUTTER + to * CELL;
  if (state === "helix") {
    let path = `M${left} ${middle}`;
    for (let x = left, up = true; x < right; x += CELL, up = !up)
      path += ` q${CELL / 2} ${up ? -9 : 9} ${CELL} 0`;
    return svgElement("path", { d: path, class: "helix" });
  }
  if (state === "strand") {
    const neck = ends ? Math.max(left, right - 9) : right;
    const tip = ends ? ` L${neck} ${middle - 7} L${right} ${middle} L${neck} ${middle + 7}` : "";
    const path = `M${left} ${middle - 3.5} H${neck}${tip} L${neck} ${middle + 3.5} H${left} Z`;
    return svgElement("path", { d: path, class: "strand" });
  }
  if (state === "coil") return svgElement("path", { d: `M${left} ${middle} H${right}`, class: "coil" });
  return null;
}

function trackLine(track, start) {
  const end = Math.min(start + PER_LINE, track.sequence.length);
  const observed = track.observed !== null;
  const heights = { ruler: 10, observed: 27, predicted: observed ? 47 : 27 };
  heights.letters = heights.predicted + 25;
  const size = { width: GUTTER + PER_LINE * CELL + 4, height: heights.letters + 12 };
  const svg = svgElement("svg", { ...size, viewBox: `0 0 ${size.width} ${size.height}`, "aria-hidden": "true" });
  const add = (...shape) => svg.append(svgElement(...shape));
  const x = (place) => GUTTER + (place - start) * CELL;

  add("text", { x: GUTTER - 8, y: heights.letters, class: "row" }, String(start + 1));
  for (let place = start; place < end; place += 1)
    if ((place + 1) % 10 === 0) add("text", { x: x(place) + CELL / 2, y: heights.ruler, class: "tick" }, String(place + 1));
  for (const [name, row] of [["observed", "obs"], ["predicted", "pred"]]) {
    if (name === "observed" && !observed) continue;
    add("text", { x: GUTTER - 8, y: heights[name] + 3.5, class: "row" }, row);
    const stateAt = (place) => (name === "observed" ? stateOf(track.observed[place]) : called(track, place));
    for (const [state, from, to] of runs(start, end, stateAt)) {
      const ends = to === track.sequence.length || stateAt(to) !== state;
      const shape = glyph(state, from - start, to - start, heights[name], ends);
      if (shape) svg.append(shape);
    }
  }
  const shade = (place) => `${called(track, place)} ${Math.floor((confidenceAt(track, place) ?? 0) * 20)}`;
  for (const [key, from, to] of runs(start, end, shade)) {
    const [state, level] = key.split(" ");
    const box = { x: x(from), y: heights.letters - 12, width: (to - from) * CELL, height: 16, class: `shade ${state}` };
    add("rect", { ...box, "fill-opacity": (Math.max(0, Number(level) / 20 - 0.2) * 0.6).toFixed(3) });
  }
  const wrong = (place) => known(track, place) && stateOf(track.observed[place]) !== called(track, place);
  for (const [yes, from, to] of runs(start, end, wrong))
    if (yes) add("rect", { x: x(from) + 1, y: heights.letters + 6, width: (to - from) * CELL - 2, height: 2, class: "wrong" });
  const centres = Array.from({ length: end - start }, (_, place) => GUTTER + (place + 0.5) * CELL).join(" ");
  add("text", { x: centres, y: heights.letters, class: "letters" }, track.sequence.slice(start, end));
  svg.addEventListener("mousemove", (event) => {
    const bounds = svg.getBoundingClientRect();
    const place = start + Math.floor(((event.clientX - bounds.left) * (size.width / bounds.width) - GUTTER) / CELL);
    if (place < start || place >= end) return hideTooltip();
    const confidence = confidenceAt(track, place);
    const pairs = [["residue", `${track.sequence[place]} ${place + 1}`], ["predicted", `${track.predicted[place]}, ${called(track, place)}`]];
    if (observed) pairs.push(["observed", `${track.observed[place]}, ${stateOf(track.observed[place])}`]);
    if (confidence !== null) pairs.push(["confidence", confidence.toFixed(2)]);
    return showTooltip(event, pairs);
  });
  svg.addEventListener("mouseleave", hideTooltip);
  return svg;
}

function drawTrack(track, box) {
  const lines = (from, to) => {
    for (let start = from; start < to; start += PER_LINE) box.append(trackLine(track, start));
  };
  const length = track.sequence.length;
  lines(0, Math.min(length, FIRST_RESIDUES));
  if (length <= FIRST_RESIDUES) return;
  const more = element("button", { type: "button" }, `Show all ${length.toLocaleString("en")} residues`);
  more.addEventListener("click", () => { more.remove(); lines(FIRST_RESIDUES, length); });
  box.append(more);
}

// Counted once a chain: what its line in the list says and what the list is sorted by.
function counted(track, given) {
  const { length } = track.sequence;
  const states = { helix: 0, strand: 0, coil: 0, unknown: 0 };
  const sure = { sum: 0, residues: 0 };
  const right = { residues: 0, of: 0 };
  for (let place = 0; place < length; place += 1) {
    states[called(track, place)] += 1;
    const confidence = confidenceAt(track, place);
    if (confidence !== null) { sure.sum += confidence; sure.residues += 1; }
    if (known(track, place)) { right.of += 1; right.residues += stateOf(track.observed[place]) === called(track, place); }
  }
  return { track, given, length, states, confidence: sure.residues ? sure.sum / sure.residues : null, q3: right.of ? right.residues / right.of : null };
}

function summary({ length, states, confidence, q3 }) {
  const percent = (share) => `${Math.round(100 * share)}%`;
  const share = (name) => percent(states[name] / Math.max(1, length));
  const facts = [`${length.toLocaleString("en")} residues`, `helix ${share("helix")}, strand ${share("strand")}, coil ${share("coil")}`];
  if (confidence !== null) facts.push(`mean confidence ${confidence.toFixed(2)}`);
  if (q3 !== null) facts.push(`right ${percent(q3)}`);
  return facts.map((fact) => element("span", { class: "fact" }, fact));
}

function trackPart(counts) {
  const { track } = counts;
  const box = element("div", { class: "scroll residues-box", tabindex: "0", role: "region" });
  box.setAttribute("aria-label", `Residues of ${track.id}`);
  const reading = `${track.id}: sequence ${track.sequence}; predicted ${track.predicted}` + (track.observed === null ? "" : `; observed ${track.observed}`);
  const note = track.note ? [element("p", { class: "note" }, track.note)] : [];
  const details = element("details", { class: "track" }, element("summary", {}, element("strong", {}, track.id), ...summary(counts)), ...note, box);
  details.addEventListener("toggle", () => {
    if (!details.open || box.childElementCount) return;
    box.append(element("p", { class: "for-readers" }, reading));
    drawTrack(track, box);
  });
  return details;
}

const oneLine = (text) => text.replace(/\s+/g, " ");
const folded = (text) => text.replace(/.{60}(?=.)/g, "$&\n");

function residueRows(tracks) {
  const rows = [["id", "position", "residue", "predicted", "confidence", "observed"]];
  for (const track of tracks)
    for (let place = 0; place < track.sequence.length; place += 1)
      rows.push([oneLine(track.id), place + 1, track.sequence[place], track.predicted[place], confidenceAt(track, place), track.observed === null ? null : track.observed[place]]);
  return rows.map((row) => row.map(plainCell).join("\t") + "\n").join("");
}

const FORMATS = {
  fasta: ["fasta", (tracks) => tracks.map((track) => `>${oneLine(track.id)}\n${folded(track.sequence)}\n`).join("")],
  "three-lines": ["3line.fasta", (tracks) => tracks.map((track) => `>${oneLine(track.id)}\n${track.sequence}\n${track.predicted}\n`).join("")],
  tsv: ["tsv", residueRows],
};

// What there is nothing to sort by is left out of the choice.
const ORDERS = [
  ["least confident first", (counts) => counts.confidence],
  ["least accurate first", (counts) => counts.q3],
  ["most accurate first", (counts) => (counts.q3 === null ? null : -counts.q3)],
  ["longest first", (counts) => -counts.length],
  ["as listed", (counts) => counts.given],
];

function startTracks(panel) {
  const all = payload(panel.dataset.payload).map(counted);
  const list = panel.querySelector(".list");
  const search = panel.querySelector(".search");
  const order = panel.querySelector(".order");
  const format = panel.querySelector(".format");
  const place = panel.querySelector(".place");
  const orders = ORDERS.filter(([, key]) => all.some((counts) => key(counts) !== null));
  order.append(...orders.map(([name], number) => element("option", { value: number }, name)));
  let found = all;

  function draw(limit) {
    list.replaceChildren(...found.slice(0, limit).map(trackPart));
    if (!found.length) list.append(element("p", { class: "empty" }, "No sequence of this name."));
    if (found.length > limit) {
      const more = element("button", { type: "button" }, `Show more (${(found.length - limit).toLocaleString("en")} left)`);
      more.addEventListener("click", () => draw(limit + 5 * FIRST_TRACKS));
      list.append(more);
    }
    const first = list.querySelector("details");
    if (first) first.open = true;
  }

  function choose() {
    const word = search.value.trim().toLowerCase();
    const [, key] = orders[Number(order.value)];
    found = all.filter(({ track }) => `${track.id} ${track.note}`.toLowerCase().includes(word));
    found.sort((left, right) => compare(key(left), key(right), true));
    place.textContent = `${found.length.toLocaleString("en")} of ${all.length.toLocaleString("en")} chains`;
    draw(FIRST_TRACKS);
  }

  const [searched, ordered] = [search, order].map((input) => input.closest(".field"));
  panel.querySelector(".against").hidden = all.every(({ track }) => track.observed === null);
  searched.hidden = ordered.hidden = place.hidden = all.length < 4;
  search.addEventListener("input", choose);
  order.addEventListener("change", choose);
  const text = () => FORMATS[format.value][1](found.map(({ track }) => track));
  panel.querySelector(".download").addEventListener("click", () =>
    download(`${panel.dataset.name}.${FORMATS[format.value][0]}`, text(), "text/plain"));
  panel.querySelector(".copy").addEventListener("click", (event) => copy(text(), event.currentTarget));
  choose();
}

document.querySelectorAll(".tracks").forEach(startTracks);
