// Runs every journey against a fresh installation: `run.js --countersign FILE --echo FILE --work FOLDER --packages FOLDER`. With `--book FOLDER --faketime FILE` it takes
// the pictures of the book instead.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Browser } from "./browser.js";
import { told } from "./cases.js";
import { Installation } from "./installation.js";
import * as book from "./journeys/book.js";
import * as hostile from "./journeys/hostile.js";
import * as join from "./journeys/join.js";
import * as keyboard from "./journeys/keyboard.js";
import * as life from "./journeys/life.js";
import * as limits from "./journeys/limits.js";
import * as looks from "./journeys/looks.js";
import * as makeKey from "./journeys/make-key.js";
import * as modules from "./journeys/modules.js";
import * as offers from "./journeys/offers.js";
import * as operate from "./journeys/operate.js";
import * as pictures from "./journeys/pictures.js";
import * as send from "./journeys/send.js";
import * as signIn from "./journeys/sign-in.js";
import * as snippets from "./journeys/snippets.js";
import * as tryIt from "./journeys/try.js";

const JOURNEYS = { pictures, modules, "sign-in": signIn, "make-key": makeKey, life, try: tryIt, send, offers, limits, join, snippets, operate, keyboard, hostile, looks };
/** They read files, and want neither server nor browser. */
const PLAIN = ["pictures", "modules"];
/** Run only when it is asked for: it writes into the book. */
const WRITTEN = { book };
const HERE = path.dirname(fileURLToPath(import.meta.url));

const { values } = parseArgs({
  options: { countersign: { type: "string" }, echo: { type: "string" }, work: { type: "string" }, packages: { type: "string" }, only: { type: "string" }, book: { type: "string" }, faketime: { type: "string" } },
});
for (const name of ["countersign", "echo", "work", "packages"]) {
  if (!values[name]) {
    console.error(`run.js: wanted --${name}`);
    process.exit(2);
  }
}
const work = path.resolve(values.work);
fs.mkdirSync(work, { recursive: true });
const wanted = createRequire(path.join(path.resolve(values.packages), "package.json"));
const only = values.book ? ["book"] : (values.only?.split(",") ?? Object.keys(JOURNEYS));
const installation = new Installation({ countersign: path.resolve(values.countersign), echo: path.resolve(values.echo), work, faketime: values.book && values.faketime });
let browser;
try {
  if (only.some((name) => !PLAIN.includes(name))) {
    if (installation.faketime) installation.clock("-60m");
    await installation.start();
    browser = await Browser.start(wanted("playwright-core"));
  } else {
    fs.mkdirSync(installation.data, { recursive: true });
  }
  const world = {
    installation,
    browser,
    work,
    book: values.book && path.resolve(values.book),
    pages: path.join(HERE, "../../crates/server/src/surface/console/pages"),
    axe: fs.readFileSync(wanted.resolve("axe-core/axe.min.js"), "utf8"),
  };
  for (const name of only) {
    console.log(`\n${name}`);
    await (JOURNEYS[name] ?? WRITTEN[name]).run(world);
  }
} catch (error) {
  console.log(`FAIL  ${error.stack}`);
  process.exitCode = 1;
} finally {
  await browser?.stop();
  installation.stop();
}
const code = told();
process.exit(process.exitCode || code);
