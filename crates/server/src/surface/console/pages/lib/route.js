// Which page an address means: `#/keys/key_1` is found by the pattern `/keys/:key`.

/** `{ page, params, query }` of the part after `#`; null where nothing stands there. */
export function routeOf(hash, table) {
  const [path, search] = hash.replace(/^#/, "").split("?");
  const parts = (path || "/").split("/").filter(Boolean);
  for (const [pattern, page] of table) {
    const wanted = pattern.split("/").filter(Boolean);
    if (wanted.length !== parts.length) continue;
    const params = {};
    const fits = wanted.every((word, index) => {
      if (!word.startsWith(":")) return word === parts[index];
      params[word.slice(1)] = decoded(parts[index]);
      return true;
    });
    if (fits) return { pattern, page, params, query: new URLSearchParams(search ?? "") };
  }
  return null;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page, its parts made safe: `to("keys", id)`. */
export function to(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}
