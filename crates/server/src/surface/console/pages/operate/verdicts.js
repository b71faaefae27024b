// Verdicts as they happen on this node, newest first.
import { get, getIfThere, query } from "../lib/api.js";
import { el, fill } from "../lib/element.js";
import { mark } from "../lib/mark.js";
import { absolute } from "../lib/moment.js";
import { notHere, table } from "../lib/table.js";

const EVERY = 2000;
/** Rows on show; more is nothing that a person reads. */
const MOST = 200;

export const verdicts = {
  title: "Live verdicts",
  async show({ every }) {
    const head = el("h1", null, "Live verdicts");
    const first = await getIfThere("/api/v1/verdicts");
    if (first === null) return [head, notHere("A live view")];
    let { cursor } = first;
    let rows = newest(first.items);
    let paused = false;
    const place = el("div");
    const draw = () => fill(place, verdictTable(rows));
    const button = el("button", { type: "button", "aria-pressed": "false", onclick: () => {
      paused = !paused;
      button.setAttribute("aria-pressed", String(paused));
      fill(button, paused ? "Go on" : "Pause");
    } }, "Pause");
    every(EVERY, async () => {
      if (paused) return;
      const next = await get(`/api/v1/verdicts${query({ after: cursor })}`).catch(() => null);
      if (!next || next.items.length === 0) return;
      cursor = next.cursor;
      rows = [...newest(next.items), ...rows].slice(0, MOST);
      draw();
    });
    draw();
    return [el("div", { class: "page-head" }, head, button), el("p", { class: "quiet" }, "The last requests that this node judged."), place];
  },
};

const newest = (items) => items.toReversed().slice(0, MOST);

function verdictTable(rows) {
  return table("Verdicts", [
    ["Time", (row) => el("time", { class: "nowrap" }, absolute(row.at, true).slice(11))],
    ["Verdict", (row) => [mark(row.verdict), row.reason && el("div", null, el("code", { class: "quiet" }, row.reason))]],
    ["Request", (row) => el("code", { class: "breaks" }, `${row.method ?? ""} ${row.path ?? ""}`)],
    ["Route", (row) => [row.route ?? "", row.dialect && row.dialect !== row.route && el("div", { class: "quiet small" }, row.dialect)]],
    ["Account", (row) => row.account && el("a", { href: `#/operate/accounts${query({ search: row.account })}` }, row.account)],
    ["From", (row) => row.client && el("code", null, row.client)],
    ["Took", (row) => (row.micros === undefined ? "" : `${row.micros} µs`), "number"],
  ], rows, { empty: "No request was judged yet.", hidden: true });
}
