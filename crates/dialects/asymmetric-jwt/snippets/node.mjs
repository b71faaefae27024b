// Needs Node.js 18 or newer, and no package.
import { createPrivateKey, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const key = createPrivateKey(readFileSync({{key_file}}));
const [alg, digest] = key.asymmetricKeyType === "ed25519" ? ["EdDSA", null] : ["RS256", "sha256"];
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

// The nonce works once: make the token anew for every request.
const claims = { username: {{identifier}}, time: Math.floor(Date.now() / 1000), nonce: randomBytes(16).toString("hex") };
const signed = `${part({ alg, typ: "JWT" })}.${part(claims)}`;
const token = `${signed}.${sign(digest, Buffer.from(signed), key).toString("base64url")}`;

const answer = await fetch({{url}}, { headers: { [{{setting.header}}]: {{setting.scheme}} + " " + token } });
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
