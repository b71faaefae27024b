// Tables with a caption, real headings, and words where there is nothing to show.
import { el } from "./element.js";

/** Columns are `[heading, cell of a row, class]`; on a phone each cell carries its heading along. */
export function table(caption, columns, rows, { empty = "Nothing here yet.", hidden = false, row: decorate } = {}) {
  if (rows.length === 0) return emptyState(empty);
  const head = el("thead", null, el("tr", null, columns.map(([name, , kind]) =>
    el("th", { scope: "col", class: kind }, name === "" ? el("span", { class: "unseen" }, "Actions") : name))));
  const body = el("tbody", null, rows.map((row) => el("tr", decorate?.(row), columns.map(([name, cell, kind], index) => {
    const tag = index === 0 ? "th" : "td";
    return el(tag, { class: kind, scope: index === 0 ? "row" : null, "data-name": name || null }, cell(row));
  }))));
  return el("div", { class: "table", role: "region", "aria-label": caption, tabindex: "0" },
    el("table", null, el("caption", { class: hidden ? "unseen" : null }, caption), head, body));
}

/** What stands where there is nothing; a text or nodes. */
export function emptyState(...content) {
  return el("div", { class: "empty" }, content.map((part) => (typeof part === "string" ? el("p", null, part) : part)));
}

/** What stands where this server has no such thing. */
export function notHere(what) {
  return emptyState(`${what} is not offered by this server. A newer version, or its configuration, may have it.`);
}

/** Facts: terms with what holds for them. */
export function facts(...entries) {
  return el("dl", { class: "facts" }, entries.filter(Boolean).map(([term, ...what]) =>
    el("div", null, el("dt", null, term), el("dd", null, what))));
}
