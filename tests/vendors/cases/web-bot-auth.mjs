// Cloudflare's package signs requests of an agent, and verifies ours.
//: dialect web-bot-auth
//: npm web-bot-auth@0.1.3
//: vendor web-bot-auth
import crypto from "node:crypto";

import { capture, keys, named, printCase, verifying } from "./capture.mjs";
import { signatureHeaders, verify } from "web-bot-auth";
import { signerFromJWK, verifierFromJWK } from "web-bot-auth/crypto";

const jwk = (name, more) => ({ ...crypto.createPrivateKey(keys.text(name)).export({ format: "jwk" }), ...more });

await verifying(async (request) => {
    await verify({ method: request.method, url: request.url, headers: request.headers }, await verifierFromJWK(jwk("ed25519")));
    return true;
});

const listening = await capture();

async function ask(url, key, more = {}, life = 300) {
    const headers = new Headers(more);
    const [created, expires] = [new Date(), new Date(Date.now() + life * 1000)];
    const made = await signatureHeaders({ method: "GET", url, headers }, await signerFromJWK(key), { created, expires });
    await fetch(url, { headers: { ...more, ...made } }).catch(() => {});
}

await ask("https://site.example.com/page?q=1", jwk("ed25519"));
await ask("https://site.example.com/page", jwk("rsa", { alg: "PS512" }));
await ask("https://site.example.com/page", jwk("ed25519"), { "signature-agent": '"https://agent.example.com"' });
await ask("https://site.example.com/page", jwk("ed25519"), {}, 2 * 86_400);
listening.stop();
const [plain, rsa, agent, long] = named(listening.requests, "ed25519", "rsa", "names its directory", "two days");
printCase({
    accounts: [{ name: "agent", keys: [{ file: "ed25519.pub.pem" }, { file: "rsa.pub.pem" }] }],
    requests: [plain, rsa, agent],
    refused: [long],
    sign: { key: "ed25519.pem", method: "GET", url: "https://site.example.com/page?q=1", identifier: "" },
    verifies: true,
});
