// How a call that was not carried out is told: what happened, what to do, and the code to quote.
import { el } from "./element.js";

/** A call that was not carried out. */
export class Problem extends Error {
  constructor({ status, code, title, detail, at, fix }) {
    super(title);
    Object.assign(this, { status, code, title, detail, at, fix });
  }

  /** What to read aloud: title and detail in one. */
  get words() {
    return [this.title, this.detail, this.fix].filter(Boolean).join(" ");
  }
}

/** A problem from an answer; its body may be no problem document. */
export async function problemOf(answer) {
  let told = {};
  try {
    told = await answer.json();
  } catch {
    // Not JSON: the status has to do.
  }
  return new Problem({
    status: answer.status,
    code: told.code ?? `http-${answer.status}`,
    title: told.title ?? titleOf(answer.status),
    detail: told.detail,
    at: told.at,
    fix: told.fix,
  });
}

function titleOf(status) {
  if (status === 401) return "You are not signed in, or no longer.";
  if (status === 403) return "This is not allowed for your account.";
  if (status === 404) return "There is nothing here.";
  if (status === 429) return "Too many tries; wait a little.";
  if (status >= 500) return "The server could not do it now. Try again.";
  return `The server answered ${status}.`;
}

/** The box that tells it; it is read out when it appears. */
export function problemBox(error) {
  const problem = error instanceof Problem ? error : null;
  const title = problem?.title ?? "Something went wrong in this page.";
  const detail = problem ? problem.detail : String(error?.message ?? error);
  return el("div", { class: "box bad", role: "alert" },
    el("p", { class: "box-title" }, title),
    detail && el("p", null, detail),
    problem?.fix && el("p", null, problem.fix),
    problem && el("p", { class: "quiet small" }, "Code ", el("code", null, problem.code)));
}
