// spacetime: the answer to a challenge, which opens a session.
import { base64, hex, utf8 } from "../lib/bytes.js";

export const spacetime = {
  name: "spacetime",
  kinds: ["Ed25519"],
  tampers: ["signature"],
  /** The request has its own address, method and body. */
  ownRequest: true,
  fields: (own) => [
    { name: "identifier", label: "Your user id", value: own("user-id") },
    { name: "challenge", label: "Challenge", hint: "The authCode that POST …/auth/code answered; it works once." },
  ],
  async sign({ pair, values, tamper }) {
    const signed = utf8(values.challenge);
    const signature = await pair.sign(signed);
    if (tamper === "signature") signature[signature.length - 2] ^= 1;
    // The last 32 bytes of an Ed25519 SPKI document are the key.
    const key = base64(pair.spki.subarray(-32));
    const body = JSON.stringify({ userId: values.identifier, authCode: values.challenge, signature: hex(signature), key, scheme: "ed25519" });
    return { headers: [["Content-Type", "application/json"]], body, signed };
  },
};
