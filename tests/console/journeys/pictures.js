// The book's pictures are there, stand in the book, and show the pages as they are now.
import fs from "node:fs";
import path from "node:path";
import { must, same, test } from "../cases.js";
import { modules, wordsOf } from "../words.js";

export const RECORD = path.join(import.meta.dirname, "../pictures.json");

export async function run({ pages }) {
  const book = path.join(import.meta.dirname, "../../../docs/book/src");
  const taken = JSON.parse(fs.readFileSync(RECORD, "utf8"));

  await test("each picture of the console was taken by the journey, and the book shows it", () => {
    const there = fs.readdirSync(path.join(book, "console")).filter((name) => name.endsWith(".png"));
    same(there.toSorted().join(), Object.keys(taken).map((name) => `${name}.png`).toSorted().join(), "pictures");
    const text = fs.readdirSync(book).filter((name) => name.endsWith(".md")).map((name) => fs.readFileSync(path.join(book, name), "utf8")).join("\n");
    for (const name of there) must(text.includes(`(console/${name})`), `no page of the book shows ${name}`);
  });

  await test("no page has other words or styles than when its picture was taken", () => {
    const table = modules(pages);
    const old = Object.entries(taken).filter(([, { page, words }]) => !table[page] || wordsOf(pages, table[page]) !== words).map(([name]) => name);
    must(old.length === 0, `pages have changed: ${old.join(", ")}. Look at them, and take them anew: cargo xtask console --write`);
  });

  await test("a changed word is noticed, and a changed comment is not", () => {
    const copy = fs.mkdtempSync(path.join(process.env.TMPDIR ?? "/tmp", "console-words-"));
    fs.cpSync(pages, copy, { recursive: true, dereference: true });
    const file = path.join(copy, "own/keys.js");
    const before = wordsOf(copy, "own/keys.js");
    const text = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, text.replace(/^\/\/ .*$/m, "// Another comment."));
    same(wordsOf(copy, "own/keys.js"), before, "after another comment");
    fs.writeFileSync(file, text.replace("Upload a public key", "Bring a public key"));
    must(wordsOf(copy, "own/keys.js") !== before, "another word was not noticed");
    fs.rmSync(copy, { recursive: true });
  });
}
