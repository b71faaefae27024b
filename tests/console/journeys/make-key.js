// A key made in the browser: no private byte in any request, and the command line signs with the downloaded file.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { clean, signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { call, person } from "./people.js";

const PHRASE = "correct horse battery staple";

export async function run({ installation, browser, work }) {
  const maker = person(installation, { name: "maker", dialect: "skykit", namespace: "email", value: "maker@example.com" });
  const phrase = path.join(work, "made.phrase");
  fs.writeFileSync(phrase, PHRASE);

  await test("a key made in the browser with a passphrase: the command line signs with its file", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, maker.file);
    await page.open("#/keys/new");
    await choose(page, "skykit", "RSA, 3072 bits");
    await page.getByLabel("Label").fill("made in the browser");
    await page.getByLabel("Passphrase", { exact: true }).fill(PHRASE);
    await page.getByLabel("Passphrase again").fill(PHRASE);
    await page.getByRole("button", { name: "Make the key pair" }).click();
    const file = await download(page, path.join(work, "made.enc.pem"));
    await registered(page);
    same(call(installation, { dialect: "skykit", value: maker.value, file, more: ["--passphrase-file", phrase] }), 0, "exit code of the request");
    const plain = execFileSync("openssl", ["pkcs8", "-topk8", "-nocrypt", "-passin", `pass:${PHRASE}`, "-in", file, "-outform", "DER"]);
    nothingPrivate(page, plain, fs.readFileSync(file, "utf8"));
    const told = page.noted.requests.map(({ body }) => body?.toString() ?? "").join();
    must(!told.includes(PHRASE), "the passphrase was sent");
    clean(page, installation);
    await page.context().close();
  });

  await test("nothing is registered before the file is said to be saved", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, maker.file);
    await page.open("#/keys/new");
    await choose(page, "skykit", "RSA, 2048 bits");
    await page.getByLabel("Label").fill("not saved");
    await page.getByLabel("Into a file without one").check();
    await page.getByRole("button", { name: "Make the key pair" }).click();
    await page.getByRole("button", { name: "Register the public key" }).click();
    await page.shows("Download the private key first.");
    await download(page, path.join(work, "made.pem"), false);
    await page.getByRole("button", { name: "Register the public key" }).click();
    await page.shows("Tick that you have saved the file");
    must(!page.noted.requests.some(({ url, method }) => url.endsWith("/keys") && method === "POST"), "it was registered");
    await page.context().close();
  });

  await test("a key that stays in the browser signs in there, and cannot be read out", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, maker.file);
    await page.open("#/keys/new");
    await choose(page, "skykit", "RSA, 2048 bits");
    await page.getByLabel("Label").fill("stays here");
    await page.getByLabel("It stays in this browser").check();
    await page.getByRole("button", { name: "Make the key pair" }).click();
    await page.getByLabel("I understand that only this browser").check();
    await registered(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    await page.getByLabel(/stays here/).check();
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Make your first signed call" }).waitFor();
    const taken = await page.evaluate(() => new Promise((resolve) => {
      const opening = indexedDB.open("countersign-console");
      opening.onsuccess = () => {
        const asked = opening.result.transaction("keys").objectStore("keys").getAll();
        asked.onsuccess = async () => resolve(await crypto.subtle.exportKey("pkcs8", asked.result[0].privateKey).then(() => "taken", (error) => error.name));
      };
    }));
    same(taken, "InvalidAccessError", "taking it out");
    clean(page, installation);
    await page.context().close();
  });

  await test("a pasted private key is noticed before anything is sent", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, maker.file);
    await page.open("#/keys/upload");
    const before = page.noted.requests.length;
    await page.getByLabel("Public key", { exact: true }).fill(fs.readFileSync(maker.file, "utf8"));
    await page.getByRole("button", { name: "Check it" }).click();
    await page.shows("This is a PRIVATE key. It was not sent anywhere.");
    same(page.noted.requests.length, before, "requests");
    await page.context().close();
  });

  await test("an uploaded public key counts after its holder has proved it", async () => {
    const file = path.join(work, "uploaded.pem");
    for (const old of [file, `${file}.pub`]) fs.rmSync(old, { force: true });
    installation.cli("key", "new", file, "--for", "skykit");
    const page = await browser.page(installation);
    await signInByFile(page, maker.file);
    await page.open("#/keys/upload");
    await page.getByLabel("Public key", { exact: true }).fill(fs.readFileSync(`${file}.pub`, "utf8"));
    await page.getByRole("button", { name: "Check it" }).click();
    await page.getByLabel("Label").fill("uploaded");
    await page.getByLabel("skykit", { exact: true }).check();
    await page.getByLabel("Private key file").setInputFiles(file);
    await page.getByRole("button", { name: "Register it" }).click();
    await page.shows("The public half is registered as");
    same(call(installation, { dialect: "skykit", value: maker.value, file }), 0, "exit code of the request");
    clean(page, installation);
    await page.context().close();
  });

  for (const kind of ["rsa-2048", "ed25519"]) {
    const dialect = kind === "ed25519" ? "asymmetric-jwt" : "skykit";
    await test(`openssl proves an uploaded key by the line that the page shows: ${kind}`, async () => {
      const file = path.join(work, `openssl-${kind}.pem`);
      const given = kind === "ed25519" ? ["-algorithm", "ED25519"] : ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
      fs.writeFileSync(file, execFileSync("openssl", ["genpkey", ...given], { stdio: ["pipe", "pipe", "ignore"] }), { mode: 0o600 });
      const page = await browser.page(installation);
      await signInByFile(page, maker.file);
      await page.open("#/keys/upload");
      await page.getByLabel("Public key", { exact: true }).fill(execFileSync("openssl", ["pkey", "-pubout", "-in", file], { encoding: "utf8" }));
      await page.getByRole("button", { name: "Check it" }).click();
      await page.getByLabel("Label").fill(`openssl ${kind}`);
      await page.getByLabel(dialect, { exact: true }).check();
      await page.getByLabel("With openssl").check();
      const line = await page.getByLabel("the command", { exact: true }).innerText();
      await page.getByLabel("The line that it prints").fill(installation.shell(line.replace("KEYFILE", file)));
      await page.getByRole("button", { name: "Register it" }).click();
      await page.shows("The public half is registered as");
      clean(page, installation);
      await page.context().close();
    });
  }
}

/** Chooses dialect and kind. */
export async function choose(page, dialect, kind) {
  if (dialect) await page.getByLabel(dialect, { exact: true }).check();
  await page.getByLabel(kind).check();
}

/** Takes the file, and ticks that it is saved. */
export async function download(page, file, tick = true) {
  const [taken] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /^Download/ }).click()]);
  await taken.saveAs(file);
  fs.chmodSync(file, 0o600);
  if (tick) await page.getByLabel("I have saved the file").check();
  return file;
}

async function registered(page) {
  await page.getByRole("button", { name: "Register the public key" }).click();
  await page.shows("The public half is registered as");
}

/** No request has a part of the private key, in any usual spelling. */
function nothingPrivate(page, der, sealed) {
  const inner = der.subarray(60);
  const pieces = [];
  for (let from = 0; from + 48 <= inner.length; from += 24) {
    const piece = inner.subarray(from, from + 48);
    // The modulus stands in both halves; what does not stand in the public one is private.
    pieces.push(piece);
  }
  const publicHalf = execFileSync("openssl", ["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], { input: der });
  const secret = pieces.filter((piece) => !publicHalf.includes(piece.subarray(0, 24)) && !publicHalf.includes(piece.subarray(24)));
  must(secret.length > 10, "no private part to look for");
  const marks = secret.flatMap((piece) => [0, 1, 2].map((skip) => piece.subarray(skip, skip + 30).toString("base64"))).concat(secret.map((piece) => piece.toString("hex")), sealed.split("\n").slice(1, 6));
  for (const { url, headers, body } of page.noted.requests) {
    const text = `${url}\n${JSON.stringify(headers)}\n${body?.toString("latin1") ?? ""}`;
    must(!/PRIVATE KEY/.test(text), `a private key was sent to ${url}`);
    for (const mark of marks) must(!text.includes(mark) && !text.includes(mark.replaceAll("+", "-").replaceAll("/", "_")), `private bytes were sent to ${url}`);
    for (const piece of secret) must(!body?.includes(piece), `private bytes were sent to ${url}`);
  }
}
