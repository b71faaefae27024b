// The page's half of the session: cookies reach every port of a host, this only the pages of this very address.

const NAME = "countersign-console-page";
/** Where the browser keeps nothing, until the page is closed. */
let here = null;

/** The half of who is signed in; null where nobody is. */
export function pageHalf() {
  try {
    return localStorage.getItem(NAME) ?? here;
  } catch {
    return here;
  }
}

/** Keeps the half that signing in gave; null lets go of it. */
export function keepHalf(half) {
  here = half;
  try {
    if (half === null) localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, half);
  } catch {
    // A browser that keeps nothing: the session ends with this page.
  }
}
