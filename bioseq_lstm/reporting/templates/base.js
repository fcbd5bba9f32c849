// Shared by the parts below. Text from data only ever becomes text nodes, never HTML.
const payload = (id) => JSON.parse(document.getElementById(id).textContent);

// The rows of a table that was packed by packing.py, or those that `wanted(place, at)` lets through.
function unpacked({ length, columns }, wanted = () => true) {
  const at = (name, place) => {
    const column = columns[name];
    return Array.isArray(column) ? column[place] : column.values[column.places[place]];
  };
  const names = Object.keys(columns);
  const rows = [];
  for (let place = 0; place < length; place += 1)
    if (wanted(place, at)) rows.push(Object.fromEntries(names.map((name) => [name, at(name, place)])));
  return rows;
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function svgElement(tag, attributes = {}, text = null) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

// A field of which one of some options, each with its note, is chosen: then(place, name) draws it.
// One that is typed into takes what is written there, or the first option that holds it.
function startChoice(tools, options, then) {
  const field = tools.querySelector("select, input");
  const note = tools.querySelector(".note");
  const found = (text) => {
    const word = text.trim().toLowerCase();
    const exact = options.findIndex(([name]) => name === text);
    return exact >= 0 || !word ? exact : options.findIndex(([name]) => name.toLowerCase().includes(word));
  };
  const list = field.list ?? field;
  list.append(...options.map(([name]) => element("option", { value: name }, ...(field.list ? [] : [name]))));
  [[field.value, note.textContent]] = options;
  field.addEventListener("change", () => {
    const place = found(field.value);
    note.textContent = place < 0 ? `Nothing here is called ${field.value}.` : options[place][1];
    if (place < 0) return;
    [field.value] = options[place];
    then(place, options[place][0]);
  });
  // Whoever clicks into a filled field would see only the option that it holds.
  if (field.list) field.addEventListener("focus", () => field.select());
}

function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// Tells on the button itself what became of it, so that the eye need not wander.
async function copy(text, button) {
  const name = button.textContent;
  const told = await (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(() => "Copied", () => "Not copied: the browser forbids it");
  button.textContent = told;
  setTimeout(() => { button.textContent = name; }, 2000);
}

// A spreadsheet takes a text that begins like this for a formula; an apostrophe makes it text.
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function plainCell(value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  if (typeof value === "number" || NUMBER.test(text) || /^-?Infinity$/.test(text)) return text;
  return FORMULA.test(text) ? `'${text}` : text;
}

function csv(rows) {
  const cell = (value) => {
    const text = plainCell(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

// Light or dark: as the system has it until the reader chooses otherwise.
const dark = matchMedia("(prefers-color-scheme: dark)");
const themeButton = document.querySelector(".theme");
const themeWatchers = [];
const themeChanged = (then) => themeWatchers.push(then);
const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

function showTheme() {
  themeButton.textContent = isDark() ? "Light theme" : "Dark theme";
  themeWatchers.forEach((then) => then());
}

themeButton.hidden = false;
themeButton.addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
});
for (const query of [dark, matchMedia("print")]) query.addEventListener("change", showTheme);
showTheme();

const tooltip = document.getElementById("tooltip");

function showTooltip(event, pairs) {
  tooltip.replaceChildren(
    ...pairs.map(([name, value]) =>
      element("div", {}, ...(name ? [element("span", {}, name)] : []), value)),
  );
  tooltip.hidden = false;
  const room = 14;
  const { width, height } = tooltip.getBoundingClientRect();
  const left = Math.min(event.clientX + room, innerWidth - width - 6);
  const above = event.clientY + room + height > innerHeight;
  tooltip.style.left = `${Math.max(6, left)}px`;
  tooltip.style.top = `${above ? Math.max(6, event.clientY - height - room) : event.clientY + room}px`;
}

function hideTooltip() {
  tooltip.hidden = true;
}

addEventListener("scroll", hideTooltip, { passive: true });
addEventListener("keydown", (event) => event.key === "Escape" && hideTooltip());
