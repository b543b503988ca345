// Entries: the table of each type, and how one is read: docs/FORMATS.md sections 5 to 7, 13, 15.
import { sha1 } from "@noble/hashes/legacy.js";
import { base64url, concat, hex, instead, must, same, size, sum, textOf, unbase64url, utf8 } from "./bytes.ts";
import { a, any, between, bytes, depth, digest, each, flag, list, maxInteger, maybe, natural, object, oneOf, optional, parse, text,
  texts, where, type Form, type Json, type Members, type Read, type Value } from "./json.ts";
import { jwk, readJWS, verifyJWS, vrfKey, type Jws } from "./keys.ts";
import { readNoteKey } from "./note.ts";
import { areCodes, ascending, day, distinct, holdsNumber, isAfter, isCountry, isDay, isID, isKind, isOrganisation, isOrigin, isPlain,
  isRemark, isSeen, isSource, isThumbprint, isTime, isUUID } from "./text.ts";

const issued = { iss: a(isOrganisation), aud: a(isOrigin), iat: between(1, 2 ** 40) };
const all = { type: text, ...issued, jti: a(isUUID) }, digests = { ...all, _sd: list(text) };
const common = object(all);
type Claims<M extends Members> = Read<M & typeof all>;
type By = readonly [purpose: string, role: string]; // of the key and of the organisation that sign; "": any role
const nothing = (): void => {};

// open is a public type: who signs it, its claims, its history, and what holds between claims.
const open = <M extends Members>(by: By, own: M, history: (c: Claims<M>) => string, check: (c: Claims<M>, none: {}) => void = nothing) =>
  ({ by, form: object({ ...all, ...own }), own: object(own), names: undefined, check, history });

// governing is an open type of section 15, of which nothing may hold a person's number.
const governing = <M extends Members>(by: By, own: M, history: (c: Claims<M>) => string, check: (c: Claims<M>) => void = nothing) =>
  open(by, own, history, (c) => {
    check(c);
    must(!holdsNumber(JSON.stringify(Object.keys(own).map((name) => c[name]))), "personal-data");
  });

// sealed is a type about a person: who signs it, claims, disclosures, and what holds between them.
const sealed = <M extends Members, N extends Members>(by: By, own: M, names: N, check: Check<M, N> = nothing) =>
  ({ by, form: object({ ...digests, ...own }), own: object(own), names, check, history: () => "" });
type Kind = ReturnType<typeof open<any>> | ReturnType<typeof sealed<any, any>>; // of any type
type Check<M extends Members, N extends Members> = (c: Read<M & typeof digests>, shown: Partial<Read<N>>) => void;

const claim = (ok: boolean): void => must(ok, "bad-claim");
const counted = <T>(of: Form<T>, least: number, most: number): Form<T[]> => where(list(of), (l) => l.length >= least && l.length <= most);
const codes = (most: number, code?: string): Form<string[]> => where(list(text), (l) => areCodes(l, most), code);
const shownCodes = where(codes(256), (l) => l.every(isSeen)); // of public entries
const setOf = (...these: string[]): Form<string[]> =>
  where(list(text), (l) => l.length > 0 && ascending(l) && l.every((v) => these.includes(v)));
const letters = (allowed: RegExp): Form<string[]> => where(list(text), (l) => ascending(l) && l.every((v) => allowed.test(v)));
const organisationIDs = (most: number): Form<string[]> => where(list(a(isOrganisation)), (l) => l.length <= most && distinct(l));
const short = (most: number): Form<string> => a((t) => isPlain(t, most));
const positive = between(1, maxInteger), number = between(0, maxInteger, "bad-disclosure"), id = a(isID, "bad-id");
const required = a((t) => t !== "" && isRemark(t)), remark = a(isRemark), organisationID = a(isOrganisation);
const action = oneOf("C", "R", "U", "D", "E"), uuid = a(isUUID), aDay = a(isDay), time = a(isTime), anyTime = optional(isTime);

// Section 6.
const staff = object({ ...each(text, "id", "system", "name", "altId"), ...each(codes(64, "bad-disclosure"), "ids", "units") });
const words = texts("why", "justification", "outcome", "query", "organisation");
const fhir = where(any, (v) => v instanceof Map && depth(v) <= 32, "bad-disclosure");
const namespace = Uint8Array.of(0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8);

// checkDay checks that the day is over, and that the jti is that of stream and day (UUID 5).
function checkDay(domain: string, c: Claims<{ source: Form<string>; day: Form<string> }>): void {
  const start = day(c.day) ?? -1, h = sha1(concat(namespace, utf8([domain, c.aud, c.iss, c.source, c.day].join("\n"))));
  h[6] = h[6]! & 0x0f | 0x50;
  h[8] = h[8]! & 0x3f | 0x80;
  claim(start >= 0 && c.iat >= start + 86400 && c.jti === hex(h.subarray(0, 16)).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"));
}

// Section 7.
const registration = { id: organisationID, name: a((t) => t !== "" && isPlain(t, 200) && isSeen(t)), kind: a(isKind),
  roles: setOf("auditor", "controller", "enroller", "front-desk", "operator", "processor", "registrar", "source") };
const addedKey = object({ jwk, purposes: setOf("administer", "agreements", "audit", "front-desk", "guard", "submit"), validFrom: natural });
const nameless = (o: { readonly id: string; readonly name: string }): boolean => !holdsNumber(o.id) && !holdsNumber(o.name);
const organisation = where(object(registration), nameless, "personal-data");
const atLeastOne = between(1, maxInteger, "bad-genesis");
const founder = where(object({ ...registration, key: addedKey }), nameless, "personal-data");
const owner = where(organisationID, (t) => !holdsNumber(t), "personal-data");
export type Organisation = Value<typeof organisation>;
export type AddedKey = Value<typeof addedKey>;
const keyProof = object({ aud: text, org: text, jkt: text });

// checkKeyProof refuses unless the key's holder says that it is this organisation's in this log.
function checkKeyProof(proof: string, origin: string, owner: string, { jwk }: AddedKey): void {
  const j = readJWS(proof, "igl-key-proof+jwt"), { aud, org, jkt } = keyProof.read(parse(j.payload));
  claim(aud === origin && org === owner && jkt === jwk.thumbprint);
  verifyJWS(j, jwk);
}

// A Countersignature is an enroller's word for an organisation or a key.
const counter = object({ ...issued, organisation: maybe(organisation), org: optional(isOrganisation), key: maybe(addedKey) });
export type Countersignature = ReturnType<typeof readCountersignature>;
export function readCountersignature(compact: string) {
  const jws = readJWS(compact, "igl-countersignature+jwt"), c = counter.read(parse(jws.payload));
  counter.check(c);
  claim(c.organisation === undefined ? c.org !== "" && c.key !== undefined : c.org === "" && c.key === undefined);
  return { jws, ...c };
}
const countersignature: Form<string> = { ...text, check: (t) => t === "" || readCountersignature(t) };

// Section 15.
const notice = object({ url: required, hash: digest, version: remark, language: remark });
const article6 = letters(/^[a-f]$/), article9 = letters(/^[a-j]$/);
const agreement = where(object({
  id: organisationID, version: positive, supersedes: organisationIDs(64), under: optional(isOrganisation),
  tier: oneOf("mou", "isa", "work-instruction"), parties: counted(object({
    organisation: organisationID, role: oneOf("controller", "joint-controller", "processor", "recipient"), contact: required,
    ...each(remark, "icoRegistration", "dpo", "siro", "caldicott"),
  }), 2, 256),
  purposes: counted(object({ text: required, code: a((t) => areCodes([t], 1) && isSeen(t)), dpv: remark }), 1, 64),
  article6: where(article6, (l) => l.length > 0), article9, roles: shownCodes, transfers: counted(a(isCountry), 0, 256),
  data: counted(object({ text: required, codes: shownCodes, identifiable: flag }), 1, 256),
  flows: counted(object({ from: text, to: text, how: required }), 1, 256),
  dpia: object({ reference: required, date: aDay, opinion: remark }), privacyNotice: notice, document: bytes(32),
  approvals: counted(object({ body: required, reference: required, date: aDay }), 0, 64), ...each(aDay, "start", "end", "reviewDue"),
  ...each(required, "title", "legalPower", "subjects", "retention", "disposal", "security", "rightsContact", "breachContact"),
  ...each(remark, "drivers", "dpaCondition", "necessity", "quality"),
}), ({ id, supersedes, under, parties, flows, start, end }) => {
  const named = parties.map((p) => p.organisation);
  return distinct(named) && parties.some((p) => p.role.endsWith("controller")) && start <= end && ![under, ...supersedes].includes(id) &&
    flows.every((f) => named.includes(f.from) && named.includes(f.to));
});

// A rule's exceptions are rules again.
interface Rule { readonly decision: string; readonly restricts: boolean; readonly except: Rule[]; readonly also: Rule[] }
const nested: Form<Rule> = { read: (v) => rule.read(v), check: (v) => rule.check(v) };
const rule: Form<Rule> = where(object({
  decision: oneOf("permit", "deny"), restricts: flag, ...each(anyTime, "start", "end", "dataStart", "dataEnd"),
  ...each(codes(256), "purposes", "data", "roles", "staff", "units"), recipients: counted(organisationID, 0, 256),
  actions: counted(action, 0, 5), ...each(list(nested), "except", "also"),
}), (r) => isAfter(r.end, r.start) && isAfter(r.dataEnd, r.dataStart) && (r.decision === "deny" || !r.restricts) &&
  r.except.every((x) => x.decision !== r.decision && x.also.length === 0));

const levels = (r: Rule): number => 1 + Math.max(0, ...r.except.map(levels));
const rules = (r: Rule): number => 1 + [...r.except, ...r.also].reduce((n, x) => n + rules(x), 0);

function checkRule(act: string, r: Rule | undefined): void {
  const ends = act === "withdrawn" || act === "expired";
  if (r === undefined) return claim(ends);
  claim(!ends && (act !== "given" || r.decision === "permit") && (act !== "refused" || r.decision === "deny"));
  must([r, ...r.also].every((x) => levels(x) <= 8) && rules(r) <= 256, "too-large");
  claim(r.also.every((x) => r.decision === "permit" && x.decision === "permit" && x.also.length === 0));
}

const granted = object({ scope: setOf("access", "consent", "question"), start: time, end: time,
  kind: oneOf("AGNT", "DELEGATEE", "DPOWATT", "GUADLTM", "GUARD", "HPOWATT", "NOK", "POWATT", "RESPRSN", "SPOWATT") });

const ofAgreement = (c: { readonly agreement: string }): string => `agreement:${c.agreement}`;
const ofRequest = (c: { readonly request: string }): string => `request:${c.request}`;
const source: By = ["submit", "source"], operator: By = ["submit", "operator"], registrar: By = ["administer", "registrar"];
const administrator: By = ["administer", ""], party: By = ["agreements", ""];

export const kinds = {
  access: sealed(source, {
    source: a(isSource), ...each(optional(isOrganisation), "org", "recipient"), ...each(flag, "foreign", "machine", "emergency"), action,
    ...each(codes(64), "event", "data", "purpose", "role"), ...each(short(512), "system", "agreement"),
    ...each(optional(isUUID), "decision", "delegation"), ...each(text, "request", "identity"), outcome: oneOf("0", "4", "8", "12"),
    ...each(anyTime, "occurred", "occurredEnd"), recorded: time,
  }, {
    sub: id, staff, parties: list(texts("type", "id", "name", "address")), text: words, seq: between(1, maxInteger, "bad-disclosure"), fhir,
  }, (c) => claim((!c.foreign || c.org === "") && (c.request === "" ? c.identity === "" : isSource(c.request) && !holdsNumber(c.request) &&
    ["documents", "vouched", "vouched-record", "sign-in"].includes(c.identity)))),
  heartbeat: open(source, { source: a(isSource), day: text, interval: between(60, 2678400), gaps: flag, receipts: flag },
    (c) => `source:${c.iss}:${c.source}`, (c) => {
      checkDay("igledger/heartbeat/v1", c);
      must(!holdsNumber(c.source), "personal-data");
    }),
  "source-count": sealed(source, { source: a(isSource), day: text }, { sub: id, ...each(number, "first", "last", "count", "receipts") },
    // Of a number that is not shown every comparison is false.
    (c, { sub, first = NaN, last = NaN, count = NaN, receipts = NaN }) => {
      checkDay("igledger/source-count/v1", c);
      must(sub === undefined || sub === "reg:sources", "bad-id");
      must(!(first < 1 || last + 1 < first || count > last + 1 - first || receipts > count), "bad-disclosure");
    }),
  genesis: open(registrar, {
    formats: a((t) => t === "igledger/1", "bad-genesis"), vrfKey: { ...bytes(32), check: (b) => instead("bad-genesis", () => vrfKey(b)) },
    ...each(founder, "registrar", "enroller", "operator"), proofs: list(text), logKey: text, indexLag: atLeastOne,
    predecessor: maybe(object({ origin: a(isOrigin, "bad-genesis"), size: atLeastOne, root: bytes(32) })),
  }, () => "genesis", (c) => {
    const need = (ok: boolean): void => must(ok, "bad-genesis"), parties = [c.registrar, c.enroller, c.operator];
    const log = instead("bad-genesis", () => readNoteKey(c.logKey)), kids = parties.map((p) => p.key.jwk.thumbprint);
    need(log.type === 1 && log.name === c.aud && c.iss === c.registrar.id && c.predecessor?.origin !== c.aud);
    need(distinct(kids) && distinct(parties.map((p) => p.id)) && c.proofs.length === 3 && parties.every((p) => p.key.validFrom === 0));
    need([c.registrar, c.enroller].every((p) => p.key.purposes.includes("administer")) && c.operator.key.purposes.includes("submit"));
    need(["registrar", "enroller", "operator"].every((r, i) => parties[i]!.roles.includes(r)) && !c.enroller.roles.includes("operator"));
    parties.forEach((p, i) => checkKeyProof(c.proofs[i]!, c.aud, p.id, p.key));
  }),
  organisation: open(registrar, { organisation, countersignature }, (c) => `org:${c.organisation.id}`),
  key: open(administrator, { organisation: owner, key: addedKey, proof: text, countersignature },
    (c) => `key:${c.key.jwk.thumbprint}`, (c) => checkKeyProof(c.proof, c.aud, c.organisation, c.key)),
  "key-revocation": open(administrator, {
    organisation: owner, kid: a(isThumbprint), reason: oneOf("superseded", "compromised", "retired", "other"), suspectFrom: natural,
  }, (c) => `key:${c.kid}`),
  "index-root": open(operator, { size: positive, root: digest }, () => "index-root"),
  agreement: governing(party, { agreement }, (c) => `agreement:${c.agreement.id}`),
  "agreement-signature": governing(party, { agreement: organisationID, version: positive, proposal: digest }, ofAgreement),
  "agreement-act": governing(party, {
    agreement: organisationID, version: positive, act: oneOf("withdraw", "review", "confirm", "suspend", "resume", "terminate"),
    reason: required,
  }, ofAgreement),
  "sharing-request": governing(party, {
    ...each(organisationID, "request", "holder"), ...each(required, "data", "purpose", "necessity", "legalPower", "by"),
    codes: where(shownCodes, (l) => l.length > 0), agreement: optional(isOrganisation), needed: optional(isDay),
  }, ofRequest, (c) => claim(c.holder !== c.iss)),
  "sharing-decision": governing(party, {
    request: organisationID, decision: oneOf("agreed", "agreed-in-part", "refused"), article6, article9,
    agreement: optional(isOrganisation), ...each(required, "reasons", "dpia", "by"),
    ...each(remark, "dpaCondition", "dpoOpinion", "retention", "security", "rights", "interval"),
  }, ofRequest, (c) => claim(c.decision === "refused" || c.article6.length > 0)),
  "policy-set": governing(registrar, {
    version: positive, schema: a((t) => t === "igledger/1"), text: a((t) => t !== "" && isRemark(t.replaceAll("\t", " "), 40960)),
    hash: bytes(32), reason: required, terminology: where(list(bytes(32)), (l) => l.length <= 8, "too-large"),
  }, () => "policies", (c) => claim(same(c.hash, sum(utf8(c.text))) && ascending(c.terminology.map(hex)))),
  consent: sealed(party, {
    consent: uuid, act: oneOf("given", "refused", "amended", "reconfirmed", "withdrawn", "expired"),
    scope: oneOf("adr", "patient-privacy", "research", "treatment"), agreements: organisationIDs(64), decided: time, updated: anyTime,
    version: natural, rule: maybe(rule), notice: maybe(notice), expressed: object({
      how: oneOf("implied", "verbal", "written", "electronic", "explicit-electronic"), verified: anyTime, language: short(35),
    }),
  }, { sub: id, by: texts("delegation", "name", "relation"), text: texts("reason", "evidence"), fhir }, (c) => checkRule(c.act, c.rule)),
  delegation: sealed(party, {
    delegation: uuid, act: oneOf("granted", "revoked"), kind: text, scope: list(text), start: anyTime, end: anyTime, basis: remark,
  }, { sub: id, delegate: object({ id, name: text }), evidence: texts("reference", "seen", "office") }, (c) => {
    if (c.act === "revoked") return claim(c.kind + c.start + c.end === "" && c.scope.length === 0);
    granted.check(c);
    claim(isAfter(c.end, c.start));
  }),
  decision: sealed(operator, {
    org: organisationID, holder: optional(isOrganisation), ...each(short(512), "system", "agreement"), delegation: optional(isUUID), action,
    ...each(flag, "machine", "emergency", "justified"), ...each(codes(64), "data", "purpose", "role", "rules", "obligations"),
    decision: oneOf("permit", "deny"), asked: time,
  }, { sub: id, staff, text: words }),
  link: sealed(party, { act: oneOf("linked", "unlinked"), reason: a((t) => t !== "" && isPlain(t) && isSeen(t)) }, { sub: id, other: id },
    (_, { sub, other }) => {
      must((sub === undefined) === (other === undefined), "bad-disclosure");
      must(sub === undefined || sub !== other && ![sub, other].some((i) => i!.startsWith("reg:")), "bad-id");
    }),
};

// An EntryOf a type is an entry of it, well-formed by itself.
export interface EntryOf<T extends keyof typeof kinds> {
  readonly jws: Jws;
  readonly type: T;
  readonly claims: Parameters<(typeof kinds)[T]["check"]>[0];
  readonly shown: Parameters<(typeof kinds)[T]["check"]>[1]; // what is disclosed
  readonly sub: string; // whom it says that it is about, "" if it does not show it
  readonly history: string; // of public types: the name of the history
}

export type Entry = { [T in keyof typeof kinds]: EntryOf<T> }[keyof typeof kinds];

// readShown reads a sealed entry and its disclosures; readPublic reads the entry in a public leaf.
export const readShown = (jws: string, disclosures: readonly string[]): Entry => read(jws, disclosures);
export const readPublic = (leaf: Uint8Array): Entry => read(textOf(leaf.subarray(1), "bad-base64"), undefined);

function read(compact: string, disclosures: readonly string[] | undefined): Entry {
  const jws = readJWS(compact, "igl-entry+sd-jwt"), json = parse(jws.payload), type = json instanceof Map ? json.get("type") : undefined;
  must(typeof type === "string" && Object.hasOwn(kinds, type), "unknown-type");
  const kind = kinds[type as Entry["type"]] as Kind, claims = kind.form.read(json) as any;
  common.check(claims); // from here on by the forms of this kind alone, which types cannot follow
  must((kind.names === undefined) === (disclosures === undefined), "bad-leaf");
  must(disclosures !== undefined || compact.length <= 65534, "too-large");
  must(disclosures !== undefined || !holdsNumber(claims.iss), "personal-data");
  const shown = disclosures === undefined ? {} : opened(claims, kind.names!, disclosures);
  kind.own.check(claims);
  kind.check(claims, shown);
  return { jws, type, claims, shown, sub: "sub" in shown ? shown.sub : "", history: kind.history(claims) } as Entry;
}

// opened reads the disclosures.
function opened(claims: object, names: Members, disclosures: readonly string[]): object {
  const digests = "_sd" in claims ? claims._sd as string[] : [], values = new Map<string, Json>();
  must(digests.length === 8 && ascending(digests) && digests.every(isThumbprint), "bad-claim");
  must(disclosures.length <= 8, "bad-disclosure");
  for (const text of disclosures) {
    const { name, value } = readDisclosure(text);
    must(Object.hasOwn(names, name), "bad-disclosure");
    must(digests.includes(base64url(sum(utf8(text)))), "unreferenced-digest");
    must(!values.has(name), "duplicate-disclosure");
    values.set(name, value);
  }
  return Object.fromEntries([...values].map(([name, json]) => {
    const form = names[name]!, value = form.read(json);
    form.check(value);
    return [name, value];
  }));
}

function readDisclosure(text: string): { name: string; value: Json } {
  must(text.length <= 131072, "too-large");
  const texts: string[] = [], list = parse(textOf(unbase64url(text), "bad-json"), texts);
  must(Array.isArray(list), "bad-json");
  const [salt, name, value] = list;
  must(list.length === 3 && typeof salt === "string" && /^[A-Za-z0-9_-]{22,}$/.test(salt) && typeof name === "string", "bad-disclosure");
  must(size(texts[2]!) <= 65536, "too-large");
  return { name, value: value! };
}

// signedWith is the countersignature, "" if there is none.
export const signedWith = (e: Entry): string => e.type === "organisation" || e.type === "key" ? e.claims.countersignature : "";
