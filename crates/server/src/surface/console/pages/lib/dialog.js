// A question before something that cannot be taken back: it says what happens and wants the name repeated.
import { el, fresh } from "./element.js";
import { field, form, Wrong } from "./field.js";

/** Asks; `act` runs when it is confirmed, and a problem of it is told in the dialog. `name`: what must be repeated, if anything. */
export function ask({ title, text, submit, danger = true, name, extra, act }) {
  const heading = fresh("dialog");
  const repeated = name ? field(`Type ${name} to confirm`, { autocomplete: "off" }) : null;
  const close = () => dialog.close();
  const body = form({
    fields: repeated ? { name: repeated } : {},
    submit,
    danger,
    aside: el("button", { type: "button", onclick: close }, "Cancel"),
    act: async () => {
      if (repeated && repeated.value.trim() !== name) throw new Wrong("name", `Wanted ${name}, found ${repeated.value.trim() || "nothing"}.`);
      await act();
      dialog.close();
    },
  }, repeated?.node, extra);
  const dialog = el("dialog", { "aria-labelledby": heading, onclose: () => dialog.remove() },
    el("h2", { id: heading }, title), [text].flat().map((part) => el("p", null, part)), body);
  document.body.append(dialog);
  dialog.showModal();
}
