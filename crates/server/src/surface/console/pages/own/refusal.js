// One refused request, explained.
import { getIfThere } from "../lib/api.js";
import { el } from "../lib/element.js";
import { explanationShown } from "../lib/explanation.js";
import { emptyState } from "../lib/table.js";

export const refusalPage = {
  title: "Refusal",
  show: ({ params }) => refusalShown(`/console/api/v1/refusals/${encodeURIComponent(params.refusal)}`, params.refusal, "#/refusals"),
};

/** The page of a refusal, for owners and operators. */
export async function refusalShown(path, reject, back) {
  const told = await getIfThere(path);
  return [
    el("p", { class: "trail" }, el("a", { href: back }, "Refusals")),
    el("h1", null, "Why it was refused"),
    el("p", { class: "quiet" }, "Reject id ", el("code", { class: "breaks" }, reject)),
    told === null
      ? emptyState("This refusal is not kept: it is too old, it was another account's, or the server does not keep refusals.")
      : explanationShown(told.explanation ?? told),
  ];
}
