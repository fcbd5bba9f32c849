// Charts are drawn as SVG in CSS colours, so that they follow the theme and the printer. Expressions
// are interpreted (ast), for the page's policy forbids eval; a chart may load nothing.
const refuse = () => Promise.reject(new Error("a chart of this page may load nothing"));
const closedLoader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };

function chartTooltip(handler, event, item, value) {
  if (value === null || value === undefined || value === "") return hideTooltip();
  const pairs = typeof value === "object" ? Object.entries(value) : [["", String(value)]];
  return showTooltip(event, pairs.map(([name, shown]) => [name, String(shown)]));
}

function chartTheme(width) {
  const config = payload("chart-theme");
  const room = Math.max(70, Math.min(260, Math.round(width * 0.34)));
  return { ...config, axisY: { ...config.axisY, labelLimit: room }, legend: { ...config.legend, columns: width < 480 ? 2 : 4 } };
}

// Small multiples have no width that follows their container: as many abreast as there is room for.
function fitted(spec, width) {
  if (!spec.facet) return spec;
  const columns = Math.max(1, Math.min(spec.columns, Math.floor(width / 160)));
  const each = Math.floor((width - 60) / columns) - 24;
  return { ...spec, columns, spec: { ...spec.spec, width: each } };
}

// The chart's tables, of the largest only the rows of the option where there is a choice.
function chosenData({ data, choice }, option) {
  return Object.fromEntries(Object.entries(data).map(([name, table]) => {
    const chosen = choice && name === choice.dataset;
    return [name, unpacked(table, chosen ? (place, at) => at(choice.column, place) === option : undefined)];
  }));
}

async function drawChart(box, option) {
  try {
    const content = payload(box.dataset.payload);
    const spec = { ...content.spec, datasets: chosenData(content, option ?? content.choice?.options[0][0]) };
    box.embedded?.finalize();
    box.embedded = await window.vegaEmbed(box, fitted(spec, box.clientWidth), {
      ast: true,
      actions: false,
      renderer: "svg",
      defaultStyle: false,
      loader: closedLoader,
      tooltip: chartTooltip,
      config: chartTheme(box.clientWidth),
    });
    // Vega names every mark a symbol without a name; the box has the words, the table the figures.
    box.querySelector("svg").setAttribute("aria-hidden", "true");
    box.dataset.drawn = "yes";
  } catch (error) {
    box.dataset.drawn = "no";
    box.textContent = "This chart could not be drawn; its data can be downloaded below.";
    console.error("chart", box.dataset.payload, error);
  }
}

document.querySelectorAll("figure:has(> .chart) > .choice").forEach((tools) => {
  const box = tools.parentElement.querySelector(".chart");
  startChoice(tools, payload(box.dataset.payload).choice.options, (place, name) => drawChart(box, name));
});

const rowsOf = (part) => unpacked(payload(part.dataset.payload).data[part.dataset.dataset]);

function startChartTable(part, details) {
  details.addEventListener("toggle", () => {
    const box = details.querySelector(".scroll");
    if (!details.open || box.childElementCount) return;
    const rows = rowsOf(part);
    const names = Object.keys(rows[0]);
    const cell = (value) =>
      element("td", typeof value === "number" ? { class: "number" } : {}, shownText(value === null ? null : typeof value === "number" ? value : String(value), ".5g"));
    const head = element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name))));
    const body = element("tbody", {}, ...rows.map((row) => element("tr", {}, ...names.map((name) => cell(row[name])))));
    box.append(element("table", {}, head, body));
  });
}

function startChartData(part) {
  const details = part.querySelector("details");
  if (details) startChartTable(part, details);
  part.querySelector(".download").addEventListener("click", () => {
    const rows = rowsOf(part);
    const names = Object.keys(rows[0]);
    const cells = rows.map((row) => names.map((name) => row[name]));
    download(`${part.dataset.name}.csv`, csv([names, ...cells]), "text/csv");
  });
}

document.querySelectorAll(".chart-data[data-payload]").forEach(startChartData);

// One after the other, so that the page can be read and scrolled while they appear.
(async () => {
  for (const box of document.querySelectorAll(".chart")) await drawChart(box);
})();
