// Who calls in these tests: one caller for each dialect, as the server's description of accounts and as the package's callback has it.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { thumbprint } from 'countersign';

const USER = 'testuser@demoskillhive.com';
const SECRET = 'api-key-0123456789abcdef0123456789abcdef';

function pair(kind) {
  const encodings = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } };
  return kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048, ...encodings }) : generateKeyPairSync('ed25519', encodings);
}

function person(dialect, namespace, identifier, kind, more = {}) {
  return { dialect, namespace, identifier, account: `${dialect}-account`, ...pair(kind), ...more };
}

export const PEOPLE = [
  person('asymmetric-jwt', 'user', 'guido', 'ed25519'),
  person('skillhive', 'connection', 'c7ds89c7shc7ds98h98', 'rsa', { actingAs: USER }),
  person('partner-key', 'site', '54344', 'rsa', { companion: SECRET }),
  person('skykit', 'email', 'ops@example.com', 'rsa'),
  person('http-signature', null, 'message-signer', 'ed25519'),
];

/** The one who speaks a dialect. */
export const of = (dialect) => PEOPLE.find((one) => one.dialect === dialect);

/** The options of a signer; `key` may be a stranger's. */
export function caller(dialect, more = {}) {
  const { identifier, privateKey, actingAs, companion } = of(dialect);
  return { dialect, key: privateKey, identifier, actingAs, companion, ...more };
}

/** A key that nobody has registered. */
export const stranger = (dialect) => pair(of(dialect).privateKey.length > 500 ? 'rsa' : 'ed25519').privateKey;

/** The callback that a program would write over its database. */
export async function keys({ dialect, namespace, identifier }) {
  const one = of(dialect);
  const named = namespace === undefined
    ? identifier === thumbprint(one.publicKey)
    : namespace === one.namespace && identifier === one.identifier;
  if (!named) return null;
  return {
    account: one.account,
    keys: [{ publicKey: one.publicKey, label: 'first' }],
    actsAs: one.actingAs ? [one.actingAs] : [],
    companions: one.companion ? [createHash('sha256').update(one.companion).digest('hex')] : [],
  };
}

/** The same as a description for `countersign apply`, in a folder. */
export function describe(folder) {
  const accounts = PEOPLE.map(({ dialect, namespace, identifier, account, publicKey, actingAs, companion }) => {
    writeFileSync(join(folder, `${dialect}.pub.pem`), publicKey);
    const lines = ['[[account]]', `name = "${account}"`];
    if (namespace) lines.push(`identifiers = { ${namespace} = "${identifier}" }`);
    if (actingAs) lines.push(`acts_as = ["${actingAs}"]`);
    lines.push('[[account.key]]', 'label = "first"', `dialects = ["${dialect}"]`, `file = "${dialect}.pub.pem"`);
    if (companion) {
      writeFileSync(join(folder, 'companion.txt'), companion);
      lines.push('[[account.companion]]', 'label = "app"', `dialect = "${dialect}"`, 'secret_file = "companion.txt"', 'bound = true');
    }
    return lines.join('\n');
  });
  return `[[user]]\nname = "${USER}"\n\n${accounts.join('\n\n')}\n`;
}
