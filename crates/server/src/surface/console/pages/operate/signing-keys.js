// The server's own signing keys: which signs, which is next, and rotation.
import { get, post } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { el } from "../lib/element.js";
import { mark } from "../lib/mark.js";
import { when } from "../lib/moment.js";
import { notice } from "../lib/notice.js";
import { table } from "../lib/table.js";

export const signingKeys = {
  title: "Signing keys",
  async show({ me, again }) {
    const { items } = await get("/api/v1/signing-keys");
    return [
      el("div", { class: "page-head" }, el("h1", null, "Signing keys"), me.account.role === "owner" && el("button", { type: "button", onclick: () => rotate(again) }, "Rotate")),
      el("p", { class: "lead" }, "What this server signs with: access tokens and the word on who called. Services check it with the key set at /.well-known/jwks.json."),
      table("Signing keys", [
        ["Key", (row) => el("code", { class: "breaks" }, row.kid)],
        ["State", (row) => mark(row.state)],
        ["Made", (row) => when(row.created)],
        ["Retired", (row) => when(row.retired, "not yet")],
        ["Removed", (row) => when(row.removed, "not yet")],
        ["Sealed", (row) => (row.sealed ? "yes" : "no")],
      ], items, { empty: "There is no signing key.", hidden: true }),
    ];
  },
};

function rotate(again) {
  ask({
    title: "Rotate the signing key?",
    text: "A new key is published now and signs after six minutes, when every service had time to read it. What the old one signed still verifies.",
    submit: "Rotate",
    danger: false,
    act: async () => {
      await post("/api/v1/signing-keys/rotate");
      notice("The new key is published and takes over in six minutes.");
      again();
    },
  });
}
