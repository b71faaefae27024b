// The modules that write and read key files, against openssl and the command line.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { must, same, test } from "../cases.js";

const PHRASE = "a passphrase of some length";

export async function run({ installation, pages, work }) {
  // A copy that says what it is: the pages themselves need no package file.
  const copy = path.join(work, "modules");
  fs.rmSync(copy, { recursive: true, force: true });
  fs.cpSync(pages, copy, { recursive: true });
  fs.writeFileSync(path.join(copy, "package.json"), '{"type":"module"}');
  const load = (name) => import(pathToFileURL(path.join(copy, name)));
  const [{ seal, open }, { scrypt }, { pem }, { pairOfBytes, WantsPassphrase }, { mustNotBeSent }, { hex, utf8 }, { firstDifference, span }] = await Promise.all(
    ["keys/sealed.js", "keys/scrypt.js", "keys/pem.js", "keys/key-file.js", "keys/public-text.js", "lib/bytes.js", "lib/difference.js"].map(load));
  const openssl = (given, input) => execFileSync("openssl", given, { input, stdio: ["pipe", "pipe", "pipe"] });
  const bytes = (buffer) => new Uint8Array(buffer);

  const kinds = {
    RSA: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    Ed25519: ["-algorithm", "ED25519"],
    "P-256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "P-384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "P-521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
  };
  for (const [kind, given] of Object.entries(kinds)) {
    const key = openssl(["genpkey", ...given]);
    const spki = openssl(["pkey", "-pubout", "-outform", "DER"], key);
    await test(`a key of openssl is read: ${kind}`, async () => {
      const pair = await pairOfBytes(bytes(key));
      same(pair.kind, kind, "kind");
      same(hex(pair.spki), spki.toString("hex"), "public half");
      same((await pair.sign(utf8("x"))).length > 60, true, "it signs");
      must(!pair.privateKey.extractable, "the private half can be taken out");
    });
    await test(`what is sealed here is opened by openssl and the command line: ${kind}`, async () => {
      const pkcs8 = bytes(openssl(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], key));
      const text = pem("ENCRYPTED PRIVATE KEY", await seal(pkcs8, PHRASE));
      const opened = openssl(["pkey", "-passin", `pass:${PHRASE}`, "-pubout", "-outform", "DER"], text);
      same(opened.toString("hex"), spki.toString("hex"), "openssl's public half");
      const file = path.join(work, `sealed-${kind}.pem`);
      fs.writeFileSync(file, text, { mode: 0o600 });
      fs.writeFileSync(path.join(work, "phrase"), PHRASE);
      const shown = JSON.parse(installation.cli("--json", "key", "show", file, "--passphrase-file", path.join(work, "phrase")));
      must(JSON.stringify(shown).includes(hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes(spki))))), "the command line shows another key");
      same(hex((await pairOfBytes(utf8(text), PHRASE)).spki), spki.toString("hex"), "read back");
    });
  }
  await test("older spellings of a private key are read: PKCS#1, SEC1, DER", async () => {
    const rsa = openssl(["genpkey", ...kinds.RSA]);
    same((await pairOfBytes(bytes(openssl(["rsa", "-traditional"], rsa)))).kind, "RSA", "PKCS#1");
    same((await pairOfBytes(bytes(openssl(["rsa", "-traditional", "-outform", "DER"], rsa)))).kind, "RSA", "PKCS#1 in DER");
    const ec = openssl(["genpkey", ...kinds["P-256"]]);
    same((await pairOfBytes(bytes(openssl(["ec"], ec)))).kind, "P-256", "SEC1");
  });
  await test("a key file of the command line is read, with and without a passphrase", async () => {
    const file = path.join(work, "cli.pem");
    for (const old of [file, `${file}.pub`, `${file}.sealed`, `${file}.sealed.pub`]) fs.rmSync(old, { force: true });
    installation.cli("key", "new", file);
    same((await pairOfBytes(bytes(fs.readFileSync(file)))).kind, "Ed25519", "plain");
    fs.writeFileSync(path.join(work, "phrase"), PHRASE);
    installation.cli("key", "new", `${file}.sealed`, "--passphrase-file", path.join(work, "phrase"));
    const sealed = bytes(fs.readFileSync(`${file}.sealed`));
    same((await pairOfBytes(sealed, PHRASE)).kind, "Ed25519", "sealed with scrypt");
    const none = await pairOfBytes(sealed).catch((error) => error);
    must(none instanceof WantsPassphrase, `without a passphrase: ${none}`);
    const wrong = await pairOfBytes(sealed, "another").catch((error) => error);
    must(/does not open/.test(wrong.message), `with another passphrase: ${wrong}`);
  });
  await test("scrypt is that of RFC 7914", async () => {
    const made = await scrypt(utf8("password"), utf8("NaCl"), { n: 1024, r: 8, p: 16 }, 64);
    same(hex(made).slice(0, 32), "fdbabe1c9d3472007856e7190d01e9fe", "first bytes");
  });
  await test("broken files are told, not thrown about", async () => {
    const key = bytes(openssl(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], openssl(["genpkey", ...kinds.Ed25519])));
    for (let cut = 0; cut < key.length; cut += 1) {
      const found = await pairOfBytes(key.slice(0, cut)).catch((error) => error);
      must(found instanceof Error, `cut at ${cut} was read`);
    }
    const opened = await open(key, PHRASE).catch((error) => error);
    must(opened instanceof Error, "a plain key was opened");
  });
  await test("private keys are noticed in every spelling, public ones pass", async () => {
    for (const [kind, given] of Object.entries(kinds)) {
      const key = openssl(["genpkey", ...given]);
      const der = openssl(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], key);
      for (const [name, text] of Object.entries({ pem: key.toString(), oneLine: key.toString().replaceAll("\n", "\\n"), base64: der.toString("base64"), hex: der.toString("hex"), url: der.toString("base64url") })) {
        must(mustNotBeSent(text), `${kind} as ${name} would be sent`);
      }
      const spki = openssl(["pkey", "-pubout", "-outform", "DER"], key);
      for (const text of [openssl(["pkey", "-pubout"], key).toString(), spki.toString("base64"), spki.toString("hex")]) same(mustNotBeSent(text), null, `${kind} public`);
    }
    must(mustNotBeSent('{"kty":"OKP","crv":"Ed25519","x":"a","d":"b"}'), "a private JWK would be sent");
    same(mustNotBeSent('{"kty":"OKP","crv":"Ed25519","x":"a"}'), null, "a public JWK");
  });
  await test("differences are found where they are", async () => {
    same(firstDifference(utf8("abc"), utf8("abc")), null, "equal");
    same(JSON.stringify(span(utf8("a/b?x=1"), utf8("a\\/b?x=1"))), '{"start":1,"ends":[1,2]}', "one byte more");
    same(JSON.stringify(span(utf8("aa"), utf8("aaa"))), '{"start":2,"ends":[2,3]}', "a tail");
  });
}
