// partner-key: a token with fixed issuer and audience, and an API key beside it.
import { headerName, seconds, token } from "./token.js";

export const partnerKey = {
  name: "partner-key",
  kinds: ["RSA"],
  tampers: ["signature", "claims", "clock"],
  fields: (own) => [
    { name: "identifier", label: "Your site", value: own("site") },
    { name: "companion", label: "API key", kind: "password", hint: "The companion key that you were given; it stays in this page until you send the request." },
  ],
  async sign({ pair, settings, values, now, tamper }) {
    const subject = (settings.make_subject ?? "Partner:{identifier}").replace("{identifier}", values.identifier);
    const claims = { iss: settings.issuer, sub: subject, aud: settings.audience, exp: now + seconds(settings.make_life, 60) };
    const made = await token(pair, { alg: pair.joseAlgorithm, typ: "JWT" }, claims, tamper);
    const apiKey = [headerName(settings.api_key_header ?? "x-api-key"), values.companion];
    return { headers: [[headerName(settings.header ?? "authorization"), made.token], apiKey], signed: made.signed };
  },
};
