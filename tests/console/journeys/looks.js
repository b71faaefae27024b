// Every page, light and dark, narrow and wide: axe, the policy, the width; and the wizard by keyboard alone.
import fs from "node:fs";
import path from "node:path";
import { clean, signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { owner, person } from "./people.js";

const OWN = ["start", "keys", "keys/new", "keys/upload", "try", "refusals", "snippets", "sessions", "delegations", "organisation", "activity"];
const OPERATE = ["overview", "verdicts", "refusals", "readiness", "accounts", "organisations", "keys", "sessions", "delegations", "audit", "links", "signing-keys", "operators"];
const WIDTHS = [320, 768, 1280];

export async function run({ installation, browser, work, axe }) {
  const looker = person(installation, { name: "looker", dialect: "skykit", namespace: "email", value: "looker@example.com" });
  const shots = path.join(work, "screenshots");
  fs.mkdirSync(shots, { recursive: true });

  for (const colorScheme of ["light", "dark"]) {
    // axe is injected, which the policy rightly forbids; the policy itself is watched by every other page.
    const page = await browser.page(installation, { colorScheme, bypassCSP: true, reducedMotion: "reduce" });
    const look = (name, hash) => test(`${name}, ${colorScheme}`, async () => {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.open(hash);
      await page.locator("main[data-shown], main.gate").waitFor();
      await page.waitForTimeout(100);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
      const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
      must(grave.length === 0, grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`).join("\n"));
      same(await page.locator("main .box.bad[role=alert]").count(), 0, "problems on the page");
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        must(wide <= width, `at ${width} pixels the page is ${wide} wide`);
        await page.screenshot({ path: path.join(shots, `${name.replaceAll(/[^a-z]+/gi, "-")}-${colorScheme}-${width}.png`), fullPage: true });
      }
    });
    await look("sign-in", "");
    await signInByFile(page, looker.file);
    for (const name of OWN) await look(name, `#/${name}`);
    await look("key", `#/keys/${looker.key}`);
    await look("rotate", `#/keys/${looker.key}/rotate`);
    await page.context().clearCookies();
    await signInByFile(page, owner(installation));
    for (const name of OPERATE) await look(`operate ${name}`, `#/operate/${name}`);
    await look("operate account", `#/operate/accounts/${looker.account}`);
    await look("operate key", `#/operate/keys/${looker.key}`);
    await page.context().close();
  }

  await test("every page of an operator keeps to the policy", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, owner(installation));
    for (const name of [...OPERATE.map((one) => `operate/${one}`), ...OWN]) await page.open(`#/${name}`);
    clean(page, installation);
    await page.context().close();
  });

  await test("the keyboard alone signs in, and focus goes to the heading of what comes", async () => {
    const page = await browser.page(installation);
    await page.open();
    same(await page.evaluate(() => document.activeElement.tagName), "H1", "focus at first");
    await page.getByLabel("Private key file").setInputFiles(looker.file);
    await page.getByLabel("Passphrase of the file").focus();
    await page.keyboard.press("Tab");
    same(await page.evaluate(() => document.activeElement.textContent), "Sign in", "the next stop");
    const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth);
    must(parseFloat(ring) >= 2, `outline ${ring}`);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Make your first signed call" }).waitFor();
    same(await page.evaluate(() => document.activeElement.tagName), "H1", "focus on the new page");
    await page.context().close();
  });

  await test("a dialog is left by Escape, and focus goes back", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, looker.file);
    await page.open(`#/keys/${looker.key}`);
    await page.getByRole("button", { name: "Revoke" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    same(await page.evaluate(() => document.activeElement.textContent), "Revoke", "focus");
    await page.context().close();
  });
}
