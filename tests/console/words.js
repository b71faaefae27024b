// The words and forms that a page shows, as its files have them: what a picture of it is compared with, without taking it anew.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

/** Files that show nothing. */
const UNSEEN = /^(lib\/(api|bytes|half|hidden|route|copy|dialog)|keys\/(?!holder|kind)|proof\/)/;

/** `{ pattern: module }` of every page, as the table of routes has them. */
export function modules(pages) {
  const text = fs.readFileSync(path.join(pages, "routes.js"), "utf8");
  const from = new Map([...text.matchAll(/^import \{ ([^}]+) \} from "\.\/([^"]+)";$/gm)].flatMap(([, names, file]) => names.split(", ").map((name) => [name, file])));
  return Object.fromEntries([...text.matchAll(/^ {2}\["(\/[^"]*)", (\w+)\],$/gm)].map(([, pattern, name]) => [pattern, from.get(name)]));
}

/** A digest over the words in a page's files and those that they import, the frame around it, and the styles. */
export function wordsOf(pages, module) {
  const seen = new Set();
  const wait = [module, "frame.js"];
  // Ends: each file is read once.
  while (wait.length > 0) {
    const file = wait.pop();
    if (seen.has(file) || UNSEEN.test(file)) continue;
    seen.add(file);
    // The frame has the menu; the pages that the table leads to are others.
    if (file === "routes.js") continue;
    const text = fs.readFileSync(path.join(pages, file), "utf8");
    for (const [, name] of text.matchAll(/^import .* from "(\.[^"]+)";$/gm)) wait.push(path.posix.join(path.posix.dirname(file), name));
  }
  const digest = createHash("sha256");
  for (const file of [...seen].toSorted()) digest.update(`${file}\n${words(fs.readFileSync(path.join(pages, file), "utf8"))}\n`);
  for (const file of fs.readdirSync(path.join(pages, "style")).toSorted()) digest.update(`${file}\n${bare(fs.readFileSync(path.join(pages, "style", file), "utf8"))}\n`);
  return digest.digest("hex").slice(0, 16);
}

const bare = (text) => text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/\s+/g, " ");

/** The texts in quotes of a module, without its comments and imports. */
function words(text) {
  const code = text.replaceAll(/^import .*$/gm, "").replaceAll(/^\s*(\/\/.*|\/\*\*[^]*?\*\/)$/gm, "");
  return (code.match(/"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g) ?? []).join("\n");
}
