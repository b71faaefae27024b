// http-signature, the package of the house that wrote the draft, signs and sends, and verifies ours.
//: dialect draft-cavage-12
//: npm http-signature@1.4.0
//: vendor http-signature
//: note of the house that the draft comes from (Joyent, now MNX)
import crypto from "node:crypto";
import https from "node:https";
import { createRequire } from "node:module";

import { capture, keys, named, printCase, verifying } from "./capture.mjs";

const signature = createRequire(import.meta.url)("http-signature");

await verifying((request) => {
    const url = new URL(request.url);
    // The package knows no `hs2019`, the name by which the draft leaves the algorithm to the key; no signature covers the name.
    const authorization = request.headers.authorization?.replace('algorithm="hs2019"', 'algorithm="rsa-sha256"');
    const headers = { host: url.host, ...request.headers, authorization };
    const options = { headers: ["(request-target)", "host", "(created)", ...(request.body.length ? ["digest"] : [])] };
    const parsed = signature.parseRequest({ method: request.method, url: url.pathname + url.search, headers, httpVersion: "1.1" }, options);
    // The digest of the body is the caller's affair.
    const digest = `SHA-256=${crypto.createHash("sha256").update(request.body).digest("base64")}`;
    return signature.verifySignature(parsed, keys.text("rsa.pub")) && headers.digest === digest;
});

const listening = await capture();

function ask(method, path, key, algorithm, body, list = ["(request-target)", "host", "(created)"]) {
    return new Promise((done) => {
        const headers = body ? { digest: `SHA-256=${crypto.createHash("sha256").update(body).digest("base64")}` } : {};
        const request = https.request({ host: "api.example.com", port: 443, method, path, headers }, (response) => response.resume().on("end", done));
        request.setHeader("host", "api.example.com");
        signature.sign(request, { keyId: "ops-1", key: keys.text(key), algorithm, headers: body ? [...list, "digest"] : list });
        request.end(body);
    });
}

await ask("GET", "/machines?limit=5", "rsa", "rsa-sha256");
await ask("POST", "/machines", "rsa", "rsa-sha256", '{"name":"ü"}');
await ask("GET", "/machines", "rsa", "rsa-sha256", undefined, ["date"]);
listening.stop();
const [list, create, date] = named(listening.requests, "list", "create", "the date alone");
printCase({
    accounts: [{ name: "ops", identifiers: { "key-name": "ops-1" }, keys: [{ file: "rsa.pub.pem" }] }],
    requests: [list, create],
    refused: [date],
    sign: { key: "rsa.pem", identifier: "ops-1", method: "POST", url: "https://api.example.com/machines?limit=5", body: '{"name":"a"}' },
    verifies: true,
});
