// What stands around every page: the name, the menu, who is signed in, and the way out.
import { post } from "./lib/api.js";
import { el, fill } from "./lib/element.js";
import { notice } from "./lib/notice.js";
import { MENU, OPERATORS_MENU, home, operates } from "./routes.js";

let shownFor = null;

/** Puts the frame into the document if it is not there for this account, marks the menu, and gives the place of the page. */
export function frame(me, hash, signedOut) {
  const place = document.getElementById("frame");
  if (shownFor !== me || !place.querySelector("nav")) {
    shownFor = me;
    build(place, me, signedOut);
  }
  markMenu(place, hash);
  place.querySelector(".side").classList.remove("open");
  place.querySelector(".menu-button").setAttribute("aria-expanded", "false");
  return document.getElementById("main");
}

function build(place, me, signedOut) {
  const groups = operates(me) ? [...OPERATORS_MENU, ...MENU] : MENU;
  const side = el("div", { class: "side" },
    el("nav", { id: "menu", "aria-label": "Pages" }, groups.map(([name, entries]) => [
      el("h2", null, name),
      el("ul", null, entries.map(([address, text]) => el("li", null, el("a", { href: address }, text)))),
    ])),
    el("section", { class: "whoami", "aria-label": "Signed in" },
      el("p", null, el("span", { class: "quiet small" }, "Signed in as"), el("br"), el("strong", null, me.account.name),
        me.account.role && el("span", { class: "quiet" }, ` · ${me.account.role}`)),
      el("button", { type: "button", onclick: () => signOut(signedOut) }, "Sign out"),
      me.server?.version && el("p", { class: "quiet small" }, `countersign ${me.server.version}`)));
  const button = el("button", {
    type: "button",
    class: "menu-button",
    "aria-controls": "menu",
    "aria-expanded": "false",
    onclick: () => button.setAttribute("aria-expanded", String(side.classList.toggle("open"))),
  }, "Menu");
  fill(place,
    el("header", { class: "top" }, el("a", { href: home(me), class: "brand" }, el("img", { src: "/console/icon.svg", alt: "", width: 26, height: 26 }), "countersign"), button),
    side,
    el("main", { id: "main", tabindex: "-1" }));
}

function markMenu(place, hash) {
  const path = hash.split("?")[0];
  for (const link of place.querySelectorAll("nav a")) {
    const address = link.getAttribute("href");
    if (path === address) link.setAttribute("aria-current", "page");
    else if (path.startsWith(`${address}/`)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

async function signOut(signedOut) {
  try {
    await post("/console/api/v1/sign-out", {}, { signedIn: false });
  } catch (error) {
    notice(error.message);
    return;
  }
  signedOut();
}
