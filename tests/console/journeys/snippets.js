// The snippets page: every dialect in every language has the account's own values, and what a person copies runs as it stands.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { left } from "./pages.js";
import { person } from "./people.js";

const DIALECTS = { skykit: "snip@example.com", "asymmetric-jwt": "snip-user", skillhive: "70002", "partner-key": "snip-site", spacetime: "snip-1" };
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
    const { items } = await page.evaluate(async () => (await import("/console/lib/api.js")).get("/console/api/v1/dialects"));
    same(offered.toSorted().join(), items.map(({ name }) => name).filter((name) => name !== "own-session").toSorted().join(), "dialects");
    const languages = new Map(items.map(({ name, languages }) => [name, languages]));
    const seen = new Set();
    let wanted = 0;
    for (const dialect of offered) {
      const value = DIALECTS[dialect] ?? "";
      await page.getByLabel("Dialect").selectOption(dialect);
      wanted += languages.get(dialect).length;
      if (languages.get(dialect).length === 0) {
        // What has no program yet has the line of the command line.
        must((await page.getByLabel("the command", { exact: true }).innerText()).includes(`--dialect ${dialect}`), dialect);
        continue;
      }
      same((await page.getByLabel("Language").locator("option").evaluateAll((all) => all.map((one) => one.value))).join(), languages.get(dialect).join(), `languages of ${dialect}`);
      // One is shown at once: it is asked for again by another.
      await page.getByLabel("Language").selectOption(languages.get(dialect).at(-1));
      for (const language of languages.get(dialect)) {
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
    must(Object.keys(DIALECTS).every((name) => languages.get(name).length >= 8), "a dialect has lost its programs");
    same(seen.size, wanted, "different programs");
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
