// The snippets page: every dialect in every language has the account's own values, and what a person copies runs as it stands.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { left } from "./pages.js";
import { person } from "./people.js";

const DIALECTS = { skykit: "snip@example.com", "asymmetric-jwt": "snip-user", skillhive: "70002", "partner-key": "snip-site", spacetime: "snip-1" };
const LANGUAGES = ["countersign", "shell", "python", "php", "node", "go", "java", "rust"];
/** What needs nothing but the language itself. */
const RUN = { shell: ["bash", "request.sh"], node: ["node", "request.mjs"], php: ["php", "request.php"] };

export async function run({ installation, browser, work }) {
  const who = person(installation, { name: "snip", dialect: "skykit", value: DIALECTS.skykit });
  for (const [dialect, value] of Object.entries(DIALECTS)) {
    const namespace = { "asymmetric-jwt": "user", skillhive: "connection", "partner-key": "site", spacetime: "user-id" }[dialect];
    if (namespace) installation.cli("account", "identifier", "add", "snip", `${namespace}=${value}`);
  }
  const folder = path.join(work, "snippets");
  fs.mkdirSync(folder, { recursive: true });
  fs.copyFileSync(who.file, path.join(folder, "key.pem"));

  await test("every dialect in every language, with the account's own values", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, who.file);
    await page.open("#/snippets");
    const offered = await page.getByLabel("Dialect").locator("option").allInnerTexts();
    same(offered.toSorted().join(), Object.keys(DIALECTS).toSorted().join(), "dialects");
    const seen = new Set();
    for (const [dialect, value] of Object.entries(DIALECTS)) {
      await page.getByLabel("Dialect").selectOption(dialect);
      for (const language of LANGUAGES) {
        const answer = page.waitForResponse((one) => one.url().includes("/snippets?") && one.url().includes(`dialect=${dialect}`) && one.url().includes(`language=${language}&`));
        await page.getByLabel("Language").selectOption(language);
        // The same one chosen again asks nothing.
        const { text } = await (await Promise.race([answer, page.waitForTimeout(3000).then(() => null)]))?.json() ?? {};
        must(text, `${dialect} in ${language}: not asked for`);
        await page.waitForFunction((wanted) => document.querySelector("main .copy-block code")?.textContent === wanted, text);
        must(text.includes(value) && text.includes(installation.public), `${dialect} in ${language}:\n${text}`);
        must(!/\{\{|PRIVATE KEY-----\n/.test(text), `${dialect} in ${language}:\n${text}`);
        seen.add(text);
      }
    }
    same(seen.size, Object.keys(DIALECTS).length * LANGUAGES.length, "different programs");
    await left(page, installation);
  });

  for (const [language, [program, name]] of Object.entries(RUN)) {
    await test(`what is copied runs as it stands: ${language}`, async () => {
      const page = await browser.page(installation, { permissions: ["clipboard-read", "clipboard-write"] });
      await signInByFile(page, who.file);
      await page.open("#/snippets");
      await page.getByLabel("Dialect").selectOption("skykit");
      const [answer] = await Promise.all([
        page.waitForResponse((one) => one.url().includes("dialect=skykit") && one.url().includes(`language=${language}&`)),
        page.getByLabel("Language").selectOption(language),
      ]);
      const wanted = (await answer.json()).text;
      await page.waitForFunction((text) => document.querySelector("main .copy-block code")?.textContent === text, wanted);
      await page.getByRole("button", { name: "Copy the snippet" }).click();
      await page.shows("Copied the snippet.");
      const text = await page.evaluate(() => navigator.clipboard.readText());
      fs.writeFileSync(path.join(folder, name), text);
      const told = execFileSync(program, [name], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      must(told.includes("/skykit/"), `the echo was not reached: ${told.slice(0, 400)}`);
      await left(page, installation);
    });
  }
}
