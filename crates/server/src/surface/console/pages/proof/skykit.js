// skykit: a token that names its caller by e-mail and may be sent again for a while.
import { headerName, seconds, token } from "./token.js";

export const skykit = {
  name: "skykit",
  kinds: ["RSA"],
  tampers: ["signature", "claims", "clock"],
  fields: (own) => [{ name: "identifier", label: "Your e-mail", value: own("email") }],
  async sign({ pair, settings, values, now, tamper }) {
    const life = seconds(settings.make_life, 600);
    const head = { alg: pair.joseAlgorithm, typ: "JWT" };
    const made = await token(pair, head, { iat: now, exp: now + life, iss: values.identifier }, tamper);
    return { headers: [[headerName(settings.header ?? "authorization"), `${settings.scheme ?? "Bearer"} ${made.token}`]], signed: made.signed };
  },
};
