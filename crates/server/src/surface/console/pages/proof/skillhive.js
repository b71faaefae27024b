// skillhive: a signature over a JSON text of address, content, connection and user.
import { base64, utf8 } from "../lib/bytes.js";
import { headerName } from "./token.js";

export const skillhive = {
  name: "skillhive",
  kinds: ["RSA"],
  tampers: ["signature", "path", "body"],
  fields: (own, me) => [
    { name: "identifier", label: "Your connection id", value: own("connection") },
    { name: "acting", label: "User you act for", value: me.acts_as?.[0] ?? "" },
  ],
  async sign({ pair, settings, values, url, body, tamper }) {
    const signed = utf8(JSON.stringify({ url, content: body, api_id: values.identifier, user: values.acting }));
    const signature = await pair.sign(signed);
    if (tamper === "signature") signature[signature.length - 2] ^= 1;
    const headers = [
      [headerName(settings.id_header ?? "api-id"), values.identifier],
      [headerName(settings.user_header ?? "api-user"), values.acting],
      [headerName(settings.signature_header ?? "api-signature"), base64(signature)],
    ];
    return { headers, signed };
  },
};
