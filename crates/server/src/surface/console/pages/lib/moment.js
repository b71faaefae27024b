// Instants as people read them: the date with its zone, and how long ago or until.
import { el } from "./element.js";

const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
/** The server's clock minus ours, in milliseconds: pages tell times by the server's. */
let offset = 0;

/** Notes the server's time. */
export function setServerTime(now) {
  const theirs = instant(now);
  if (theirs !== null) offset = theirs - Date.now();
}

/** The server's time now, Unix milliseconds. */
export function serverNow() {
  return Date.now() + offset;
}

/** Unix milliseconds of an RFC 3339 text or of a number of milliseconds; null when it is neither. */
export function instant(value) {
  if (typeof value === "number") return value;
  const read = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(read) ? null : read;
}

/** How long ago or until, such as "3 minutes ago". */
export function ago(value) {
  const at = instant(value);
  if (at === null) return "";
  const seconds = (at - serverNow()) / 1000;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  if (unit === "second" && Math.abs(seconds) < 5) return "just now";
  return relative.format(Math.trunc(seconds / length), unit);
}

/** The date and time in UTC, such as "2026-11-28 00:14 UTC". */
export function absolute(value, seconds = false) {
  const at = instant(value);
  if (at === null) return "";
  const text = new Date(at).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, seconds ? 19 : 16)} UTC`;
}

/** A text of the log, whose Unix times are told as dates. */
export const dated = (text) => text.replaceAll(/\bUnix time (\d{1,12})(?:\.\d+)?/g, (_, seconds) => absolute(Number(seconds) * 1000, true));

/** An instant for a table or a sentence: relative in front, absolute beside it. */
export function when(value, never = "never") {
  const at = instant(value);
  if (at === null) return el("span", { class: "quiet" }, never);
  return el("time", { datetime: new Date(at).toISOString(), class: "when" },
    el("span", null, ago(value)), " ", el("span", { class: "exact" }, absolute(value)));
}

/** A day as a text of a date field, `days` from now. */
export function dayFromNow(days) {
  return new Date(serverNow() + days * 86_400_000).toISOString().slice(0, 10);
}
