// Every page by its address, and the menu that leads there.
import { activity } from "./own/activity.js";
import { delegations } from "./own/delegations.js";
import { keyPage } from "./own/key.js";
import { keysPage } from "./own/keys.js";
import { anyKeyLimits, keyLimits } from "./own/limits.js";
import { newKey } from "./own/new-key.js";
import { organisation } from "./own/organisation.js";
import { playground } from "./own/playground.js";
import { refusalPage } from "./own/refusal.js";
import { refusalsPage } from "./own/refusals.js";
import { rotateKey } from "./own/rotate.js";
import { sessions } from "./own/sessions.js";
import { snippets } from "./own/snippets.js";
import { startPage } from "./own/start.js";
import { uploadKey } from "./own/upload-key.js";
import { accountPage } from "./operate/account.js";
import { accounts } from "./operate/accounts.js";
import { allKeys } from "./operate/all-keys.js";
import { audit } from "./operate/audit.js";
import { anyKey } from "./operate/any-key.js";
import { connections } from "./operate/connections.js";
import { links } from "./operate/links.js";
import { operators } from "./operate/operators.js";
import { organisationPage } from "./operate/organisation.js";
import { organisations } from "./operate/organisations.js";
import { overview } from "./operate/overview.js";
import { readiness } from "./operate/readiness.js";
import { allRefusals, anyRefusal } from "./operate/refusals.js";
import { allSessions } from "./operate/sessions.js";
import { signingKeys } from "./operate/signing-keys.js";
import { verdicts } from "./operate/verdicts.js";

/** Longer patterns of one beginning come first only where a parameter would take their word. */
export const ROUTES = [
  ["/start", startPage],
  ["/keys", keysPage],
  ["/keys/new", newKey],
  ["/keys/upload", uploadKey],
  ["/keys/:key", keyPage],
  ["/keys/:key/rotate", rotateKey],
  ["/keys/:key/limits", keyLimits],
  ["/try", playground],
  ["/refusals", refusalsPage],
  ["/refusals/:refusal", refusalPage],
  ["/sessions", sessions],
  ["/delegations", delegations],
  ["/organisation", organisation],
  ["/activity", activity],
  ["/snippets", snippets],
  ["/operate/overview", overview],
  ["/operate/verdicts", verdicts],
  ["/operate/refusals", allRefusals],
  ["/operate/refusals/:refusal", anyRefusal],
  ["/operate/readiness", readiness],
  ["/operate/accounts", accounts],
  ["/operate/accounts/:account", accountPage],
  ["/operate/organisations", organisations],
  ["/operate/organisations/:organisation", organisationPage],
  ["/operate/keys", allKeys],
  ["/operate/keys/:key", anyKey],
  ["/operate/keys/:key/limits", anyKeyLimits],
  ["/operate/sessions", allSessions],
  ["/operate/delegations", connections],
  ["/operate/audit", audit],
  ["/operate/links", links],
  ["/operate/signing-keys", signingKeys],
  ["/operate/operators", operators],
];

/** The menu: groups of `[address, name]`. */
export const MENU = [
  ["Your account", [
    ["#/start", "Start"],
    ["#/keys", "Keys"],
    ["#/try", "Playground"],
    ["#/refusals", "Refusals"],
    ["#/snippets", "Snippets"],
    ["#/sessions", "Sessions"],
    ["#/delegations", "Delegations"],
    ["#/organisation", "Organisation"],
    ["#/activity", "Activity"],
  ]],
];

/** The same for operators, where the management API is on this address. */
export const OPERATORS_MENU = [
  ["Watch", [
    ["#/operate/overview", "Overview"],
    ["#/operate/verdicts", "Live verdicts"],
    ["#/operate/refusals", "All refusals"],
    ["#/operate/readiness", "Readiness"],
  ]],
  ["Who and what", [
    ["#/operate/accounts", "Accounts"],
    ["#/operate/organisations", "Organisations"],
    ["#/operate/keys", "All keys"],
    ["#/operate/sessions", "Open sessions"],
    ["#/operate/delegations", "Who acts for whom"],
  ]],
  ["Installation", [
    ["#/operate/audit", "Audit log"],
    ["#/operate/links", "Sign-in links"],
    ["#/operate/signing-keys", "Signing keys"],
    ["#/operate/operators", "Operators"],
  ]],
];

/** Whether somebody sees the operators' pages. */
export const operates = (me) => Boolean(me.manage && me.account.role);

/** The first page of somebody. */
export const home = (me) => (operates(me) ? "#/operate/overview" : "#/start");
