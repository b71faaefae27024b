// Needs Node.js 18 or newer, and no package.
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const key = createPrivateKey(readFileSync({{key_file}}));
const url = {{url}};
const apiId = {{identifier}};
const user = {{acting_as}};
const content = "";

const text = JSON.stringify({ url, content, api_id: apiId, user });
const signature = sign("sha256", Buffer.from(text), key).toString("base64");

const headers = {
  [{{setting.id_header}}]: apiId,
  [{{setting.user_header}}]: user,
  [{{setting.signature_header}}]: signature,
};
const answer = await fetch(url, { headers });
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
