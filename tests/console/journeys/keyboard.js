// Without a mouse: signing in by a challenge, making a key, registering it, and signing out.
import { same, test } from "../cases.js";
import { left } from "./pages.js";
import { call, person } from "./people.js";
import path from "node:path";
import fs from "node:fs";

export async function run({ installation, browser, work }) {
  const keys = person(installation, { name: "keys-only", dialect: "skykit", value: "keys@example.com" });

  await test("sign-in, a new key and the way out by keyboard alone", async () => {
    const page = await browser.page(installation);
    // A mouse that is used fails the case.
    await page.addInitScript(() => addEventListener("pointerdown", () => { throw new Error("a mouse was used"); }, true));
    await page.open();
    await to(page, "A key in this browser, or a key file");
    await page.keyboard.press("ArrowDown");
    await to(page, "Account, identifier or key");
    await page.keyboard.type("keys-only");
    await page.keyboard.press("Enter");
    const command = await page.getByLabel("the command", { exact: true }).innerText();
    same(await named(page), "The line that it prints", "focus after the challenge");
    await page.keyboard.insertText(installation.shell(command.replace("KEYFILE", keys.file)));
    await to(page, "Sign in");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Make your first signed call" }).waitFor();
    await visible(page);

    await to(page, "Skip to the content", true);
    await page.keyboard.press("Tab");
    await to(page, "Keys");
    await page.keyboard.press("Enter");
    await page.locator("main").getByRole("heading", { level: 1 }).filter({ hasText: "keys" }).or(page.getByRole("heading", { level: 1, name: /keys/i })).first().waitFor();
    await to(page, "Make a key");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Make a key" }).waitFor();
    await choose(page, "skykit");
    await choose(page, "RSA, 2048 bits");
    // The label stands above the kinds.
    await to(page, "Label", true);
    await page.keyboard.type("typed");
    await choose(page, "Into a file without one");
    await to(page, "Make the key pair");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 2, name: "Save the private half" }).waitFor();
    await to(page, /^Download/);
    const [taken] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
    const file = path.join(work, "typed.pem");
    await taken.saveAs(file);
    fs.chmodSync(file, 0o600);
    await to(page, "I have saved the file and know where it is");
    await page.keyboard.press("Space");
    await to(page, "Register the public key");
    await page.keyboard.press("Enter");
    await page.shows("The public half is registered as");
    same(call(installation, { dialect: "skykit", value: keys.value, file }), 0, "exit code of the request");
    await to(page, "Sign out", true);
    await page.keyboard.press("Enter");
    await page.shows("You are signed out.");
    await left(page, installation);
  });
}

/** The name of what has the focus, as it is read out. */
const named = (page) => page.evaluate(() => {
  const at = document.activeElement;
  const label = at.labels?.[0] ?? at;
  return (at.getAttribute("aria-label") ?? label.textContent).replace(" (optional)", "").trim();
});

/** Goes on with Tab until that has the focus; each stop must be seen. */
export async function to(page, name, backwards = false) {
  // More stops than any page has.
  for (let stop = 0; stop < 150; stop += 1) {
    const now = await named(page);
    if (typeof name === "string" ? now === name : name.test(now)) {
      await visible(page);
      return;
    }
    await page.keyboard.press(backwards ? "Shift+Tab" : "Tab");
  }
  throw new Error(`the keyboard does not reach ${name}`);
}

/** Chooses one of several by the arrows. */
async function choose(page, label) {
  const group = await page.getByLabel(label, { exact: typeof label === "string" && !label.includes(",") }).evaluate((input) => {
    const checked = document.querySelector(`input[name="${input.name}"]:checked`);
    return { checked: checked.labels[0].textContent, wanted: input.labels[0].textContent };
  });
  await to(page, group.checked).catch(() => to(page, group.checked, true));
  for (let turn = 0; turn < 10 && (await named(page)) !== group.wanted; turn += 1) await page.keyboard.press("ArrowDown");
  same(await named(page), group.wanted, "chosen by arrows");
}

/** What has the focus shows it: a ring, at least two pixels wide, inside the window. */
async function visible(page) {
  const seen = await page.evaluate(() => {
    const at = document.activeElement;
    if (at === document.body || at.tagName === "H1") return true;
    const style = getComputedStyle(at);
    const box = at.getBoundingClientRect();
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight) || document.activeElement.outerHTML.slice(0, 200);
  });
  same(seen, true, "the focus is not to be seen");
}
