// The playground: signs a request in the browser, shows how the server judges it, and sends it where that is possible.
import { get, getIfThere, post } from "../lib/api.js";
import { base64, utf8 } from "../lib/bytes.js";
import { copyBlock } from "../lib/copy.js";
import { el, fill } from "../lib/element.js";
import { explanationShown } from "../lib/explanation.js";
import { choice, field, form as formOf, Wrong } from "../lib/field.js";
import { mark } from "../lib/mark.js";
import { serverNow } from "../lib/moment.js";
import { problemBox } from "../lib/problem.js";
import { notHere } from "../lib/table.js";
import { keyChooser } from "../keys/holder.js";
import { algorithmsOf, signedDialects } from "./signed-dialects.js";
import { PROOFS, TAMPERS, curl, signedRequest } from "../proof/proofs.js";

const BODILESS = ["GET", "HEAD"];

export const playground = {
  title: "Playground",
  async show({ me, query }) {
    const { items: keys } = await get("/console/api/v1/keys");
    const dialects = await signedDialects(me, keys);
    const own = await getIfThere("/console/api/v1/delegations");
    const known = dialects ? dialects.flatMap(({ name }) => PROOFS.filter((proof) => proof.name === name)) : PROOFS;
    const head = [
      el("h1", null, "Playground"),
      el("p", { class: "lead" }, "Sign a request with your key, break it if you like, and see how it is judged. Signing happens in this page; nothing is used up by looking."),
    ];
    if (known.length === 0) return [...head, notHere("A dialect that this page can write")];
    const first = known.find((proof) => proof.name === query.get("dialect")) ?? known[0];
    const form = el("div", { class: "try-form" });
    const result = el("section", { class: "try-result", "aria-label": "Result" }, el("p", { class: "quiet" }, "The signed request and the judgement appear here."));
    const which = choice("Dialect", known.map((proof) => [proof.name, proof.name, dialects?.find((one) => one.name === proof.name)?.summary]), {
      value: first.name,
      onchange: (name) => requestForm(form, result, known.find((proof) => proof.name === name), dialects, { ...me, keys, acts_as: own?.acts_as }),
    });
    await requestForm(form, result, first, dialects, { ...me, keys, acts_as: own?.acts_as });
    return [...head, el("div", { class: "two" }, el("div", null, which.node, form), result)];
  },
};

async function requestForm(place, result, proof, dialects, me) {
  const dialect = dialects?.find((one) => one.name === proof.name);
  const settings = dialect?.settings ?? {};
  const route = dialect?.routes?.[0]?.url;
  const identifier = (namespace) => (me.account.identifiers ?? []).find((one) => one.namespace === namespace)?.value ?? "";
  const method = field("Method", { options: ["GET", "POST", "PUT", "PATCH", "DELETE"].map((name) => [name, name]), value: proof.ownRequest ? "POST" : "GET" });
  const url = field(proof.ownRequest ? "Address of the session API's auth/token" : "Address", { kind: "url", value: proof.ownRequest ? sessionUrl(route) : (route ?? ""), hint: dialect?.routes?.length > 1 ? `Routes: ${dialect.routes.map((one) => one.url).join(", ")}` : null });
  const body = field("Body", { rows: 3, optional: true });
  const values = Object.fromEntries(proof.fields(identifier, me, settings).map(({ name, label, ...rest }) => [name, field(label, rest)]));
  const chooser = await keyChooser({ kinds: proof.kinds });
  const tamper = choice("Break something?", ["none", ...proof.tampers].map((name) => [name, ...TAMPERS[name]]), { value: "none" });
  const ask = proof.ownRequest && el("button", { type: "button", onclick: () => challenge(url, values) }, "Ask for a challenge");
  const act = async () => {
    checkUrl(url.value);
    for (const [name, one] of Object.entries(values)) if (one.value.trim() === "") throw new Wrong(name, "This is needed to sign.");
    const pair = await chooser.pair();
    const given = Object.fromEntries(Object.entries(values).map(([name, one]) => [name, one.value.trim()]));
    const text = proof.ownRequest || BODILESS.includes(method.value) ? "" : body.value;
    const request = await signedRequest({ proof, pair, settings, values: given, method: method.value, url: new URL(url.value).href, body: text, tamper: tamper.value, algorithms: allowed(pair, dialect, me.keys), now: Math.floor(serverNow() / 1000) });
    await showResult(result, proof, request);
  };
  fill(place, formOf({ fields: { url, ...values, ...chooser.fields }, submit: "Sign and judge", act },
    !proof.ownRequest && method.node, url.node,
    !proof.ownRequest && body.node, Object.values(values).map((one) => one.node), ask, chooser.node, el("details", null, el("summary", null, "Break something on purpose"), tamper.node)));
}

/** The algorithms that the dialect takes and the registered key is not narrowed away from. */
function allowed(pair, dialect, keys) {
  const registered = keys.find((key) => key.fingerprints.spki_sha256_hex === pair.fingerprint);
  if (!dialect) return pair.httpAlgorithms;
  return registered ? algorithmsOf(registered, dialect) : dialect.algorithms;
}

function sessionUrl(route) {
  if (!route) return `${location.origin}/v1/auth/token`;
  return /auth\/token$/.test(route) ? route : `${route.replace(/\/$/, "")}/auth/token`;
}

function checkUrl(text) {
  try {
    if (!/^https?:$/.test(new URL(text).protocol)) throw new Error();
  } catch {
    throw new Wrong("url", "Wanted the whole address with http:// or https://.");
  }
}

async function challenge(url, values) {
  values.challenge.error("");
  const address = url.value.replace(/token$/, "code");
  const ask = { userId: values.identifier.value.trim() };
  try {
    const answer = await sent({ method: "POST", url: address, headers: [["content-type", "application/json"]], body: JSON.stringify(ask) });
    const { authCode } = answer.status === 200 ? JSON.parse(answer.text) : {};
    if (authCode) values.challenge.value = authCode;
    else values.challenge.error(`The session API answered ${answer.status}.`);
  } catch (error) {
    values.challenge.error(`${error.message} Ask yourself: curl -s ${address} -H 'Content-Type: application/json' -d '${JSON.stringify(ask)}'`);
  }
}

async function showResult(place, proof, request) {
  const send = el("div", { class: "told", role: "status" });
  const judged = el("div");
  const sendButton = el("button", { type: "button", class: "primary", onclick: () => sendIt(send, request) }, "Send it");
  fill(place,
    el("h2", { tabindex: "-1" }, "The request"),
    copyBlock(curl(request), "the request as a curl command"),
    request.steps && howSigned(request.steps),
    el("div", { class: "actions" }, sendButton, el("p", { class: "quiet small" }, "It goes through this server's gateway like any other request, is logged and counted, and what works once is used up.")),
    send, el("h2", null, "The judgement"), judged);
  place.querySelector("h2").focus();
  if (proof.ownRequest) {
    fill(judged, el("p", null, "A challenge is answered at the session API, which judges it when it is sent. The bytes that were signed:"), copyBlock(new TextDecoder().decode(request.signed), "the signed bytes"));
    return;
  }
  try {
    const told = await post("/console/api/v1/explain", {
      method: request.method,
      url: request.url,
      headers: request.headers,
      body_b64: request.body ? base64(utf8(request.body)) : undefined,
      signed_b64: base64(request.signed),
    });
    fill(judged, explanationShown(told, { signed: request.signed, heading: "h3" }));
  } catch (error) {
    fill(judged, [404, 405].includes(error.status) ? notHere("Explaining a request") : problemBox(error));
  }
}

/** How the signature came to be, one step after the other. */
function howSigned(steps) {
  return el("section", null, el("h2", null, "How it was signed"), el("ol", { class: "judgement", "aria-label": "How it was signed" }, steps.map(([what, text]) =>
    el("li", null, el("p", null, el("strong", null, what)), el("pre", { class: "wraps" }, el("code", null, text))))));
}

/** Has the server send it: browsers send no signed request from here to another address. */
const sent = (request) => post("/console/api/v1/send", {
  method: request.method,
  url: request.url,
  headers: request.headers,
  body_b64: BODILESS.includes(request.method) || !request.body ? undefined : base64(utf8(request.body)),
});

/** JSON on lines of its own, all else as it came. */
function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function sendIt(place, request) {
  fill(place, el("p", { class: "quiet" }, "Sending…"));
  try {
    const answer = await sent(request);
    const named = new Map(answer.headers);
    const reject = named.get("countersign-reject");
    const good = answer.status < 400;
    fill(place, el("div", { class: `box ${good ? "good" : "bad"}` },
      el("p", { class: "box-title" }, mark(good ? "verified" : "refused", `Answer ${answer.status}`)),
      reject && el("p", null, "Reject id ", el("a", { href: `#/refusals/${encodeURIComponent(reject)}` }, reject))),
    el("p", { class: "quiet small" }, `${named.get("content-type") ?? "no content type"}${answer.cut ? ", its beginning" : ""}`),
    el("pre", { class: "answer", tabindex: "0", "aria-label": "Body of the answer" }, el("code", null, readable(answer.text) || "(empty)")));
  } catch (error) {
    fill(place, problemBox(error));
  }
}
