// What the pages offer by themselves fits the account: nothing is chosen here but what has no default.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { left } from "./pages.js";
import { person } from "./people.js";

/** Accounts that speak one dialect each, and what names them there. */
const ACCOUNTS = {
  skykit: { value: "offered@example.com" },
  "asymmetric-jwt": { value: "offered-user" },
  "http-signature": {},
};

export async function run({ installation, browser, work }) {
  for (const [dialect, { value }] of Object.entries(ACCOUNTS)) {
    await test(`an account for ${dialect} alone takes what each page offers`, async () => {
      const who = person(installation, { name: `offered-${dialect}`, dialect, value });
      const page = await browser.page(installation);
      await signInByFile(page, who.file);
      await page.open("#/start");
      const command = await page.getByLabel("the command", { exact: true }).innerText();
      must(command.includes(`--dialect ${dialect} `) && !command.includes("NAME"), command);
      must(installation.shell(command.replace("KEYFILE", who.file)).includes(`/${dialect}/`), "the first call does not pass");
      const heading = await page.getByRole("heading", { level: 2, name: /Have a key/ }).innerText();
      must(!/key✓/.test(heading), heading);

      await page.open("#/try");
      must(await page.getByLabel(dialect, { exact: true }).isChecked(), "the playground begins with another dialect");
      await page.getByRole("button", { name: "Sign and judge" }).click();
      await page.locator(".explanation .mark.good", { hasText: "verified" }).first().waitFor();

      await page.open("#/keys/new");
      must(await page.getByLabel(dialect, { exact: true }).isChecked(), "a new key is for another dialect");

      await page.open("#/snippets");
      same(await page.getByLabel("Dialect").inputValue(), dialect, "the snippet's dialect");
      same(await page.getByLabel("Key", { exact: true }).inputValue(), who.key, "the snippet's key");
      if (await page.getByLabel("Language").isVisible()) {
        await page.getByRole("heading", { level: 2, name: "Python" }).waitFor();
        const text = await page.getByLabel("the snippet", { exact: true }).innerText();
        must((value === undefined || text.includes(value)) && !/YOUR-IDENTIFIER/.test(text), text);
        // Another language is the one choice: it needs nothing but itself.
        await page.getByLabel("Language").selectOption("node");
        await page.getByRole("heading", { level: 2, name: "Node.js" }).waitFor();
        const folder = path.join(work, `offered-${dialect}`);
        fs.mkdirSync(folder, { recursive: true });
        fs.copyFileSync(who.file, path.join(folder, "key.pem"));
        fs.writeFileSync(path.join(folder, "request.mjs"), await page.getByLabel("the snippet", { exact: true }).innerText());
        must(execFileSync("node", ["request.mjs"], { cwd: folder, encoding: "utf8" }).includes(`/${dialect}/`), "the snippet does not pass");
      }
      await left(page, installation);
    });
  }

  await test("other dialects stay to be chosen, and what names nobody there says so", async () => {
    const who = person(installation, { name: "offered-skykit", dialect: "skykit", value: ACCOUNTS.skykit.value });
    const page = await browser.page(installation);
    await signInByFile(page, who.file);
    await page.open("#/snippets");
    await page.getByLabel("Dialect").selectOption("asymmetric-jwt");
    await page.shows("Your account has no identifier for asymmetric-jwt (user)");
    await page.open("#/try?dialect=http-signature");
    must(await page.getByLabel("http-signature", { exact: true }).isChecked(), "the dialect of the address");
    await left(page, installation);
  });

  await test("signing in to the console is no use of a key", async () => {
    const who = person(installation, { name: "offered-quiet", dialect: "skykit", value: "quiet@example.com" });
    const page = await browser.page(installation);
    await signInByFile(page, who.file);
    // Uses are written within ten seconds.
    await page.waitForTimeout(11_000);
    await page.open("#/keys");
    await page.shows("never used");
    await left(page, installation);
  });
}
