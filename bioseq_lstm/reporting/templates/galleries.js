// Cards of the group that is chosen: a drawing, a name, and what is said of it.
const FIRST_CARDS = 12;

function cardPart([name, key, facts], { drawings, described, width, height }) {
  const words = described[key] ?? "";
  const shapes = drawings[key];
  const picture = shapes
    ? svgElement("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words })
    : element("p", { class: "undrawn" }, words);
  for (const [kind, attributes, text] of shapes ?? []) picture.append(svgElement(kind, attributes, text));
  const list = facts.map(([about, fact]) => element("div", {}, element("dt", {}, about), element("dd", {}, fact)));
  return element("li", { class: "card" }, picture, element("strong", {}, name), element("dl", {}, ...list));
}

function startGallery(figure) {
  const content = payload(figure.dataset.payload);
  const list = figure.querySelector(".cards");
  const draw = (place, limit) => {
    const cards = content.groups[place];
    list.replaceChildren(...cards.slice(0, limit).map((card) => cardPart(card, content)));
    if (cards.length <= limit) return;
    const more = element("button", { type: "button" }, `Show all ${cards.length.toLocaleString("en")}`);
    more.addEventListener("click", () => draw(place, cards.length));
    list.append(element("li", {}, more));
  };
  startChoice(figure.querySelector(".choice"), content.options, (place) => draw(place, FIRST_CARDS));
  draw(0, FIRST_CARDS);
}

document.querySelectorAll("figure.gallery").forEach(startGallery);
