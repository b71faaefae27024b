// Form fields with label, hint and an error that is tied to its field.
import { el, fill, fresh } from "./element.js";
import { Problem, problemBox } from "./problem.js";

/** A field: `{ node, input, get value, error(text) }`. */
export function field(label, { hint, kind = "text", value = "", rows, options, optional, ...rest } = {}) {
  const id = fresh("field");
  const errorId = `${id}-error`;
  const hintId = hint ? `${id}-hint` : null;
  const given = { id, "aria-describedby": [hintId, errorId].filter(Boolean).join(" "), ...rest };
  let input;
  if (options) {
    input = el("select", given, options.map(([name, text]) => el("option", { value: name, selected: name === value }, text)));
  } else if (rows) {
    input = el("textarea", { rows, spellcheck: "false", autocapitalize: "off", autocomplete: "off", ...given, value });
  } else {
    input = el("input", { type: kind, spellcheck: "false", autocapitalize: "off", ...given, value });
  }
  const error = el("p", { class: "field-error", id: errorId, role: "alert" });
  const node = el("div", { class: "field" },
    el("label", { for: id }, label, optional && el("span", { class: "quiet" }, " (optional)")),
    hint && el("p", { class: "hint", id: hintId }, hint), input, error);
  return {
    node,
    input,
    get value() {
      return kind === "file" ? input.files[0] : input.value;
    },
    set value(text) {
      input.value = text;
    },
    error(text) {
      fill(error, text);
      input.toggleAttribute("aria-invalid", Boolean(text));
      if (text) input.setAttribute("aria-invalid", "true");
    },
  };
}

/** Puts other options in the place of those of a field. */
export function options(one, entries, value) {
  fill(one.input, entries.map(([name, text]) => el("option", { value: name, selected: name === value }, text)));
}

/** A box to tick. */
export function tick(label, { hint, checked = false, ...rest } = {}) {
  const id = fresh("tick");
  const input = el("input", { type: "checkbox", id, checked, "aria-describedby": hint ? `${id}-hint` : null, ...rest });
  const node = el("div", { class: "tick" }, input, el("label", { for: id }, label), hint && el("p", { class: "hint", id: `${id}-hint` }, hint));
  return { node, input, get value() { return input.checked; } };
}

/** Any of several, as boxes to tick: `[value, label, hint]`; it takes an error like a field. */
export function ticks(legend, entries, values, { hint } = {}) {
  const id = fresh("ticks");
  const error = el("p", { class: "field-error", id: `${id}-error`, role: "alert" });
  const inputs = entries.map(([entry], index) => el("input", { type: "checkbox", id: `${id}-${index}`, value: entry, checked: values.includes(entry) }));
  const node = el("fieldset", { class: "ticks", "aria-describedby": `${hint ? `${id}-hint ` : ""}${id}-error` }, el("legend", null, legend),
    hint && el("p", { class: "hint", id: `${id}-hint` }, hint),
    el("div", { class: "ticks-row" }, entries.map(([, label], index) => el("span", { class: "tick-word" }, inputs[index], el("label", { for: `${id}-${index}` }, label)))), error);
  return {
    node,
    input: inputs[0],
    get value() { return inputs.filter((input) => input.checked).map((input) => input.value); },
    error(text) { fill(error, text); },
  };
}

/** One of several, each with a line that explains it: `[value, label, hint]`. */
export function choice(legend, entries, { value, onchange } = {}) {
  const name = fresh("choice");
  const inputs = entries.map(([entry, , , disabled]) =>
    el("input", { type: "radio", name, id: `${name}-${entry}`, checked: entry === value, disabled, onchange: () => onchange?.(entry), value: entry }));
  const node = el("fieldset", { class: "choice" }, el("legend", null, legend),
    entries.map(([entry, label, hint], index) => {
      const hintId = hint ? `${name}-${entry}-hint` : null;
      if (hintId) inputs[index].setAttribute("aria-describedby", hintId);
      return el("div", { class: "option" }, inputs[index],
        el("label", { for: `${name}-${entry}` }, label), hint && el("p", { class: "hint", id: hintId }, hint));
    }));
  return { node, inputs, get value() { return inputs.find((input) => input.checked)?.value; } };
}

/**
 * A form: `act` runs when it is sent; while it runs the button waits, and a problem is told at the field that it names (by
 * `fields`, from the member's path to the field), else below the form.
 */
export function form({ fields = {}, submit, act, danger = false, aside }, ...children) {
  const told = el("div", { class: "told" });
  const button = el("button", { type: "submit", class: danger ? "danger" : "primary" }, submit);
  const onsubmit = async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled")) return;
    for (const one of Object.values(fields)) one.error("");
    fill(told);
    button.setAttribute("aria-disabled", "true");
    try {
      await act();
    } catch (error) {
      const at = error instanceof Problem && error.at ? fields[error.at] : fields[error?.at];
      if (at) {
        at.error(error.words ?? error.message);
        at.input.focus();
      } else {
        fill(told, problemBox(error));
      }
    } finally {
      button.removeAttribute("aria-disabled");
    }
  };
  return el("form", { onsubmit, novalidate: true }, children, el("div", { class: "actions" }, button, aside), told);
}

/** Something wrong with a field of a form, found in the page itself. */
export class Wrong extends Error {
  constructor(at, text) {
    super(text);
    this.at = at;
  }
}
