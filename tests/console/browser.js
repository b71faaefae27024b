// Debian's Chromium; every page of it notes what breaks the policy, what throws, and every request with its body.
import { must } from "./cases.js";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export class Browser {
  /** Starts it. */
  static async start(playwright) {
    const browser = new Browser();
    browser.chromium = await playwright.chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
    return browser;
  }

  /** A page of a fresh profile; `page.noted` has what it did. */
  async page(installation, options = {}) {
    const context = await this.chromium.newContext({ acceptDownloads: true, viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const noted = { requests: [], faults: [] };
    page.noted = noted;
    page.on("pageerror", (error) => noted.faults.push(`threw: ${error.message}`));
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted ?Type/i.test(message.text())) noted.faults.push(message.text());
    });
    page.on("request", (request) => noted.requests.push({ url: request.url(), method: request.method(), headers: request.headers(), body: request.postDataBuffer() }));
    page.open = async (hash = "") => {
      await page.goto(`${installation.console}/console/${hash}`);
      // A change after the # loads nothing anew: the page says which address it shows.
      await page.locator(hash === "" ? "h1" : `main[data-shown="${hash}"] h1`).waitFor();
    };
    page.shows = (text) => page.getByText(text).first().waitFor();
    return page;
  }

  async stop() {
    await this.chromium.close();
  }
}

/** Nothing may have broken the policy or thrown, and every request went to the server itself. */
export function clean(page, installation) {
  must(page.noted.faults.length === 0, page.noted.faults.join("\n"));
  const foreign = page.noted.requests.filter(({ url }) => !url.startsWith(`${installation.console}/`) && !url.startsWith("blob:"));
  must(foreign.length === 0, `asked elsewhere: ${foreign.map(({ url }) => url)}`);
}

/** Signs in with a private key file. */
export async function signInByFile(page, file, passphrase) {
  await page.open();
  await page.getByLabel("Private key file").setInputFiles(file);
  if (passphrase) await page.getByLabel("Passphrase of the file").fill(passphrase);
  await page.getByRole("button", { name: "Sign in" }).click();
  // On a phone it is in the menu.
  await page.locator(".whoami button").waitFor({ state: "attached" });
}
