// Needs Node.js 18 or newer, and no package.
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const key = createPrivateKey(readFileSync({{key_file}}));
const session = {{session}};
const userId = {{identifier}};

async function post(call, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${session}/auth/${call}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${call}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

// Ask for a challenge, sign its text, and open a session with it.
const { authCode } = await post("code", { userId });
const signature = sign(null, Buffer.from(authCode), key).toString("hex");
const { accessToken } = await post("token", { userId, authCode, signature, key: {{key_base64}}, scheme: "ed25519" });

const answer = await fetch({{url}}, { headers: { authorization: `Bearer ${accessToken}` } });
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
