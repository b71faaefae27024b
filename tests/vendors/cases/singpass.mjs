// GovTech's package exchanges an authorisation code.
//: dialect singpass
//: npm @govtechsg/singpass-myinfo-oidc-helper@8.4.6
//: vendor @govtechsg/singpass-myinfo-oidc-helper
import { createRequire } from "node:module";

import { capture, keys, named, printCase } from "./capture.mjs";

const HOST = "https://id.singpass.gov.sg";
const listening = await capture((_, path) =>
    path.includes("openid-configuration") ? JSON.stringify({ issuer: HOST, token_endpoint: `${HOST}/token` }) : JSON.stringify({ id_token: "t", access_token: "t" }),
);
// The package speaks of itself on standard output, which is the runner's.
console.info = console.warn = console.error = () => {};
const { NdiOidcHelper } = createRequire(import.meta.url)("@govtechsg/singpass-myinfo-oidc-helper/dist/singpass/singpass-helper-ndi.js");
const helper = new NdiOidcHelper({
    oidcConfigUrl: `${HOST}/.well-known/openid-configuration`,
    clientID: "client-1",
    redirectUri: "https://client.example.com/callback",
    jweDecryptKey: { key: keys.text("ec256"), format: "pem" },
    clientAssertionSignKey: { key: keys.text("ec256"), format: "pem", alg: "ES256" },
});
await helper.getTokens("code-1");
listening.stop();
printCase({
    accounts: [{ name: "app", identifiers: { "singpass-client": "client-1" }, keys: [{ file: "ec256.pub.pem" }] }],
    requests: named(listening.requests.filter((request) => request.method === "POST"), "token"),
    sign: { key: "ec256.pem", identifier: "client-1", method: "POST", url: `${HOST}/token` },
    // The package writes none, and may: see `single_use`.
    differs: ["claim.jti"],
});
