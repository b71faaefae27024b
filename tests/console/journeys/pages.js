// The pages of the console as its own table of routes has them, with what stands in the place of their parameters.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { clean } from "../browser.js";

/** A copy of the pages' modules that Node reads: the pages themselves need no package file. */
export function copied(pages, work) {
  const copy = path.join(work, "modules");
  fs.rmSync(copy, { recursive: true, force: true });
  fs.cpSync(pages, copy, { recursive: true });
  fs.writeFileSync(path.join(copy, "package.json"), '{"type":"module"}');
  return (name) => import(pathToFileURL(path.join(copy, name)));
}

/** The address of every page, `{ own, operate }`: a new page is here without anybody's doing, and fails where a parameter is unknown. */
export async function addresses(load, parameters) {
  const { ROUTES } = await load("routes.js");
  const all = ROUTES.map(([pattern]) => `#${pattern.replaceAll(/:([a-z]+)/g, (_, name) => {
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
