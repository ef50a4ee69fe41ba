// Elements and figures. Whatever comes from outside becomes text, never markup: there is no other way in here.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))));
  return element;
}

export const byId = (id) => document.getElementById(id);
export const none = "–";

export function seconds(value) {
  if (value === null || value === undefined) return none;
  if (value < 0.0995) return `${Math.round(value * 1000)} ms`;
  if (value < 99.5) return `${value.toPrecision(value < 9.95 ? 2 : 3)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

export const ago = (value) => (value < 1 ? "now" : `${value < 99.5 ? `${Math.round(value)} s` : seconds(value)} ago`);
export const percent = (value) => (value === null || value === undefined ? none : `${(value * 100).toFixed(0)} %`);
export const count = (value) => Number(value).toLocaleString("en");
export const gigabytes = (value) => `${(value / 1e9).toFixed(1)} GB`;

// A table with a caption for those who cannot see it. Columns: [title, function of a row, class or function of a row].
export function table(caption, columns, rows) {
  const cell = (row, [, read, kind]) =>
    make("td", { class: typeof kind === "function" ? kind(row) : (kind ?? "") }, read(row));
  return make(
    "table",
    {},
    make("caption", { class: "hidden-text" }, caption),
    make("thead", {}, make("tr", {}, ...columns.map(([title, , kind]) =>
      make("th", { scope: "col", class: kind === "number" ? kind : "" }, title)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...columns.map((column) => cell(row, column))))),
  );
}

export const note = (text) => make("p", { class: "note" }, text);
