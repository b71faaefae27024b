// Counts cases: each is a name and what must hold, told in one line.

const outcomes = [];

/** Runs one case; what it throws is why it failed. */
export async function test(name, act) {
  const from = Date.now();
  try {
    await act();
    outcomes.push(true);
    console.log(`ok    ${name} (${Date.now() - from} ms)`);
  } catch (error) {
    outcomes.push(false);
    console.log(`FAIL  ${name}\n        ${String(error?.stack ?? error).split("\n").slice(0, 12).join("\n        ")}`);
  }
}

/** Throws unless it holds. */
export function must(holds, words) {
  if (!holds) throw new Error(words);
}

/** Throws unless both are the same. */
export function same(found, wanted, words) {
  must(found === wanted, `${words}: wanted ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
}

/** Prints the count; gives the exit code. */
export function told() {
  const passed = outcomes.filter(Boolean).length;
  const failed = outcomes.length - passed;
  console.log(`console: ${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0 ? 0 : 1;
}
