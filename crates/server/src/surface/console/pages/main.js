// Starts the console: finds out who is signed in, and shows the page that the address means.
import { getIfThere, whenEnded } from "./lib/api.js";
import { el, fill } from "./lib/element.js";
import { keepHalf } from "./lib/half.js";
import { setServerTime } from "./lib/moment.js";
import { noticePlace } from "./lib/notice.js";
import { Problem, problemBox } from "./lib/problem.js";
import { emptyState } from "./lib/table.js";
import { frame } from "./frame.js";
import { routeOf } from "./lib/route.js";
import { ROUTES, home } from "./routes.js";
import { signInPage } from "./own/sign-in.js";

let me = null;
/** What the page on show must stop when it goes. */
let leaving = [];
/** Counts the pages shown, so that a slow one does not appear over its successor. */
let turn = 0;

/** How long a page may take before the reader is told that it comes. */
const PATIENCE = 300;

whenEnded(() => {
  me = null;
  show("Your session has ended. Sign in again to go on.");
});
addEventListener("hashchange", () => show());
start();

async function start() {
  document.body.append(noticePlace());
  try {
    await readMe();
  } catch (error) {
    fill(document.getElementById("frame"), el("main", { id: "main" }, problemBox(error)));
    return;
  }
  show();
}

async function readMe() {
  try {
    me = await getIfThere("/console/api/v1/me");
    if (me) setServerTime(me.server?.now);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    me = null;
  }
}

/** Shows the page of the address; `words` are told above the sign-in. */
async function show(words) {
  const mine = ++turn;
  for (const stop of leaving.splice(0)) stop();
  if (!me || location.hash.startsWith("#/link/")) {
    signIn(words);
    return;
  }
  if (/^#?\/?$/.test(location.hash)) {
    location.replace(home(me));
    return;
  }
  const found = routeOf(location.hash, ROUTES);
  const main = frame(me, location.hash, signedOut);
  const slow = setTimeout(() => mine === turn && fill(main, el("p", { class: "quiet", role: "status" }, "Loading…")), PATIENCE);
  let nodes;
  let title = "Not found";
  try {
    if (found) {
      const context = contextOf(found);
      nodes = await found.page.show(context);
      title = context.title ?? found.page.title;
    } else {
      nodes = [el("h1", null, "There is no such page"), emptyState(el("p", null, el("a", { href: home(me) }, "Go to the first page")))];
    }
  } catch (error) {
    title = found?.page.title ?? title;
    nodes = [el("h1", null, title), problemBox(error)];
  }
  clearTimeout(slow);
  if (mine !== turn) return;
  const again = main.dataset.shown === location.hash;
  main.dataset.shown = location.hash;
  const place = scrollY;
  fill(main, nodes);
  document.title = `${title} · countersign`;
  if (again) scrollTo(0, place);
  else focusHeading(main);
}

function contextOf({ params, query }) {
  return {
    me,
    params,
    query,
    again: () => show(),
    go: (address) => (location.hash === address ? show() : location.assign(address)),
    onleave: (stop) => leaving.push(stop),
    /** Runs `act` every so often while this page is shown and seen. */
    every(milliseconds, act) {
      const timer = setInterval(() => document.visibilityState === "visible" && act(), milliseconds);
      leaving.push(() => clearInterval(timer));
    },
    async meAgain() {
      await readMe();
    },
  };
}

function signIn(words) {
  const link = /^#\/link\/(.+)$/.exec(location.hash)?.[1] ?? null;
  const place = document.getElementById("frame");
  document.title = "Sign in · countersign";
  const main = el("main", { id: "main", class: "gate", tabindex: "-1" }, signInPage({
    link,
    words,
    done: async () => {
      await readMe();
      if (link) history.replaceState(null, "", "#/");
      show();
    },
  }));
  fill(place, main);
  focusHeading(main);
}

function signedOut() {
  me = null;
  keepHalf(null);
  history.replaceState(null, "", "#/");
  show("You are signed out.");
}

/** Where the reader stands after the page has changed. */
function focusHeading(main) {
  scrollTo(0, 0);
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}
