// Amazon's package signs and calls its API; our signature is over the text that it builds.
//: dialect amazon-pay
//: npm @amazonpay/amazon-pay-api-sdk-nodejs@2.3.4
//: vendor @amazonpay/amazon-pay-api-sdk-nodejs
import crypto from "node:crypto";
import { createRequire } from "node:module";

import { capture, keys, named, printCase, verifying } from "./capture.mjs";

const require = createRequire(import.meta.url);
const { WebStoreClient } = require("@amazonpay/amazon-pay-api-sdk-nodejs");
const helper = require("@amazonpay/amazon-pay-api-sdk-nodejs/src/clientHelper.js");
const KEY = "SANDBOX-AAAAAAAAAAAAAAAAAAAAAAAA";
const settings = { publicKeyId: KEY, privateKey: keys.text("rsa"), region: "us", algorithm: "AMZN-PAY-RSASSA-PSS-V2" };

// The package always signs `user-agent` too. It is the caller's choice and countersign does not: its line and its name are taken out.
const without = (text) => text.replace(/^user-agent:.*\n/m, "").replace(/;user-agent/, "");

/** What the package writes for a request at a date, where its key is a check of this signature: its headers, and whether it fits. */
function checked(asked, date, signature) {
    const [RealDate, createHash, createSign] = [Date, crypto.createHash, crypto.createSign];
    let good = false;
    globalThis.Date = class extends RealDate {
        constructor() {
            super(date);
        }
    };
    crypto.createHash = (name) => {
        const hash = createHash(name);
        return { update: (text) => hash.update(typeof text === "string" && text.includes("user-agent:") ? without(text) : text) };
    };
    crypto.createSign = (name) => {
        const verify = crypto.createVerify(name);
        return {
            update(text) {
                verify.update(text);
                return this;
            },
            sign({ padding, saltLength }) {
                good = verify.verify({ key: keys.text("rsa.pub"), padding, saltLength }, signature, "base64");
                return signature;
            },
        };
    };
    try {
        return { headers: helper.signHeaders(settings, asked), good };
    } finally {
        [globalThis.Date, crypto.createHash, crypto.createSign] = [RealDate, createHash, createSign];
    }
}

await verifying((request) => {
    const url = new URL(request.url);
    const ours = request.headers.authorization ?? "";
    const asked = {
        method: request.method,
        urlFragment: url.pathname.slice(1),
        queryParams: Object.fromEntries(url.searchParams),
        payload: request.body.toString(),
    };
    const { headers, good } = checked(asked, request.headers["x-amz-pay-date"], ours.split("Signature=")[1] ?? "");
    const same = ["accept", "content-type", "x-amz-pay-date", "x-amz-pay-host", "x-amz-pay-region"].every((name) => headers[name] === request.headers[name]);
    return good && same && without(headers.authorization) === ours;
});

const listening = await capture();
const client = new WebStoreClient(settings);
await client.getCheckoutSession("session-1", {}).catch(() => {});
await client.createCheckoutSession({ webCheckoutDetails: { checkoutReviewReturnUrl: "https://shop.example.com/ö" } }, { "x-amz-pay-idempotency-key": "idem-1" }).catch(() => {});
await client.apiCall({ method: "GET", urlFragment: "reports", queryParams: { reportTypes: "a b,c", createdSince: "2026-01-01T00:00:00Z" } }).catch(() => {});
listening.stop();
printCase({
    accounts: [{ name: "shop", identifiers: { "public-key-id": KEY }, keys: [{ file: "rsa.pub.pem" }] }],
    requests: named(listening.requests, "read", "create", "query"),
    sign: {
        key: "rsa.pem",
        identifier: KEY,
        method: "POST",
        url: "https://pay-api.amazon.com/v2/checkoutSessions?a=1&name=a%20b",
        body: '{"webCheckoutDetails":{}}',
    },
    verifies: true,
});
