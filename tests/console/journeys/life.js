// Rotation with overlap and revocation: what the page says, and what the gateway does.
import path from "node:path";
import { clean, signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { choose, download } from "./make-key.js";
import { call, person } from "./people.js";

/** The exit code of the command line when a request is refused. */
const REFUSED = 3;

export async function run({ installation, browser, work }) {
  const rota = person(installation, { name: "rota", dialect: "skykit", namespace: "email", value: "rota@example.com" });
  const next = path.join(work, "rota-next.pem");
  const page = await browser.page(installation);

  await test("rotation: both keys pass while they overlap, and the page says who still uses the old one", async () => {
    await signInByFile(page, rota.file);
    await page.open(`#/keys/${rota.key}/rotate`);
    await choose(page, null, "RSA, 2048 bits");
    await page.getByLabel("Label").fill("second");
    await page.getByLabel("Into a file without one").check();
    await page.getByRole("button", { name: "Make the key pair" }).click();
    await download(page, next);
    await page.getByRole("button", { name: "Rotate", exact: true }).click();
    await page.shows("counts from now on");
    for (const file of [rota.file, next]) same(call(installation, { dialect: "skykit", value: rota.value, file }), 0, file);
    await page.open("#/keys");
    await page.shows("Rotation under way");
    // Uses reach the list within the time that the server gathers them.
    for (let turn = 0; turn < 40 && !(await page.getByText("127.0.0.1").count()); turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await page.reload();
      await page.locator("h1").waitFor();
    }
    await page.shows("Still used");
    await page.shows("127.0.0.1");
  });

  await test("revocation wants the name, and the key is refused from then on", async () => {
    await page.open("#/keys");
    await page.getByRole("link", { name: "second", exact: true }).first().click();
    await page.getByRole("heading", { level: 1, name: "second" }).waitFor();
    await page.getByRole("button", { name: "Revoke" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Revoke for ever" }).click();
    await dialog.getByText("Wanted second").waitFor();
    await dialog.getByLabel("Type second to confirm").fill("second");
    await dialog.getByRole("button", { name: "Revoke for ever" }).click();
    await page.locator("main").getByText("revoked").first().waitFor();
    same(call(installation, { dialect: "skykit", value: rota.value, file: next }), REFUSED, "exit code of the request");
    same(call(installation, { dialect: "skykit", value: rota.value, file: rota.file }), 0, "the old key");
  });

  await test("what was done stands under activity", async () => {
    await page.open("#/activity");
    const text = await page.locator("main").innerText();
    must(/key\.revoke/.test(text) && /key\.retire/.test(text), text.slice(0, 600));
    clean(page, installation);
  });

  await test("revoking the key that signed in ends the session", async () => {
    await page.open(`#/keys/${rota.key}`);
    await page.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("textbox").fill("first");
    await page.getByRole("dialog").getByRole("button", { name: "Revoke for ever" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    await page.context().close();
  });
}
