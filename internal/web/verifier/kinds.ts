// What each type of entry is made of: docs/FORMATS.md sections 6, 7, 13 and 15.
import { sha1 } from "@noble/hashes/legacy.js";
import { base64url, concat, hex, instead, must, size, sum, unbase64url, utf8 } from "./bytes.ts";
import { checkIssued, signedWith, sub } from "./entry.ts";
import type { Entry, Kind } from "./entry.ts";
import { aFlag, aNumber, aText, bytesOf, depth, get, has, list, listOf, maxInteger, members, num, object, octets, parse, str, strings, texts,
  textsIn } from "./json.ts";
import type { Json, Members, Shape } from "./json.ts";
import { jwkShape, readJWS, readKey, verifyJWS, vrfKey } from "./keys.ts";
import type { Jws, Key } from "./keys.ts";
import { readNoteKey } from "./note.ts";
import { among, areCodes, ascending, day, distinct, hasControl, holdsNumber, instant, isCountry, isDay, isDigest, isID, isKind, isOrganisation,
  isOrigin, isPlain, isRemark, isSource, isThumbprint, isTime, isUUID } from "./text.ts";

const claim = (ok: boolean): void => must(ok, "bad-claim");
const optional = (v: Json | undefined, name: string, f: (text: string) => boolean): boolean => str(v, name) === "" || f(str(v, name));
const isPositive = (n: number): boolean => n >= 1 && n <= maxInteger;
const isAction = (a: string): boolean => among(a, "C", "R", "U", "D", "E");

const anID: Shape = (v) => {
  aText(v);
  must(isID(v as string), "bad-id");
};
// aDocument is an object of at most 32 levels, with anything in it.
const aDocument: Shape = (v) => must(v instanceof Map && depth(v) <= 32, "bad-disclosure");
const aSequence: Shape = (v) => {
  aNumber(v);
  must(isPositive(v as number), "bad-disclosure");
};
const aDelegate: Shape = (v) => {
  textsIn("id", "name")(v);
  anID(str(v, "id"));
};
const aStaff: Shape = (v) => {
  object({ id: aText, system: aText, name: aText, altId: aText, ids: texts, units: texts })(v);
  must(areCodes(strings(v, "ids"), 64) && areCodes(strings(v, "units"), 64), "bad-disclosure");
};
const someText = textsIn("why", "justification", "outcome", "query", "organisation");

function checkAccess({ claims: c }: Entry): void {
  claim(isSource(str(c, "source")));
  claim(optional(c, "org", isOrganisation) && (get(c, "foreign") !== true || str(c, "org") === ""));
  claim(optional(c, "recipient", isOrganisation) && optional(c, "system", isPlain));
  claim(["event", "data", "purpose", "role"].every((name) => areCodes(strings(c, name), 64)) && isAction(str(c, "action")));
  claim(optional(c, "agreement", isPlain) && optional(c, "decision", isUUID) && optional(c, "delegation", isUUID));
  const request = str(c, "request"), identity = str(c, "identity");
  if (request !== "" || identity !== "") {
    claim(isSource(request) && !holdsNumber(request) && among(identity, "documents", "vouched", "vouched-record", "sign-in"));
  }
  claim(among(str(c, "outcome"), "0", "4", "8", "12"));
  claim(optional(c, "occurred", isTime) && optional(c, "occurredEnd", isTime) && isTime(str(c, "recorded")));
}

// checkDay checks source and day, and that the jti is the one of this stream and day.
function checkDay({ claims: c }: Entry, domain: string): void {
  const start = day(str(c, "day"));
  claim(isSource(str(c, "source")) && start !== undefined && start >= 0 && num(c, "iat") >= start + 86400);
  claim(str(c, "jti") === uuid5([domain, str(c, "aud"), str(c, "iss"), str(c, "source"), str(c, "day")].join("\n")));
}

// uuid5 is the UUID version 5 of the name in the namespace URL (RFC 9562 section 5.5).
function uuid5(name: string): string {
  const namespace = Uint8Array.of(0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8);
  const h = sha1(concat(namespace, utf8(name)));
  h[6] = h[6]! & 0x0f | 0x50;
  h[8] = h[8]! & 0x3f | 0x80;
  return hex(h.subarray(0, 16)).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function checkHeartbeat(e: Entry): void {
  must(!holdsNumber(str(e.claims, "source")), "personal-data");
  checkDay(e, "igledger/heartbeat/v1");
  claim(num(e.claims, "interval") >= 60 && num(e.claims, "interval") <= 2678400);
}

function checkCount(e: Entry): void {
  must(!e.shown.has("sub") || sub(e) === "reg:sources", "bad-id");
  const [first, last, count, receipts] = ["first", "last", "count", "receipts"].map((name) => e.shown.get(name) as number | undefined);
  const holds = (ok: boolean): void => must(ok, "bad-disclosure");
  holds([first, last, count, receipts].every((n) => n === undefined || n <= maxInteger));
  holds(first === undefined || first >= 1);
  holds(first === undefined || last === undefined || last + 1 >= first);
  holds(first === undefined || last === undefined || count === undefined || count <= last + 1 - first);
  holds(count === undefined || receipts === undefined || receipts <= count);
  checkDay(e, "igledger/source-count/v1");
}

// Section 7.

const organisationFields = { id: aText, name: aText, kind: aText, roles: texts };
const organisationShape = object(organisationFields);
const keyShape = object({ jwk: jwkShape, purposes: texts, validFrom: aNumber });
const foundingShape = object({ ...organisationFields, key: keyShape });
const allRoles = ["auditor", "controller", "enroller", "front-desk", "operator", "processor", "registrar", "source"];
const allPurposes = ["administer", "agreements", "audit", "front-desk", "guard", "submit"];
const someOf = (values: string[], all: string[]): boolean => values.length > 0 && ascending(values) && values.every((v) => all.includes(v));

function checkOrganisation(o: Json | undefined, code: string): void {
  must(isOrganisation(str(o, "id")) && str(o, "name") !== "" && isPlain(str(o, "name"), 200) && isKind(str(o, "kind")), code);
  must(someOf(strings(o, "roles"), allRoles), code);
  must(!holdsNumber(str(o, "id")) && !holdsNumber(str(o, "name")), "personal-data");
}

// addedKey checks {"jwk":…,"purposes":…,"validFrom":…} and returns the key.
function addedKey(v: Json | undefined, code: string): Key {
  must(v !== undefined, code);
  const k = readKey(get(v, "jwk"));
  must(someOf(strings(v, "purposes"), allPurposes) && num(v, "validFrom") <= maxInteger, code);
  return k;
}

// checkKeyProof refuses unless the holder of k says that it is this organisation's in this log.
function checkKeyProof(text: string, origin: string, organisation: string, k: Key): void {
  const j = readJWS(text, "igl-key-proof+jwt"), v = parse(j.payload);
  textsIn("aud", "org", "jkt")(v);
  claim(str(v, "aud") === origin && str(v, "org") === organisation && str(v, "jkt") === k.thumbprint);
  verifyJWS(j, k);
}

// A Countersignature is an enroller's word for an organisation or a key.
export interface Countersignature { readonly jws: Jws; readonly claims: Members }

const counterShape = object({ iss: aText, aud: aText, iat: aNumber, organisation: organisationShape, org: aText, key: keyShape });

export function readCountersignature(text: string): Countersignature {
  const jws = readJWS(text, "igl-countersignature+jwt"), claims = parse(jws.payload);
  counterShape(claims);
  checkIssued(claims as Members);
  if (has(claims, "organisation")) {
    claim(!has(claims, "org") && !has(claims, "key"));
    checkOrganisation(get(claims, "organisation"), "bad-claim");
  } else {
    claim(isOrganisation(str(claims, "org")));
    addedKey(get(claims, "key"), "bad-claim");
  }
  return { jws, claims: claims as Members };
}

function checkCounter(e: Entry): void {
  if (has(e.claims, "countersignature")) readCountersignature(signedWith(e));
}

function checkOwner(c: Members): void {
  claim(isOrganisation(str(c, "organisation")));
  must(!holdsNumber(str(c, "organisation")), "personal-data");
}

function checkKey(e: Entry): void {
  const c = e.claims;
  checkOwner(c);
  const k = addedKey(get(c, "key"), "bad-claim");
  checkKeyProof(str(c, "proof"), str(c, "aud"), str(c, "organisation"), k);
  checkCounter(e);
}

function checkRevocation({ claims: c }: Entry): void {
  checkOwner(c);
  claim(isThumbprint(str(c, "kid")) && among(str(c, "reason"), "superseded", "compromised", "retired", "other"));
  claim(num(c, "suspectFrom") <= maxInteger);
}

export const founders = ["registrar", "enroller", "operator"] as const;

function checkGenesis({ claims: c }: Entry): void {
  const bad = "bad-genesis", need = (ok: boolean): void => must(ok, bad), ids = new Set<string>(), kids = new Set<string>();
  need(str(c, "formats") === "igledger/1");
  must(octets(c, "vrfKey").length === 32, "bad-length");
  instead(bad, () => vrfKey(octets(c, "vrfKey")));
  const log = instead(bad, () => readNoteKey(str(c, "logKey")));
  need(log.type === 1 && log.signer !== undefined && log.name === str(c, "aud"));
  need(isPositive(num(c, "indexLag")) && list(c, "proofs").length === 3);
  founders.forEach((party, i) => {
    const p = get(c, party), roles = strings(p, "roles"), id = str(p, "id");
    checkOrganisation(p, bad);
    const added = get(p, "key"), k = addedKey(added, bad);
    need(!has(added, "validFrom") && !ids.has(id) && !kids.has(k.thumbprint));
    ids.add(id);
    kids.add(k.thumbprint);
    need(roles.includes(party) && strings(added, "purposes").includes(party === "operator" ? "submit" : "administer"));
    need(party !== "enroller" || !roles.includes("operator"));
    checkKeyProof(strings(c, "proofs")[i]!, str(c, "aud"), id, k);
  });
  need(str(c, "iss") === str(get(c, "registrar"), "id"));
  const before = get(c, "predecessor");
  need(before === undefined || isOrigin(str(before, "origin")) && str(before, "origin") !== str(c, "aud") && isPositive(num(before, "size")) &&
    octets(before, "root").length === 32);
}

function checkIndexRoot({ claims: c }: Entry): void {
  claim(isPositive(num(c, "size")));
  must(octets(c, "root").length === 32, "bad-length");
  claim(octets(c, "root").some((b) => b !== 0));
}

// Section 15.

const noticeShape = object({ url: aText, version: aText, language: aText, hash: bytesOf(32) });
const agreementShape = object({
  id: aText, version: aNumber, supersedes: texts, under: aText, title: aText, tier: aText,
  parties: listOf(textsIn("organisation", "role", "contact", "icoRegistration", "dpo", "siro", "caldicott")),
  drivers: aText, purposes: listOf(textsIn("text", "code", "dpv")), article6: texts, article9: texts, dpaCondition: aText, legalPower: aText,
  data: listOf(object({ text: aText, codes: texts, identifiable: aFlag })), subjects: aText, flows: listOf(textsIn("from", "to", "how")),
  roles: texts, necessity: aText, quality: aText, retention: aText, disposal: aText, security: aText, transfers: texts,
  dpia: textsIn("reference", "date", "opinion"), approvals: listOf(textsIn("body", "reference", "date")), privacyNotice: noticeShape,
  rightsContact: aText, breachContact: aText, start: aText, end: aText, reviewDue: aText, document: aText,
});

// required refuses unless each of these texts is there and not empty.
const required = (v: Json | undefined, ...names: string[]): void => claim(names.every((n) => str(v, n) !== "" && isRemark(str(v, n))));

// checkTexts refuses texts of a public entry that are malformed or hold a person's number.
function checkTexts(v: Json): void {
  if (typeof v === "string") {
    claim(isRemark(v));
    must(!holdsNumber(v), "personal-data");
  }
  if (v instanceof Map || Array.isArray(v)) for (const e of v.values()) checkTexts(e);
}

function checkLetters(v: Json, name: "article6" | "article9"): void {
  const letters = strings(v, name), allowed = name === "article6" ? /^[a-f]$/ : /^[a-j]$/;
  claim(ascending(letters) && letters.every((l) => allowed.test(l)));
}

function checkNotice(v: Json | undefined): void {
  required(v, "url");
  claim(isDigest(str(v, "hash")) && isRemark(str(v, "version")) && isRemark(str(v, "language")));
}

const isVersion = (c: Json | undefined): boolean => isOrganisation(str(c, "agreement")) && isPositive(num(c, "version"));
const within = (n: number, least: number, most: number): void => claim(n >= least && n <= most);

function checkAgreement({ claims }: Entry): void {
  const a = get(claims, "agreement"), id = str(a, "id"), replaced = strings(a, "supersedes"), parties = list(a, "parties");
  claim(a !== undefined && isOrganisation(id) && isPositive(num(a, "version")));
  claim(replaced.length <= 64 && distinct(replaced) && replaced.every((r) => isOrganisation(r) && r !== id));
  claim(optional(a, "under", isOrganisation) && str(a, "under") !== id);
  required(a, "title", "legalPower", "subjects", "retention", "disposal", "security", "rightsContact", "breachContact");
  claim(among(str(a, "tier"), "mou", "isa", "work-instruction"));
  within(parties.length, 2, 256);
  const named = parties.map((p) => str(p, "organisation"));
  claim(distinct(named) && named.every(isOrganisation));
  parties.forEach((p) => required(p, "contact"));
  const roles = parties.map((p) => str(p, "role"));
  claim(roles.every((r) => among(r, "controller", "joint-controller", "processor", "recipient")) && roles.some((r) => /controller$/.test(r)));
  within(list(a, "purposes").length, 1, 64);
  list(a, "purposes").forEach((p) => required(p, "text", "code"));
  within(list(a, "article6").length, 1, 6);
  checkLetters(a!, "article6");
  checkLetters(a!, "article9");
  within(list(a, "data").length, 1, 256);
  list(a, "data").forEach((d) => {
    required(d, "text");
    claim(areCodes(strings(d, "codes"), Infinity));
  });
  within(list(a, "flows").length, 1, 256);
  list(a, "flows").forEach((f) => {
    claim(named.includes(str(f, "from")) && named.includes(str(f, "to")));
    required(f, "how");
  });
  claim(areCodes(strings(a, "roles"), Infinity) && list(a, "transfers").length <= 256 && strings(a, "transfers").every(isCountry));
  required(get(a, "dpia"), "reference");
  claim(isDay(str(get(a, "dpia"), "date")) && list(a, "approvals").length <= 64);
  list(a, "approvals").forEach((p) => {
    required(p, "body", "reference");
    claim(isDay(str(p, "date")));
  });
  checkNotice(get(a, "privacyNotice"));
  claim(["start", "end", "reviewDue"].every((n) => isDay(str(a, n))) && str(a, "start") <= str(a, "end") && optional(a, "document", isDigest));
  checkTexts(a!);
}

function checkRequest({ claims: c }: Entry): void {
  claim(isOrganisation(str(c, "request")) && isOrganisation(str(c, "holder")) && str(c, "holder") !== str(c, "iss"));
  required(c, "data", "purpose", "necessity", "legalPower", "by");
  claim(list(c, "codes").length >= 1 && areCodes(strings(c, "codes"), Infinity));
  claim(optional(c, "agreement", isOrganisation) && optional(c, "needed", isDay));
  checkTexts(c);
}

function checkSharing({ claims: c }: Entry): void {
  claim(isOrganisation(str(c, "request")) && among(str(c, "decision"), "agreed", "agreed-in-part", "refused"));
  required(c, "reasons", "dpia", "by");
  claim(str(c, "decision") === "refused" || list(c, "article6").length > 0);
  checkLetters(c, "article6");
  checkLetters(c, "article9");
  claim(optional(c, "agreement", isOrganisation));
  checkTexts(c);
}

function checkPolicySet({ claims: c }: Entry): void {
  const text = str(c, "text"), files = strings(c, "terminology").map((f) => hex(unbase64url(f)));
  claim(isPositive(num(c, "version")) && str(c, "schema") === "igledger/1");
  claim(text !== "" && size(text) <= 40960 && !hasControl(text.replace(/[\n\t]/g, "")));
  must(files.length <= 8, "too-large");
  claim(ascending(files) && str(c, "hash") === base64url(sum(utf8(text))));
  required(c, "reason");
  must(!holdsNumber(text) && !holdsNumber(str(c, "reason")), "personal-data");
}

// A rule's exceptions are rules again.
const ruleShape: Shape = (v) => object({
  decision: aText, start: aText, end: aText, purposes: texts, data: texts, recipients: texts, roles: texts, actions: texts, restricts: aFlag,
  staff: texts, units: texts, also: listOf(ruleShape), dataStart: aText, dataEnd: aText, except: listOf(ruleShape),
})(v);

const levels = (r: Json): number => 1 + list(r, "except").reduce<number>((most, x) => Math.max(most, levels(x)), 0);
const rules = (r: Json): number => 1 + [...list(r, "except"), ...list(r, "also")].reduce<number>((n, x) => n + rules(x), 0);
const noAlso = (r: Json): void => {
  claim(list(r, "also").length === 0);
  list(r, "except").forEach(noAlso);
};

// checkSpan refuses two times of which the second is not after the first. Both are optional.
function checkSpan(v: Json, from: string, to: string): void {
  claim(optional(v, from, isTime) && optional(v, to, isTime));
  if (!has(v, from) || !has(v, to)) return;
  const [a, b] = [instant(str(v, from)), instant(str(v, to))];
  claim(a === undefined ? b !== undefined : b !== undefined && (b[0] > a[0] || b[0] === a[0] && b[1] > a[1]));
}

function checkRule(r: Json): void {
  claim(among(str(r, "decision"), "permit", "deny") && (str(r, "decision") === "deny" || get(r, "restricts") !== true));
  checkSpan(r, "start", "end");
  checkSpan(r, "dataStart", "dataEnd");
  claim(["purposes", "data", "roles", "staff", "units"].every((n) => areCodes(strings(r, n), 256)));
  claim(list(r, "recipients").length <= 256 && strings(r, "recipients").every(isOrganisation) && strings(r, "actions").every(isAction));
  list(r, "except").forEach((x) => {
    claim(str(x, "decision") !== str(r, "decision"));
    checkRule(x);
  });
}

function checkConsent({ claims: c }: Entry): void {
  const act = str(c, "act"), rule = get(c, "rule"), agreements = strings(c, "agreements"), expressed = get(c, "expressed");
  claim(isUUID(str(c, "consent")) && among(act, "given", "refused", "amended", "reconfirmed", "withdrawn", "expired"));
  claim(among(str(c, "scope"), "adr", "patient-privacy", "research", "treatment"));
  claim(agreements.length <= 64 && agreements.every(isOrganisation) && distinct(agreements));
  claim(isTime(str(c, "decided")) && optional(c, "updated", isTime) && num(c, "version") <= maxInteger);
  if (rule !== undefined) {
    const decision = str(rule, "decision");
    claim(act !== "withdrawn" && act !== "expired" && (act !== "given" || decision === "permit") && (act !== "refused" || decision === "deny"));
    must(levels(rule) <= 8 && rules(rule) <= 256, "too-large");
    checkRule(rule);
    list(rule, "also").forEach((also) => {
      claim(decision === "permit" && str(also, "decision") === "permit");
      must(levels(also) <= 8, "too-large");
      checkRule(also);
      noAlso(also);
    });
    list(rule, "except").forEach(noAlso);
  }
  if (expressed !== undefined) {
    claim(among(str(expressed, "how"), "implied", "verbal", "written", "electronic", "explicit-electronic"));
    claim(optional(expressed, "verified", isTime) && isPlain(str(expressed, "language"), 35));
  }
  if (has(c, "notice")) checkNotice(get(c, "notice"));
}

const delegationKinds = ["AGNT", "DELEGATEE", "DPOWATT", "GUADLTM", "GUARD", "HPOWATT", "NOK", "POWATT", "RESPRSN", "SPOWATT"];

function checkDelegation({ claims: c }: Entry): void {
  claim(isUUID(str(c, "delegation")));
  if (str(c, "act") === "revoked") return claim(["kind", "scope", "start", "end", "basis"].every((n) => !has(c, n)));
  claim(str(c, "act") === "granted" && delegationKinds.includes(str(c, "kind")));
  claim(someOf(strings(c, "scope"), ["access", "consent", "question"]) && has(c, "start") && has(c, "end"));
  checkSpan(c, "start", "end");
  claim(isRemark(str(c, "basis")));
}

function checkDecision({ claims: c }: Entry): void {
  claim(isOrganisation(str(c, "org")) && optional(c, "holder", isOrganisation) && optional(c, "system", isPlain) && isAction(str(c, "action")));
  claim(["data", "purpose", "role", "rules", "obligations"].every((name) => areCodes(strings(c, name), 64)));
  claim(optional(c, "agreement", isPlain) && optional(c, "delegation", isUUID));
  claim(among(str(c, "decision"), "permit", "deny") && isTime(str(c, "asked")));
}

function checkLink(e: Entry): void {
  const other = e.shown.get("other") ?? "", reason = str(e.claims, "reason");
  claim(among(str(e.claims, "act"), "linked", "unlinked") && reason !== "" && isPlain(reason));
  must(e.shown.has("sub") === e.shown.has("other"), "bad-disclosure");
  must(!e.shown.has("sub") || sub(e) !== other && ![sub(e), other as string].some((id) => id.startsWith("reg:")), "bad-id");
}

const fields = <T>(names: string, shape: T): Record<string, T> => Object.fromEntries(names.split(" ").map((n) => [n, shape]));
const ofAgreement = (e: Entry): string => `agreement:${str(e.claims, "agreement")}`;
const ofRequest = (e: Entry): string => `request:${str(e.claims, "request")}`;

export const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>(Object.entries<Kind>({
  access: {
    claims: { ...fields("source org recipient system action agreement decision delegation outcome occurred occurredEnd recorded request identity", aText),
      ...fields("foreign machine emergency", aFlag), ...fields("event data purpose role", texts) },
    check: checkAccess,
    names: { sub: anID, staff: aStaff, parties: listOf(textsIn("type", "id", "name", "address")), text: someText, seq: aSequence, fhir: aDocument },
  },
  heartbeat: {
    claims: { source: aText, day: aText, interval: aNumber, gaps: aFlag, receipts: aFlag }, check: checkHeartbeat,
    history: (e) => `source:${str(e.claims, "iss")}:${str(e.claims, "source")}`,
  },
  "source-count": {
    claims: { source: aText, day: aText }, check: checkCount, names: { sub: anID, ...fields("first last count receipts", aNumber) },
  },
  genesis: {
    claims: { formats: aText, vrfKey: bytesOf(32), logKey: aText, indexLag: aNumber, ...fields("registrar enroller operator", foundingShape),
      proofs: texts, predecessor: object({ origin: aText, size: aNumber, root: bytesOf(32) }) },
    check: checkGenesis, history: () => "genesis",
  },
  organisation: {
    claims: { organisation: organisationShape, countersignature: aText }, history: (e) => `org:${str(get(e.claims, "organisation"), "id")}`,
    check: (e) => {
      checkOrganisation(get(e.claims, "organisation"), "bad-claim");
      checkCounter(e);
    },
  },
  key: {
    claims: { organisation: aText, key: keyShape, proof: aText, countersignature: aText }, check: checkKey,
    history: (e) => `key:${readKey(get(members(e.claims, "key"), "jwk")).thumbprint}`,
  },
  "key-revocation": {
    claims: { ...fields("organisation kid reason", aText), suspectFrom: aNumber }, check: checkRevocation,
    history: (e) => `key:${str(e.claims, "kid")}`,
  },
  "index-root": { claims: { size: aNumber, root: bytesOf(32) }, check: checkIndexRoot, history: () => "index-root" },
  agreement: {
    claims: { agreement: agreementShape }, check: checkAgreement, history: (e) => `agreement:${str(get(e.claims, "agreement"), "id")}`,
  },
  "agreement-signature": {
    claims: { agreement: aText, version: aNumber, proposal: aText }, history: ofAgreement,
    check: ({ claims: c }) => claim(isVersion(c) && isDigest(str(c, "proposal"))),
  },
  "agreement-act": {
    claims: { agreement: aText, version: aNumber, act: aText, reason: aText }, history: ofAgreement,
    check: ({ claims: c }) => {
      claim(isVersion(c) && among(str(c, "act"), "withdraw", "review", "confirm", "suspend", "resume", "terminate"));
      required(c, "reason");
      checkTexts(c);
    },
  },
  "sharing-request": {
    claims: { ...fields("request holder data purpose necessity legalPower agreement by needed", aText), codes: texts },
    check: checkRequest, history: ofRequest,
  },
  "sharing-decision": {
    claims: { ...fields("request decision reasons dpaCondition dpoOpinion dpia retention security rights interval agreement by", aText),
      article6: texts, article9: texts },
    check: checkSharing, history: ofRequest,
  },
  "policy-set": {
    claims: { version: aNumber, ...fields("schema text hash reason", aText), terminology: listOf(bytesOf(32)) },
    check: checkPolicySet, history: () => "policies",
  },
  consent: {
    claims: { ...fields("consent act scope decided updated", aText), agreements: texts, version: aNumber, rule: ruleShape,
      expressed: textsIn("how", "verified", "language"), notice: noticeShape },
    check: checkConsent,
    names: { sub: anID, by: textsIn("delegation", "name", "relation"), text: textsIn("reason", "evidence"), fhir: aDocument },
  },
  delegation: {
    claims: { ...fields("delegation act kind start end basis", aText), scope: texts }, check: checkDelegation,
    names: { sub: anID, delegate: aDelegate, evidence: textsIn("reference", "seen", "office") },
  },
  decision: {
    claims: { ...fields("org holder system action agreement delegation decision asked", aText), ...fields("machine emergency justified", aFlag),
      ...fields("data purpose role rules obligations", texts) },
    check: checkDecision, names: { sub: anID, staff: aStaff, text: someText },
  },
  link: { claims: { act: aText, reason: aText }, check: checkLink, names: { sub: anID, other: anID } },
}));
