// The page that makes a new key pair in the browser.
import { post } from "../lib/api.js";
import { el } from "../lib/element.js";
import { choice } from "../lib/field.js";
import { to } from "../lib/route.js";
import { keyMaker } from "./key-maker.js";
import { nextSteps } from "./next-steps.js";
import { signedDialects } from "./signed-dialects.js";

export const newKey = {
  title: "Make a key",
  async show({ me, onleave }) {
    const dialects = (await signedDialects(me)) ?? [];
    const dialect = dialects.length === 0 ? null : choice("What is it for?", dialects.map((one) => [one.name, one.name, one.summary]), {
      value: dialects[0].name,
      onchange: () => wizard.dispatchEvent(new Event("narrow")),
    });
    const chosen = () => dialects.find((one) => one.name === dialect?.value);
    const wizard = await keyMaker({
      me,
      label: "",
      algorithms: () => chosen()?.algorithms,
      before: dialect?.node,
      onleave,
      register: (pair, possession) => post("/console/api/v1/keys", {
        public: pair.publicPem, label: pair.label, dialects: chosen() ? [chosen().name] : undefined, possession,
      }),
      done: (result, how) => nextSteps(result.key ?? result, how, chosen(), me),
    });
    return [
      el("p", { class: "trail" }, el("a", { href: to("keys") }, "Keys")),
      el("h1", null, "Make a key"),
      el("p", { class: "lead" }, "The pair is made in this browser. The server gets the public half only, with a signature that shows that you hold the private one."),
      wizard,
    ];
  },
};
