// asymmetric-jwt: a token with user name, time and a nonce, which works once.
import { base64url, hex, sha256, utf8 } from "../lib/bytes.js";
import { headerName, token } from "./token.js";

export const asymmetricJwt = {
  name: "asymmetric-jwt",
  kinds: ["RSA", "Ed25519"],
  tampers: ["signature", "claims", "clock"],
  fields: (own) => [{ name: "identifier", label: "Your user name", value: own("user") }],
  async sign({ pair, settings, values, now, tamper }) {
    const kid = hex(await sha256(utf8(pair.publicPem)));
    const nonce = base64url(crypto.getRandomValues(new Uint8Array(16)));
    const head = { alg: pair.joseAlgorithm, kid, typ: "JWT" };
    const made = await token(pair, head, { username: values.identifier, time: now, nonce }, tamper);
    return { headers: [[headerName(settings.header ?? "authorization"), `${settings.scheme ?? "JWT"} ${made.token}`]], signed: made.signed };
  },
};
