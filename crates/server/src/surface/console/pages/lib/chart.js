// Charts drawn from the server's figures, each with a table that says the same.
import { el, fresh, svg } from "./element.js";
import { absolute } from "./moment.js";
import { table } from "./table.js";

/** Wide, and for a phone: as many letters a bar, at a size that is read. */
const DRAWINGS = [["wide", 720, 180], ["narrow", 320, 190]];
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;

/** What is stacked, from below: name, class, member of a point. Refusals are hatched, so that colour is not alone. */
const SERIES = [
  ["Verified", "verified", "verified"],
  ["No proof", "absent", "absent"],
  ["Refused", "refused", "refused"],
  ["Our fault", "fault", "fault"],
];

/** Reasons that have a colour of their own; the rest are counted together. */
const MOST_REASONS = 5;

/** Verdicts over time. */
export const verdictChart = ({ points, step_seconds: step }) => stacked("Requests", "Verdicts by time", SERIES, points, step);

/** Refusals over time, by reason. */
export function reasonChart({ points, step_seconds: step, reasons }) {
  const named = reasons.slice(0, MOST_REASONS).map(({ reason }) => reason);
  const series = named.map((reason, index) => [reason, `reason-${index}`, reason]);
  if (reasons.length > MOST_REASONS) series.push(["other reasons", "reason-other", ""]);
  const told = points.map(({ at, reasons: found = {} }) => Object.entries(found).reduce((point, [reason, count]) => {
    const member = named.includes(reason) ? reason : "";
    return { ...point, [member]: (point[member] ?? 0) + count };
  }, { at }));
  return stacked("Refusals", "Refusals by time and reason", series, told, step);
}

/** Bars over time, stacked in the order of `series`. */
function stacked(what, caption, series, points, step) {
  const sum = (point) => series.reduce((all, [, , member]) => all + (point[member] ?? 0), 0);
  const total = (member) => points.reduce((all, point) => all + (point[member] ?? 0), 0);
  const words = `${what} over ${span(points.length * step)}: ${series.map(([name, , member]) => `${total(member)} ${name.toLowerCase()}`).join(", ")}.`;
  return el("figure", { class: "chart" },
    el("figcaption", null, el("ul", { class: "legend" }, series.map(([name, kind, member]) =>
      el("li", null, el("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), `${name} `, el("strong", null, compact(total(member))))))),
    DRAWINGS.map(([kind, width, height]) => drawn({ kind, width, height, words, series, points, most: niceMost(Math.max(1, ...points.map(sum))) })),
    el("details", null, el("summary", null, "The same as a table"), table(caption, [
      ["From", (point) => absolute(point.at)],
      ...series.map(([name, , member]) => [name, (point) => String(point[member] ?? 0), "number"]),
    ], points.filter((point) => sum(point) > 0), { empty: "No request in this time." })));
}

/** One drawing; the style shows the one that fits the screen. */
function drawn({ kind, width, height, words, series, points, most }) {
  const title = fresh("chart");
  const hatch = fresh("hatch");
  const wide = (width - LEFT) / Math.max(1, points.length);
  const y = (value) => height - BOTTOM - (value / most) * (height - BOTTOM - TOP);
  const bars = points.flatMap((point, index) => {
    let below = 0;
    return series.filter(([, , member]) => point[member] > 0).map(([, kind, member]) => {
      const top = y(below + point[member]);
      const tall = y(below) - top;
      below += point[member];
      const place = { x: LEFT + index * wide + wide * 0.1, y: top, width: Math.max(1, wide * 0.8), height: tall };
      return [svg("rect", { ...place, class: `bar ${kind}` }), kind === "refused" && svg("rect", { ...place, fill: `url(#${hatch})` })];
    });
  });
  const lines = [0, most / 2, most].map((value) => [
    svg("line", { x1: LEFT, x2: width, y1: y(value), y2: y(value), class: "grid" }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, compact(value)),
  ]);
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: kind, role: "img", "aria-labelledby": title },
    svg("title", { id: title }, words),
    svg("defs", null, svg("pattern", { id: hatch, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("line", { x1: 0, x2: 0, y1: 0, y2: 5, class: "hatch" }))),
    lines, bars,
    points.length > 0 && [svg("text", { x: LEFT, y: height - 6 }, clock(points[0].at)), svg("text", { x: width, y: height - 6, "text-anchor": "end" }, clock(points.at(-1).at))]);
}

/** Counts by name as bars with their figures: readable as it stands. */
export function countBars(caption, rows, { empty, link } = {}) {
  const most = Math.max(1, ...rows.map((row) => row.count));
  return table(caption, [
    ["Name", (row) => (link ? el("a", { href: link(row) }, el("code", null, row.name)) : el("code", null, row.name)), "name-cell"],
    ["Share", (row) => svg("svg", { viewBox: "0 0 100 8", class: "share", "aria-hidden": "true", preserveAspectRatio: "none" }, svg("rect", { x: 0, y: 0, width: 100, height: 8, class: "track" }), svg("rect", { x: 0, y: 0, width: Math.max(1, (row.count / most) * 100), height: 8, class: `bar ${row.kind ?? ""}` })), "share-cell"],
    ["Count", (row) => row.count.toLocaleString("en"), "number"],
    ...(rows.some((row) => row.last) ? [["Last", (row) => row.last, "last"]] : []),
  ], rows, { empty, hidden: true });
}

const compact = (value) => new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);

const clock = (at) => absolute(at).slice(11);

function span(seconds) {
  return seconds >= 7200 ? `${Math.round(seconds / 3600)} hours` : `${Math.round(seconds / 60)} minutes`;
}

/** The next round number: 1, 2 or 5 with noughts. */
function niceMost(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((round) => round >= value);
}
