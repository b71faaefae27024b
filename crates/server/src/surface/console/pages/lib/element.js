// Builds elements from plain values; text stays text, so nothing that a server or a person wrote becomes markup, and all of it is seen.
import { seen } from "./hidden.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: `el("p", { class: "note", onclick: f }, "text", child)`. A property that is null or false is left out; one that
 * begins with "on" is a listener; `data` is an object of data attributes.
 */
export function el(tag, properties, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for drawings. */
export function svg(tag, properties, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

/** Puts these children in the place of those that are there. */
export function fill(node, ...children) {
  node.replaceChildren();
  add(node, children);
  return node;
}

/** Adds children: nodes, texts, numbers, lists of them; null and false are nothing. */
function add(node, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(node, child);
    else node.append(child instanceof Node ? child : seen(String(child)));
  }
}

function filled(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  add(node, children);
  return node;
}

let last = 0;

/** An id that no other element of this document has. */
export function fresh(name) {
  last += 1;
  return `${name}-${last}`;
}
