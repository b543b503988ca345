// What an entry says, in the words of audit/plain: as much as fits a line of a list on paper.
import catalogue from "../../../audit/plain/en.properties";
import type { Entry } from "../verifier/entry.ts";
import { get, has, str, strings } from "../verifier/json.ts";
import { instant } from "../verifier/text.ts";

const words = new Map<string, string>();
for (const line of catalogue.split("\n")) {
  const at = line.indexOf("=");
  if (at > 0 && !line.startsWith("#")) words.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
}

const fill = (text: string, data: string): string => text.replaceAll("{data}", () => data);
const code = (family: string, c: string): string => words.get(`${family}.${c}`) ?? c;
const last = (c: string): string => c.slice(c.lastIndexOf("|") + 1);

export interface Told {
  readonly when: Date | undefined; // as the signer claims
  readonly organisation: string; // id, or "" if the log does not know it
  readonly who: string;
  readonly what: string;
  readonly why: string;
  readonly verdict: string; // "covered", "break-glass", "not-covered": the ledger's word
}

export function tell(e: Entry, verdict: string): Told {
  const c = e.claims;
  const staff = e.shown.get("staff");
  const data = strings(c, "data").map(last).map((d) => code("kind", d)).join(", ");
  const at = str(c, "occurred") || str(c, "recorded") || str(c, "asked") || str(c, "decided");
  const did = `${str(c, "outcome") === "0" ? "did" : "tried"}.${str(c, "action")}`;
  const what = e.type !== "access" ? code("type", e.type)
    : data !== "" && words.has(`${did}.of`) ? fill(words.get(`${did}.of`)!, data) : words.get(did) ?? did;
  const who = [str(staff, "name") || str(staff, "id"), strings(c, "role").map(last)[0] ?? "", get(c, "machine") === true ? str(c, "system") : ""];
  return {
    when: at === "" ? undefined : new Date(instant(at)![0] * 1000),
    organisation: has(c, "foreign") ? "" : str(c, "org") || str(c, "iss"),
    who: who.filter((w) => w !== "").join(", "),
    what,
    why: strings(c, "purpose").map((p) => code("purpose", last(p))).join("; "),
    verdict,
  };
}
