// Needs Node.js 18 or newer, and no package. The API key stands in a file of its own.
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const key = createPrivateKey(readFileSync({{key_file}}));
const apiKey = readFileSync({{companion_file}}, "utf8").trim();
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const claims = {
  iss: {{setting.issuer}},
  sub: {{setting.make_subject}},
  aud: {{setting.audience}},
  exp: Math.floor(Date.now() / 1000) + 60,
};
const signed = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`;
const token = `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;

const headers = { [{{setting.header}}]: token, [{{setting.api_key_header}}]: apiKey };
const answer = await fetch({{url}}, { headers });
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
