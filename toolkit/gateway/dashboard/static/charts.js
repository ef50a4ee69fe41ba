// Pictures from plain elements: sizes are set through the style object, which the content policy allows.
import { ago, gigabytes, make, note, seconds } from "./dom.js";

const COLOURS = 6;

// Models keep their colour for as long as the page is open; each is named beside it, too.
const known = [];
export function colour(model) {
  if (!known.includes(model)) known.push(model);
  return `s${Math.min(known.indexOf(model), COLOURS - 1)}`;
}

export function vramBar(rows, mostBytes) {
  const used = rows.reduce((sum, row) => sum + row.vram_bytes, 0);
  const whole = Math.max(used, mostBytes, 1);
  const says = `${gigabytes(used)} in use; the most seen is ${gigabytes(mostBytes)}`;
  const bar = make("div", { class: "bar", role: "img", "aria-label": `VRAM: ${says}` });
  for (const row of rows) {
    const part = make("span", { class: colour(row.model) });
    part.style.flexBasis = `${(100 * row.vram_bytes) / whole}%`;
    bar.append(part);
  }
  const legend = make("ul", { class: "legend" }, ...rows.map((row) => {
    const beside = row.size_bytes - row.vram_bytes;
    const size = gigabytes(row.vram_bytes) + (beside > 1e6 ? ` + ${gigabytes(beside)} in main memory` : "");
    return make("li", {}, make("i", { class: colour(row.model) }), `${row.model} ${size}`);
  }));
  return [bar, legend, note(`VRAM: ${says}. Ollama does not tell how much there is.`)];
}

export function timeline(stays, spanS, uptimeS) {
  if (stays.length === 0) return [note("Nothing was in memory.")];
  const span = Math.max(Math.min(spanS, uptimeS), 10);
  const lanes = new Map();
  for (const stay of stays) lanes.set(stay.model, [...(lanes.get(stay.model) ?? []), stay]);
  const rows = [...lanes].map(([model, own]) => {
    const says = own.slice(-5).map((stay) =>
      `from ${ago(stay.from_s)} ${stay.to_s === null ? "until now" : `to ${ago(stay.to_s)}`}`).join(", ");
    const lane = make("span", { class: "lane", role: "img", "aria-label": `${model} in memory ${says}` });
    for (const stay of own) {
      const begin = Math.min(stay.from_s, span);
      const part = make("span", { class: colour(model) });
      part.style.left = `${100 - (100 * begin) / span}%`;
      part.style.width = `${(100 * Math.max(begin - (stay.to_s ?? 0), 0)) / span}%`;
      lane.append(part);
    }
    return make("li", {}, make("span", { class: "name", title: model }, model), lane);
  });
  const axis = make("div", { class: "axis", "aria-hidden": "true" }, make("span"), make("div", {},
    make("span", {}, ago(span)), make("span", {}, "now")));
  return [make("ul", { class: "lanes" }, ...rows), axis];
}

export function swapColumns(swaps) {
  const most = Math.max(...swaps.map((swap) => swap.load_s), 1e-9);
  const chart = make("div", { class: "columns", role: "img",
    "aria-label": `The latest ${swaps.length} swaps; the longest took ${seconds(most)}` });
  for (const swap of swaps) {
    const column = make("span", { class: colour(swap.model), title: `${swap.model}: ${seconds(swap.load_s)}, ${ago(swap.age_s)}` });
    column.style.height = `${(100 * swap.load_s) / most}%`;
    chart.append(column);
  }
  return [chart, note(`The latest ${swaps.length}, oldest first; the highest column is ${seconds(most)}.`)];
}
