// SMART Health IT's package exchanges an authorisation code, by the same assertion that a backend service makes.
//: dialect smart-backend
//: npm fhirclient@2.6.3
//: vendor fhirclient
import crypto from "node:crypto";
import { createRequire } from "node:module";

import { capture, keys, named, printCase } from "./capture.mjs";

const FHIR = "https://fhir.example.com/r4";
const TOKEN = "https://fhir.example.com/token";
const smart = createRequire(import.meta.url)("fhirclient");
const listening = await capture(() => JSON.stringify({ access_token: "t", token_type: "bearer", expires_in: 300 }));

async function exchange(key, alg, tokenUri = TOKEN) {
    const state = { serverUrl: FHIR, clientId: "client-1", redirectUri: "https://app.example.com/", tokenUri, key: "s", scope: "system/*.read" };
    const kept = { s: state };
    const storage = { get: async (name) => kept[name], set: async (name, value) => (kept[name] = value), unset: async (name) => delete kept[name] };
    const request = { url: "/?code=code-1&state=s", headers: { host: "app.example.com" }, method: "GET", socket: {} };
    const jwk = crypto.createPrivateKey(keys.text(key)).export({ format: "jwk" });
    const response = { writeHead() {}, end() {}, setHeader() {} };
    await smart(request, response, storage).ready({ privateKey: { ...jwk, alg, kid: `${key}-1`, key_ops: ["sign"] } });
}

await exchange("rsa", "RS384");
await exchange("ec384", "ES384");
await exchange("rsa", "RS384", "https://other.example.com/token");
listening.stop();
const [rsa, ec, elsewhere] = named(listening.requests.filter((request) => request.method === "POST"), "RS384", "ES384", "for another server");
printCase({
    accounts: [{ name: "app", identifiers: { "smart-client": "client-1" }, keys: [{ file: "rsa.pub.pem", label: "rsa-1" }, { file: "ec384.pub.pem", label: "ec384-1" }] }],
    settings: { audience: TOKEN },
    requests: [rsa, ec],
    refused: [elsewhere],
    sign: { key: "rsa.pem", identifier: "client-1", method: "POST", url: TOKEN },
});
