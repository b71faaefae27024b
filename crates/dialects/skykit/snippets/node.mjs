// Needs Node.js 18 or newer, and no package.
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const key = createPrivateKey(readFileSync({{key_file}}));
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const now = Math.floor(Date.now() / 1000);
const signed = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iss: {{identifier}}, iat: now, exp: now + 600 })}`;
const token = `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;

const answer = await fetch({{url}}, { headers: { [{{setting.header}}]: {{setting.scheme}} + " " + token } });
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
