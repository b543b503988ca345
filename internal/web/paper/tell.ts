// What a line of a list says of an entry.
import { Teller } from "./plain.ts";
import type { Entry } from "../verifier/entry.ts";

export interface Told {
  readonly when: Date | undefined; // as the signer claims
  readonly organisation: string; // id, or words for one that the log does not know
  readonly who: string;
  readonly what: string;
  readonly why: string;
  readonly result: string; // of what was tried or asked
  readonly verdict: string; // "covered", "break-glass", "not-covered": the ledger's word
}

export function tell(language: string, e: Entry, verdict: string): Told {
  const teller = new Teller(language), s = teller.describe(e);
  return {
    when: s.when === 0 ? undefined : new Date(s.when * 1000),
    organisation: s.organisation,
    who: [s.staff, s.role, s.machine ? s.system : ""].filter((w) => w !== "").join(", "),
    what: s.what,
    why: [s.why, teller.quoted(s.justification)].filter((w) => w !== "").join("; "),
    result: s.act === "access" ? "" : s.result,
    verdict,
  };
}
