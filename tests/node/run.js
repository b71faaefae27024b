// Packs the package, installs it beside the frameworks, and runs every test in there:
// `run.js --countersign FILE --echo FILE --addon FILE --packages FOLDER --work FOLDER [TEST…]`.
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');

const HERE = __dirname;
const ROOT = path.join(HERE, '../..');
const WANTED = ['countersign', 'echo', 'addon', 'packages', 'work'];
/** Milliseconds after which a file of tests counts as hung. */
const PATIENCE = 120_000;

const { values, positionals } = parseArgs({
  options: Object.fromEntries(WANTED.map((name) => [name, { type: 'string' }])),
  allowPositionals: true,
});
for (const name of WANTED) {
  if (!values[name]) {
    console.error(`run.js: wanted --${name}`);
    process.exit(2);
  }
}
const work = path.resolve(values.work);
fs.rmSync(work, { recursive: true, force: true });
fs.mkdirSync(work, { recursive: true });

/** The package as npm packs it from what is committed and the compiled part; gives the file and the names in it. */
function pack() {
  const source = path.join(work, 'source');
  const own = path.join(ROOT, 'bindings/node');
  fs.cpSync(own, source, { recursive: true, filter: (file) => !/node_modules|\/native$/.test(file.slice(own.length)) });
  fs.mkdirSync(path.join(source, 'native'));
  fs.copyFileSync(values.addon, path.join(source, 'native', `countersign-${process.platform}-${process.arch}.node`));
  for (const license of ['LICENSE-APACHE', 'LICENSE-MIT']) fs.copyFileSync(path.join(ROOT, license), path.join(source, license));
  const told = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], { cwd: source, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const parsed = JSON.parse(told);
  const [packed] = Array.isArray(parsed) ? parsed : Object.values(parsed);
  fs.writeFileSync(path.join(work, 'packed.json'), JSON.stringify(packed.files.map((file) => file.path).sort()));
  return path.join(work, packed.filename);
}

/** A program's folder: the frameworks, the package as it was packed, and the tests. */
function install(file) {
  const app = path.join(work, 'app');
  const modules = path.join(app, 'node_modules');
  fs.mkdirSync(path.join(modules, 'countersign'), { recursive: true });
  const packages = path.join(path.resolve(values.packages), 'node_modules');
  for (const name of fs.readdirSync(packages).filter((one) => !one.startsWith('.'))) fs.symlinkSync(path.join(packages, name), path.join(modules, name));
  execFileSync('tar', ['-xzf', file, '-C', path.join(modules, 'countersign'), '--strip-components=1']);
  for (const name of fs.readdirSync(HERE)) fs.cpSync(path.join(HERE, name), path.join(app, name), { recursive: true });
  return app;
}

const app = install(pack());
const named = positionals.length > 0 ? positionals : fs.readdirSync(app).filter((name) => name.endsWith('.test.mjs'));
const env = {
  ...process.env,
  COUNTERSIGN: path.resolve(values.countersign),
  COUNTERSIGN_ECHO: path.resolve(values.echo),
  COUNTERSIGN_WORK: work,
  COUNTERSIGN_ROOT: ROOT,
};
const { stdout, status } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', `--test-timeout=${PATIENCE}`, ...named], {
  cwd: app, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'inherit'],
});
const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1] ?? 0);
const failed = count('fail') + count('cancelled') + count('skipped') + count('todo');
if (status !== 0 || failed > 0) console.log(stdout);
else for (const [line] of stdout.matchAll(/^ *ok \d+ - .*$/gm)) console.log(line);
console.log(`node: ${count('pass')} passed, ${status !== 0 && failed === 0 ? 1 : failed} failed`);
process.exit(status !== 0 || failed > 0 ? 1 : 0);
