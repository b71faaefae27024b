// An organisation: made by an operator, joined by codes, one of them by an account without a key; and a key that waits for approval.
import path from "node:path";
import { signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { choose, download } from "./make-key.js";
import { left } from "./pages.js";
import { call, owner, person } from "./people.js";

const REFUSED = 3;

export async function run({ installation, browser, work }) {
  const head = person(installation, { name: "head", dialect: "skykit", value: "head@example.com" });
  const file = path.join(work, "joined.pem");
  installation.cli("account", "add", "newcomer", "--identifier", "email=newcomer@example.com");
  const newcomer = JSON.parse(installation.cli("--json", "account", "show", "newcomer"));
  let first;
  let second;

  await test("an operator makes an organisation that approves keys, and a code for its owner", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, owner(installation));
    await page.open("#/operate/organisations");
    await page.getByLabel("Name").fill("Northwind");
    await page.getByLabel("Keys that its members register wait for a manager").check();
    await page.getByRole("button", { name: "Make it" }).click();
    await page.getByRole("heading", { level: 1, name: "Northwind" }).waitFor();
    await page.shows("wait for a manager");
    await page.getByLabel("Role").selectOption("OWNER");
    await page.getByRole("button", { name: "Make a join code" }).click();
    first = await page.getByLabel("the join code", { exact: true }).innerText();
    await left(page, installation);
  });

  await test("an owner of keys joins by it, and invites by a code that it makes itself", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, head.file);
    await page.open("#/organisation");
    await page.shows("Your account belongs to no organisation.");
    await page.getByLabel("Join code").fill("join-nothing");
    await page.getByRole("button", { name: "Join" }).click();
    await page.locator(".box.bad, .field-error:not(:empty)").first().waitFor();
    await page.getByLabel("Join code").fill(first);
    await page.getByRole("button", { name: "Join" }).click();
    await page.getByRole("heading", { level: 1, name: "Northwind" }).waitFor();
    await page.shows("You are its owner here.");
    await page.getByLabel("Role").selectOption("MEMBER");
    await page.getByRole("button", { name: "Make a join code" }).click();
    second = await page.getByLabel("the join code", { exact: true }).innerText();
    must(second !== first, "the same code");
    must(!page.noted.requests.some(({ url }) => url.includes(first)), "the code stood in an address");
    await left(page, installation);
  });

  await test("a new account comes by link, joins by the code, and makes a key that waits", async () => {
    const operator = await browser.page(installation);
    await signInByFile(operator, owner(installation));
    await operator.open(`#/operate/accounts/${newcomer.id}`);
    await operator.getByRole("button", { name: "Sign-in link" }).click();
    await operator.getByRole("dialog").getByRole("button", { name: "Make a link" }).click();
    const link = await operator.getByLabel("the sign-in link", { exact: true }).innerText();
    await left(operator, installation);

    const page = await browser.page(installation);
    await page.goto(link);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Make your first signed call" }).waitFor();
    await page.open("#/organisation");
    await page.getByLabel("Join code").fill(second);
    await page.getByRole("button", { name: "Join" }).click();
    await page.shows("You are a member here.");
    await page.open("#/keys/new");
    await choose(page, "skykit", "RSA, 2048 bits");
    await page.getByLabel("Label").fill("first server");
    await page.getByLabel("Into a file without one").check();
    await page.getByRole("button", { name: "Make the key pair" }).click();
    await download(page, file);
    await page.getByRole("button", { name: "Register the public key" }).click();
    await page.shows("until a manager of this server approves it");
    same(call(installation, { dialect: "skykit", value: "newcomer@example.com", file }), REFUSED, "a key that waits");
    // The code worked once.
    const again = await browser.page(installation);
    await signInByFile(again, person(installation, { name: "late", dialect: "skykit", value: "late@example.com" }).file);
    await again.open("#/organisation");
    await again.getByLabel("Join code").fill(second);
    await again.getByRole("button", { name: "Join" }).click();
    await again.locator(".box.bad, .field-error:not(:empty)").first().waitFor();
    await left(again, installation);
    await left(page, installation);
  });

  await test("a manager finds the key that waits, approves it, and it counts", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, owner(installation));
    await page.open("#/operate/keys?state=pending");
    await page.getByRole("link", { name: "first server" }).click();
    await page.getByRole("heading", { level: 1, name: "first server" }).waitFor();
    await page.getByRole("button", { name: "Activate" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Activate" }).click();
    await page.locator("main .mark.good", { hasText: "active" }).first().waitFor();
    same(call(installation, { dialect: "skykit", value: "newcomer@example.com", file }), 0, "the approved key");
    await left(page, installation);
  });
}
