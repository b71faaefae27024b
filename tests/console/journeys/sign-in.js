// Sign-in by the command line's signature and by key file; what is refused, and that the end is an end.
import { clean, signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { owner, person } from "./people.js";

export async function run({ installation, browser }) {
  const alice = person(installation, { name: "alice", dialect: "skykit", namespace: "email", value: "alice@example.com" });

  await test("the command line signs the challenge that the page shows", async () => {
    const page = await browser.page(installation);
    await page.open();
    await page.getByLabel("The command line").check();
    await page.getByLabel("Account, identifier or key").fill("alice");
    await page.getByRole("button", { name: "Get a challenge" }).click();
    const command = await page.getByLabel("the command", { exact: true }).innerText();
    const line = installation.shell(command.replace("KEYFILE", alice.file));
    await page.getByLabel("The line that it prints").fill(line);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Make your first signed call" }).waitFor();
    const cookies = await page.context().cookies();
    const cookie = cookies.find(({ name }) => /countersign/.test(name));
    must(cookie.httpOnly && cookie.sameSite === "Strict", JSON.stringify(cookie));
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.shows("You are signed out.");
    same((await page.context().cookies()).length, 0, "cookies after signing out");
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    clean(page, installation);
    await page.context().close();
  });

  await test("a key file signs in the page, and none of it is sent", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, alice.file);
    await page.shows("alice@example.com");
    const bodies = page.noted.requests.map(({ body }) => body?.toString() ?? "").join("\n");
    must(!/PRIVATE/.test(bodies), "the key file was sent");
    clean(page, installation);
    await page.context().close();
  });

  await test("an unknown account and a wrong key are told the same", async () => {
    const told = [];
    for (const [who, line] of [["alice", "key_nothing.AAAA"], ["nobody-at-all", "key_nothing.AAAA"]]) {
      const page = await browser.page(installation);
      await page.open();
      await page.getByLabel("The command line").check();
      await page.getByLabel("Account, identifier or key").fill(who);
      await page.getByRole("button", { name: "Get a challenge" }).click();
      await page.getByLabel("The line that it prints").fill(line);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.locator(".box.bad").waitFor();
      told.push(await page.locator(".box.bad").innerText());
      await page.context().close();
    }
    same(told[0], told[1], "words");
    must(/did not prove/.test(told[0]), told[0]);
  });

  await test("an operator makes a link, which works once and wants a click", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, owner(installation));
    await page.open("#/operate/links");
    await page.getByLabel("Account").fill("alice");
    await page.getByRole("button", { name: "Make a link" }).click();
    const link = await page.getByLabel("the sign-in link", { exact: true }).innerText();
    const reader = await browser.page(installation);
    await reader.goto(link);
    await reader.getByRole("heading", { level: 1, name: "Sign in by link" }).waitFor();
    must(!reader.noted.requests.some(({ url }) => url.includes(link.split("/").at(-1))), "the token stood in an address that was asked for");
    await reader.getByRole("button", { name: "Sign in" }).click();
    await reader.getByRole("heading", { level: 1, name: "Make your first signed call" }).waitFor();
    const second = await browser.page(installation);
    await second.goto(link);
    await second.getByRole("button", { name: "Sign in" }).click();
    await second.locator(".box.bad").waitFor();
    for (const one of [page, reader, second]) {
      clean(one, installation);
      await one.context().close();
    }
  });
}
