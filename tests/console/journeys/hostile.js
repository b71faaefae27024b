// Names, labels, paths and user agents that would be markup, script or a trick for the eye: shown as text, or refused.
import path from "node:path";
import { signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { addresses, left } from "./pages.js";
import { owner, person } from "./people.js";
import { explained } from "./send.js";

const MARKUP = `<img src=x onerror=globalThis.taken=1>"'</script><script>globalThis.taken=1</script>{{7*7}}`;
const TURNED = "\u202egnp.exe\u2066";

export async function run({ installation, browser }) {
  const name = `<b onmouseover=globalThis.taken=1>evil</b>`;
  const value = `"><svg/onload=globalThis.taken=1>@example.com`;
  installation.cli("account", "add", name, "--identifier", `email=${value}`);
  const account = JSON.parse(installation.cli("--json", "account", "list")).find((row) => row.name === name) ?? {};
  const file = person(installation, { name: "hostile-key", dialect: "skykit", value: "hostile@example.com" }).file;
  const good = person(installation, { name: "victim", dialect: "skykit", value: "victim@example.com" });

  await test("hostile labels and names are text on every page", async () => {
    must(account.id, "the account was not made");
    const own = path.join(installation.data, "hostile.pem");
    installation.cli("key", "new", own, "--for", "skykit");
    const key = JSON.parse(installation.cli("--json", "key", "register", account.id, "--file", `${own}.pub`, "-d", "skykit", "--label", MARKUP));
    const organisation = JSON.parse(installation.cli("--json", "org", "add", `<iframe src=javascript:globalThis.taken=1>`));
    const reject = await refused(installation);
    const page = await browser.page(installation);
    await signInByFile(page, owner(installation));
    const parameters = { key: key.id, refusal: reject, account: account.id, organisation: organisation.id };
    const kept = JSON.parse(installation.cli("--json", "key", "list", "owner"));
    const { own: owns, operate } = await addresses(page, { operate: parameters, own: { key: (kept.items ?? kept)[0].id, refusal: reject } });
    await explained(page, `#/operate/refusals/${reject}`);
    for (const hash of [...operate, ...owns]) {
      await page.open(hash);
      await page.waitForTimeout(50);
      const found = await page.evaluate(() => ({ taken: globalThis.taken, made: document.querySelectorAll("main img, main script, main iframe, main b, main svg[onload]").length, on: document.querySelectorAll("[onerror],[onload],[onmouseover]").length }));
      same(JSON.stringify(found), JSON.stringify({ made: 0, on: 0 }), hash);
    }
    await page.open(`#/operate/keys/${key.id}`);
    same(await page.locator("h1").innerText(), MARKUP, "the label as it was given");
    await page.open(`#/operate/accounts/${account.id}`);
    same(await page.locator("h1").innerText(), name, "the name as it was given");
    await left(page, installation);
  });

  await test("its owner sees them as text too, in the menus and commands as well", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, file);
    await page.locator("main").getByRole("heading", { level: 1 }).waitFor();
    for (const hash of ["#/start", "#/keys", "#/try", "#/snippets", "#/sessions", "#/activity"]) {
      await page.open(hash);
      same(await page.evaluate(() => globalThis.taken ?? null), null, hash);
    }
    await left(page, installation);
  });

  await test("letters that turn or hide text are refused in labels, and shown as numbers elsewhere", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, good.file);
    await page.open(`#/keys/${good.key}`);
    await page.getByRole("button", { name: "Rename" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill(`x${TURNED}`);
    await dialog.getByRole("button", { name: /Rename|Save|Set/ }).click();
    await page.getByText(/without control or invisible characters/).first().waitFor();
    await page.keyboard.press("Escape");
    // A stranger's request names somebody so.
    const operator = await browser.page(installation);
    await signInByFile(operator, owner(installation));
    const reject = await refused(installation, `x${TURNED}@example.com`);
    await explained(operator, `#/operate/refusals/${reject}`);
    const told = await operator.locator("main").innerText();
    must(!told.includes("\u202e") && !told.includes("\u2066"), "the letters reached the page");
    must(/U\+202E|u\{202e\}/i.test(told), told.slice(0, 1500));
    for (const one of [page, operator]) await left(one, installation);
  });
}

/** A request that is refused, by a user agent and a name that mean harm; gives its reject id. */
async function refused(installation, issuer = MARKUP) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const token = [part({ alg: "RS256", typ: "JWT" }), part({ iss: issuer, iat: now, exp: now + 60 }), Buffer.alloc(256, 7).toString("base64url")].join(".");
  const answer = await fetch(`${installation.public}/skykit/%3Cscript%3Eglobalthis.taken=1%3C/script%3E`, {
    headers: { authorization: `Bearer ${token}`, "user-agent": `<script>globalThis.taken=1</script><img src=x onerror=globalThis.taken=1>` },
  });
  return answer.headers.get("countersign-reject");
}
