// Signing in: by a key in this browser, a key file, an answer of the command line, or a one-time link.
import { post } from "../lib/api.js";
import { base64url, utf8 } from "../lib/bytes.js";
import { copyBlock } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { choice, field, form, Wrong } from "../lib/field.js";
import { keepHalf } from "../lib/half.js";
import { Problem } from "../lib/problem.js";
import { atHand, keyChooser } from "../keys/holder.js";
import { hindrance } from "../keys/kind.js";

const QUIET = { signedIn: false };
/** The first line keeps the signature from being a proof of anything else. */
const FIRST_LINE = "countersign console sign-in 1";

/** The sign-in page; `done` runs when somebody is signed in. */
export function signInPage({ link, words, done }) {
  const head = [
    el("p", { class: "brand large" }, el("img", { src: "/console/icon.svg", alt: "", width: 34, height: 34 }), "countersign"),
  ];
  const told = words && el("p", { class: "box info", role: "status" }, words);
  if (link) return [head, told, linkPart(link, done)];
  const panel = el("div", { class: "panel" });
  const ways = choice("How do you want to prove it?", [
    ["browser", "A key in this browser, or a key file", "Signed in this page; the private key is sent nowhere."],
    ["command", "The command line", "For keys that stay on a server or another machine."],
  ], { value: hindrance() ? "command" : "browser", onchange: (way) => showWay(panel, way, done) });
  showWay(panel, hindrance() ? "command" : "browser", done);
  return [
    head,
    el("h1", null, "Sign in"),
    el("p", { class: "lead" }, "Prove that you hold one of your registered keys. There is no password."),
    told, ways.node, panel,
    el("p", { class: "quiet small" }, "No key registered yet? Ask whoever runs this server for a one-time link."),
  ];
}

async function showWay(panel, way, done) {
  if (way === "command") commandPart(panel, done);
  else await browserPart(panel, done);
}

async function browserPart(panel, done) {
  const chooser = await keyChooser({ legend: "Which key?" });
  const any = (await atHand()).length > 0;
  fill(panel, form({
    fields: chooser.fields,
    submit: "Sign in",
    act: async () => {
      const pair = await chooser.pair();
      const asked = await post("/console/api/v1/challenge", { identifier: pair.fingerprint }, QUIET);
      const signature = await pair.sign(utf8(signedText(asked)));
      await signIn({ challenge: asked.challenge, key: pair.fingerprint, signature: base64url(signature) });
      await done();
    },
  }, !any && el("p", null, "No key is kept in this browser yet. Choose the file of one that is registered."), chooser.node));
}

function commandPart(panel, done) {
  const who = field("Account, identifier or key", { hint: "Your account's name, your e-mail or user name here, or a key id.", autocomplete: "username" });
  const answerPlace = el("div");
  fill(panel, form({
    fields: { identifier: who },
    submit: "Get a challenge",
    act: async () => {
      if (who.value.trim() === "") throw new Wrong("identifier", "Say who you are: an account's name, an identifier or a key id.");
      const asked = await post("/console/api/v1/challenge", { identifier: who.value.trim() }, QUIET);
      answerPart(answerPlace, asked, done);
    },
  }, who.node), answerPlace);
}

function answerPart(place, asked, done) {
  signedText(asked);
  const answer = field("The line that it prints", { rows: 3, hint: "KEYID.SIGNATURE" });
  const command = `printf '${FIRST_LINE}\\n%s\\n%s' '${location.origin}' '${asked.challenge}' | countersign console sign --key KEYFILE -`;
  fill(place,
    el("h2", null, "Sign the challenge"),
    el("p", null, "Run this where the key is, with its file in the place of KEYFILE. The challenge works once, for five minutes."),
    copyBlock(command, "the command"),
    form({
      fields: { signature: answer },
      submit: "Sign in",
      act: async () => {
        const line = answer.value.replace(/\s+/g, "");
        const cut = line.lastIndexOf(".");
        if (cut < 1) throw new Wrong("signature", "Wanted one line of a key id, a dot and a signature. Paste the whole line.");
        await signIn({ challenge: asked.challenge, key: line.slice(0, cut), signature: line.slice(cut + 1) });
        await done();
      },
    }, answer.node));
  place.querySelector("textarea").focus();
}

/** The text that is signed. It names the address that this browser shows: a signature for another site is worth nothing here. */
function signedText({ challenge, text }) {
  const own = `${FIRST_LINE}\n${location.origin}\n${challenge}`;
  if (text !== undefined && text !== own) {
    throw new Problem({
      code: "other-origin",
      title: "The server knows this console by another address.",
      detail: `This page is ${location.origin}; the server wants signed: ${text.split("\n")[1] ?? text}. Open the console by that address.`,
    });
  }
  return own;
}

async function signIn(proof) {
  try {
    keepHalf((await post("/console/api/v1/sign-in", proof, QUIET)).page);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    throw new Problem({
      ...error,
      title: "That did not prove anything.",
      detail: "The account, the key and the signature did not fit together, or the challenge was used or too old; for the sake of others it is not told which. Check that the key is registered and live, and take a new challenge.",
    });
  }
}

function linkPart(token, done) {
  return [
    el("h1", null, "Sign in by link"),
    el("p", { class: "lead" }, "Somebody who runs this server, or the command line, made this link for you. It works once."),
    form({
      submit: "Sign in",
      act: async () => {
        keepHalf((await post("/console/api/v1/link", { token }, QUIET)).page);
        await done();
      },
    }),
  ];
}
