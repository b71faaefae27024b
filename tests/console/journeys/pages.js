// The pages of the console as its own table of routes has them, with what stands in the place of their parameters.
import { clean } from "../browser.js";

/** The address of every page, `{ own, operate }`: a new page is here without anybody's doing, and fails where a parameter is unknown. */
export async function addresses(page, parameters) {
  const patterns = await page.evaluate(async () => (await import("/console/routes.js")).ROUTES.map(([pattern]) => pattern));
  const all = patterns.map((pattern) => `#${pattern.replaceAll(/:([a-z]+)/g, (_, name) => {
    const group = pattern.startsWith("/operate/") ? parameters.operate : parameters.own;
    if (!group[name]) throw new Error(`${pattern}: nothing stands for :${name}`);
    return encodeURIComponent(group[name]);
  })}`);
  return { own: all.filter((one) => !one.startsWith("#/operate/")), operate: all.filter((one) => one.startsWith("#/operate/")) };
}

/** Ends a page's visit: what it did must have been clean. */
export async function left(page, installation) {
  clean(page, installation);
  await page.context().close();
}
