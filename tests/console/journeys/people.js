// The people of the journeys: an account with a key that the command line made, registered by an operator.
import fs from "node:fs";
import path from "node:path";

/** How each dialect's callers are known. */
const NAMESPACES = { "http-signature": null, skykit: "email", "asymmetric-jwt": "user", skillhive: "connection", "partner-key": "site", spacetime: "user-id" };

/** Makes an account with a key of this kind for a dialect; gives `{ name, value, file, key, account }`. */
export function person(installation, { name, dialect, namespace = NAMESPACES[dialect], value, kind, label = "first" }) {
  const file = path.join(installation.data, `${name}.pem`);
  if (!fs.existsSync(file)) {
    installation.cli("key", "new", file, "--for", dialect, ...(kind ? ["--type", kind] : []));
    const text = `[[account]]\nname = "${name}"\n${namespace ? `identifiers = { ${namespace} = "${value}" }\n` : ""}[[account.key]]\nlabel = "${label}"\ndialects = ["${dialect}"]\nfile = "${name}.pem.pub"\n`;
    fs.writeFileSync(path.join(installation.data, `${name}.toml`), text);
    installation.cli("apply", `${name}.toml`);
  }
  const keys = JSON.parse(installation.cli("--json", "key", "list", name));
  const list = keys.items ?? keys;
  return { name, value, file, key: list[0].id, account: list[0].account };
}

/** The operator that `countersign init` made. */
export const owner = (installation) => path.join(installation.data, "operator.key");

/** Sends a signed request by the command line; gives its exit code. */
export function call(installation, { dialect, value, file, more = [] }) {
  return installation.tryCli("request", "GET", `${installation.public}/${dialect}/hello`, "--dialect", dialect, ...(value ? ["--as", value] : []), "--key", file, ...more).code;
}
