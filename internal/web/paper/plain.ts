// What an entry says, in words: package audit/plain for the browser, with its catalogue. A test
// gives both the same entries.
import english from "../../../audit/plain/en.properties";
import gaelic from "../../../audit/plain/gd.properties";
import { get, list, num, str, strings } from "./claims.ts";
import type { Entry } from "../verifier/entry.ts";
import { instant } from "../verifier/text.ts";

const read = (text: string): [string, string][] => text.split("\n").flatMap((line): [string, string][] => {
  const at = line.indexOf("=");
  return at > 0 && !line.startsWith("#") ? [[line.slice(0, at).trim(), line.slice(at + 1).trim()]] : [];
});

type Words = ReadonlyMap<string, string>;

// What a catalogue leaves out is in English.
const catalogues = new Map<string, Words>([["en", new Map(read(english))], ["gd", new Map([...read(english), ...read(gaelic)])]]);

// A Summary is an entry in words. Empty texts are unknown or withheld.
export interface Summary {
  readonly when: number; // seconds since 1970, as the signer claims
  readonly organisation: string; // id of the organisation that acted, or words for one that the log does not know
  readonly role: string;
  readonly staff: string;
  readonly system: string;
  readonly what: string;
  readonly why: string;
  readonly justification: string;
  readonly result: string;
  readonly agreement: string;
  readonly act: "access" | "attempt" | "decision" | "";
  readonly emergency: boolean;
  readonly machine: boolean;
}

// fill replaces each {name}, all in one pass.
const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{([a-z]+)\}/gi, (all, name: string) => values[name] ?? all);

// oneLine is a text without line breaks, control, direction and invisible characters.
const oneLine = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ").split(/\p{White_Space}+/u).filter((w) => w !== "").join(" ");

const unquoted = (text: string): string => text.replace(/[\p{Pi}\p{Pf}]/gu, "'");
const dcm = "http://dicom.nema.org/resources/ontology/DCM", participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const lifecycle = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", resourceTypes = "http://hl7.org/fhir/resource-types";
const roleClass = "http://terminology.hl7.org/CodeSystem/v3-RoleClass";

// events say more than the action does. The first one that an access has is used.
const events: readonly (readonly [string, string])[] = [
  [`${dcm}|110122`, "did.signed-in"], [`${dcm}|110123`, "did.signed-out"], [`${lifecycle}|disclose`, "did.disclosed"],
  [`${dcm}|110106`, "did.exported"], [`${dcm}|110107`, "did.imported"], [`${dcm}|110101`, "did.audit-log"],
  [`${dcm}|110113`, "did.decided"], [`${dcm}|110120`, "did.started"], [`${dcm}|110121`, "did.stopped"],
];
const transfers = new Set([`${dcm}|110106`, `${dcm}|110107`, `${lifecycle}|disclose`, "http://hl7.org/fhir/iso-21089-lifecycle|disclose",
  "http://terminology.hl7.org/CodeSystem/consentaction|disclose", "http://terminology.hl7.org/CodeSystem/v3-ActCode|IDSCL",
  ...["http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle",
    "http://hl7.org/fhir/dicom-audit-lifecycle"].flatMap((s) => [`${s}|10`, `${s}|11`]),
  "Disclosure", "disclosure"]);
const logReaders = [["urn:igledger:reading|own", "did.audit-log.own"], [`${roleClass}|PAT`, "did.audit-log.person"],
  [`${roleClass}|AGNT`, "did.audit-log.delegate"]] as const;
const reasonSystems = new Set(["http://terminology.hl7.org/CodeSystem/v3-ActReason", "https://terminology.hl7.org/CodeSystem/v3-ActReason",
  "http://hl7.org/fhir/v3/ActReason", "urn:oid:2.16.840.1.113883.5.8", "2.16.840.1.113883.5.8",
    "http://terminology.hl7.org/ValueSet/v3-PurposeOfUse",
  "http://hl7.org/fhir/ValueSet/v3-PurposeOfUse", "http://hl7.org/fhir/v3/vs/PurposeOfUse", "urn:oid:2.16.840.1.113883.1.11.20448",
  "2.16.840.1.113883.1.11.20448"]);

const second = 1000000000n; // in nanoseconds

// seconds rounds down, before 1970 too.
function seconds(time: string): number {
  const at = instant(time) ?? 0n;
  return Number((at - (at % second + second) % second) / second);
}
const first = (...texts: string[]): string => texts.find((t) => t !== "") ?? "";

// Teller tells entries in the words of one catalogue.
export class Teller {
  private readonly words: Words;
  constructor(language: string) { this.words = catalogues.get(language) ?? catalogues.get("en")!; }

  private say(key: string, values: Readonly<Record<string, string>> = {}): string { return fill(this.words.get(key) ?? key, values); }
  private code(family: string, code: string): string { return this.words.get(`${family}.${code}`) ?? code; }

  // quoted marks what someone wrote as their words and not the ledger's.
  quoted(text: string): string {
    const words = unquoted(oneLine(text));
    return words === "" ? "" : this.say("word.own", { words });
  }

  describe(e: Entry): Summary {
    const s = { ...this.summary(e) };
    for (const k of ["organisation", "role", "staff", "system", "what", "why", "justification", "result",
      "agreement"] as const) s[k] = oneLine(s[k]);
    return s;
  }

  private summary(e: Entry): Summary {
    const c = e.claims, nothing = { role: "", staff: "", system: "", why: "", justification: "", result: "", agreement: "",
      act: "" as const,
      emergency: false, machine: false };
    const stated = { ...nothing, organisation: str(c, "iss"), when: num(c, "iat") };
    switch (e.type) {
      case "access": {
        const used = this.used(e);
        return { ...used, when: accessTime(c), what: this.what(e), result: this.result(e), act: actOf(e), organisation: this.accessor(e) };
      }
      case "decision": {
        const data = this.kinds(strings(c, "data")) || this.say("data.unknown");
        return { ...this.used(e), when: seconds(str(c, "asked")), what: this.say(`asked.${str(c, "action")}`, { data }),
          result: this.say(`answered.${str(c, "decision")}`), act: "decision", organisation: str(c, "org") };
      }
      case "consent": {
        const ended = str(c, "act") === "withdrawn" || str(c, "act") === "expired",
          latest = (t: string): number => Math.min(seconds(t), num(c, "iat") + 1);
        const why = [this.quoted(str(get(e.shown, "text"), "reason")), ...strings(c,
          "agreements").map((agreement) => this.say("consent.agreement", { agreement }))];
        return { ...stated, when: ended ? Math.max(latest(str(c, "decided")), latest(str(c, "updated"))) : seconds(str(c, "decided")),
          what: this.say(`consent.${str(c, "act")}`, { scope: this.code("scope", str(c, "scope")) }),
            why: why.filter((w) => w !== "").join("; ") };
      }
      case "delegation": {
        const scopes = strings(c, "scope").map((s) => this.code("may", s)).join(", ");
        return { ...stated, why: this.quoted(str(c, "basis")),
          what: this.say(`delegation.${str(c, "act")}`, { end: str(c, "end"), kind: this.code("delegate", str(c, "kind")), scopes }) };
      }
      case "link": return { ...stated, what: this.say(`link.${str(c, "act")}`), why: this.quoted(str(c, "reason")) };
      case "source-count": return { ...stated, what: this.say("source-count.stated") };
      default: return { ...stated, what: this.code("type", e.type) };
    }
  }

  // used is what accesses and questions about them share.
  private used(e: Entry): Omit<Summary, "when" | "organisation" | "what" | "result" | "act"> {
    const c = e.claims, staff = get(e.shown, "staff"), role = strings(c, "role")[0] ?? "";
    return {
      role: role.slice(role.lastIndexOf("|") + 1), staff: first(str(staff, "name"), str(staff, "id")), system: str(c, "system"),
      why: this.why(e), justification: str(get(e.shown, "text"), "justification"), agreement: str(c, "agreement"),
      emergency: get(c, "emergency") === true || strings(c, "purpose").some((p) => this.purpose(p) === "BTG") ||
        strings(c, "event").includes(`${dcm}|110127`),
      machine: get(c, "machine") === true,
    };
  }

  // purpose is the PurposeOfUse code that a text means, or the text.
  private purpose(text: string): string {
    const m = /^(.*)([|#/:])([^|#/:]*)$/s.exec(text);
    if (m === null || !this.words.has(`purpose.${m[3]}`)) return text;
    const system = m[2] === "|" ? m[1]!.split("|")[0]! : m[1]!;
    return reasonSystems.has(system) ? m[3]! : text;
  }

  private why(e: Entry): string {
    const c = e.claims, purposes = strings(c, "purpose"), request = str(c, "request");
    const all = purposes.flatMap((p) => this.words.get(`purpose.${this.purpose(p)}`) ?? []);
    const own = str(get(e.shown, "text"), "why");
    if (own !== "") all.push(this.quoted(own));
    if (request !== "") all.push(this.say("why.request", { request, identity: this.code("identity", str(c, "identity")) }));
    return all.length > 0 ? all.join("; ") : this.say(purposes.length > 0 ? "why.other" : "why.none");
  }

  private result(e: Entry): string {
    const act = actOf(e), outcome = str(e.claims, "outcome"), said = str(get(e.shown, "text"), "outcome");
    let ended = this.code("outcome", outcome);
    if (act === "access") return ended;
    if (act === "decision" && outcome === "0") ended = this.say("answered.permit");
    if (act === "decision" && outcome === "8") ended = this.say("answered.deny");
    return said === "" ? ended : this.say("outcome.said", { outcome: ended, said: unquoted(said) });
  }

  private accessor(e: Entry): string {
    const words = str(get(e.shown, "text"), "organisation");
    if (get(e.claims, "foreign") !== true) return first(str(e.claims, "org"), str(e.claims, "iss"));
    return words === "" ? this.say("organisation.unknown") : this.say("organisation.unknown.named", { words: unquoted(words) });
  }

  private kinds(data: readonly string[]): string {
    const types = data.filter((d) => d.startsWith(`${resourceTypes}|`) && d.lastIndexOf("|") === resourceTypes.length);
    return types.map((d) => this.code("kind", d.slice(resourceTypes.length + 1))).join(", ");
  }

  private what(e: Entry): string {
    const c = e.claims, all = strings(c, "data"), act = actOf(e), unknown = this.say("data.unknown");
    if (act === "decision") {
      const data = this.kinds(all.filter((d) => d !== `${resourceTypes}|Consent`)) || unknown;
      return this.say(str(c, "outcome") === "0" ? "decided.permit" : "decided.deny", { data });
    }
    const key = did(e), data = this.kinds(all), some = data || unknown, { sender, recipient } = ends(e);
    const of = (k: string): string => act === "attempt" ? k.replace(/^did\./, "tried.") : k;
    if (key === "did.audit-log") {
      const signedIn = str(c, "identity") === "sign-in", roles = strings(c, "role");
      for (const [code, said] of logReaders) if (all.includes(code) || signedIn && roles.includes(code)) return this.say(of(said));
    }
    if (key === "did.received" && sender !== "") return this.say(of("did.received.from"), { data: some, sender });
    if ((key === "did.disclosed" || key === "did.exported") && recipient !== "") return this.say(of(`${key}.to`), { data: some,
      recipient });
    if (data === "") return this.say(of(key));
    const text = this.words.get(`${of(key)}.of`);
    return text === undefined ? this.say("did.with", { did: this.say(of(key)), data }) : fill(text, { data });
  }
}

// accessTime is when an access happened, as its source claims: docs/FORMATS.md section 6.
function accessTime(c: unknown): number {
  const at = str(c, "occurred") || str(c, "recorded"), when = seconds(at);
  if (at.slice(11, 19) !== "00:00:00" || str(c, "occurredEnd").slice(11, 19) !== "23:59:59") return when;
  return Math.max(when, seconds(`${at.slice(0, 10)}T00:00:00Z`)); // only dates are known
}

// actOf is what an entry of type access says happened: docs/FORMATS.md section 15.
function actOf({ claims: c }: Entry): "access" | "attempt" | "decision" {
  const [type, ...sub] = strings(c, "event"), alert = type === `${dcm}|110113` && str(c, "action") === "E" && sub.length > 0;
  if (alert && sub.every((s) => s.startsWith("https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|"))) return "decision";
  return str(c, "outcome") === "0" ? "access" : "attempt";
}

function did(e: Entry): string {
  const all = strings(e.claims, "event"), action = str(e.claims, "action");
  const search = action === "E" && all.some((v) => v === `${dcm}|110112` || v.startsWith("http://hl7.org/fhir/restful-interaction|search"));
  const key = events.find(([v]) => all.includes(v))?.[1] ?? (search ? "did.search" : `did.${action}`);
  return key === "did.disclosed" && ends(e).own ? "did.received" : key;
}

// ends are the two ends of an export or import, and whether the recipient is the organisation
// that accessed.
function ends(e: Entry): { sender: string; recipient: string; own: boolean } {
  const c = e.claims, parties = list(get(e.shown, "parties")), nobody = { sender: "", recipient: "", own: false };
  if (!strings(c, "event").some((v) => transfers.has(v))) return nobody;
  const party = (...types: string[]): unknown =>
    types.map((t) => parties.find((p) => str(p, "type") === t)).find((p) => p !== undefined);
  const named = (p: unknown): string => first(str(p, "name"), str(p, "id"));
  const to = party(`${dcm}|110152`, ...["IRCP", "PRCP", "REFT", "TRC"].map((t) => `${participation}|${t}`));
  const id = to === undefined ? str(c, "recipient") : str(to, "id"), recipient = to === undefined ? id : named(to);
  const foreign = get(c, "foreign") === true, by = foreign ? "" : first(str(c, "org"), str(c, "iss"));
  const own = by !== "" ? id === by || id.endsWith(`/${by}`) :
    str(get(e.shown, "text"), "organisation") === recipient && recipient !== "";
  return { sender: named(party(`${dcm}|110153`)), recipient, own };
}
