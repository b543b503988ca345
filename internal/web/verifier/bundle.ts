// Statements and extracts, by their form: docs/FORMATS.md section 14.
import { must, same, size } from "./bytes.ts";
import { readPublic } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { aNumber, aText, bytesOf, get, has, hash, list, listOf, maxInteger, num, object, octets, parse, str, strings, texts, textsIn } from "./json.ts";
import type { Fields, Json, Shape } from "./json.ts";
import { maxNote } from "./note.ts";
import { among, day, hasControl, isID, isOrigin, isPlain, isTime } from "./text.ts";
import { indexProofShape, isPublic, leafHash, sealedHash, tagCommit } from "./tree.ts";
import type { Step } from "./tree.ts";

export const maxSize = 67108864;
export type Format = "igledger-statement/1" | "igledger-extract/1";

// A PublicLeaf is a leaf of a public entry at its place.
export interface PublicLeaf extends Step { readonly raw: Uint8Array; entry?: Entry }

// A Chain is the history of a public name.
export interface Chain { readonly name: string; readonly proof: Json | undefined; readonly leaves: readonly PublicLeaf[] }

// A Shown is one entry of a list: opened, or hidden.
export interface Shown extends Step {
  readonly hidden: boolean;
  readonly jws: string;
  readonly disclosures: readonly string[];
  readonly flags: readonly string[]; // what follows is the ledger's word, not proved
  readonly received: string;
  readonly verdict: Json | undefined;
  entry?: Entry;
}

// A History is what a statement shows about one id, which is "" unless it is a linked one.
export interface History {
  readonly id: string;
  readonly tag: Uint8Array;
  readonly vrfProof: Uint8Array;
  readonly proof: Json | undefined;
  readonly entries: readonly Shown[];
  readonly newer: readonly Shown[];
}

export interface Period {
  readonly from: number;
  readonly to: number;
  readonly days: string; // "" in evidence
  readonly before: PublicLeaf | undefined;
  readonly after: PublicLeaf | undefined;
}

export interface Bundle {
  readonly origin: string;
  readonly checkpoint: string;
  readonly genesis: PublicLeaf;
  readonly indexRoot: PublicLeaf;
  readonly chains: readonly Chain[];
  readonly nodes: readonly Uint8Array[];
  readonly histories: readonly History[]; // of a statement: the subject's, everyone's, those of linked ids
  readonly everyone: boolean; // everyone's is there
  readonly period: Period | undefined;
  readonly chosen: readonly Shown[]; // of an extract
}

const bad = (ok: boolean): void => must(ok, "bad-statement");

function readPublicLeaf(v: Json | undefined): PublicLeaf {
  const raw = octets(v, "leaf");
  must(num(v, "index") <= maxInteger, "bad-claim");
  must(isPublic(raw), "bad-leaf");
  return { index: num(v, "index"), raw, leaf: leafHash(raw) };
}

// entryOf reads the entry in the leaf.
export const entryOf = (l: PublicLeaf): Entry => l.entry ??= readPublic(l.raw);

const leafShape = object({ index: aNumber, leaf: bytesOf(0) });
const remarks: Fields = {
  flags: listOf(aText, 32), received: aText,
  verdict: object({ result: aText, rules: texts, agreement: aText, version: aNumber, consent: aText, policies: aNumber }),
};
const content: Fields = { index: aNumber, bodySalt: bytesOf(32), jws: aText, disclosures: listOf(aText, 8), ...remarks };
const entriesShape = listOf(object({ ...content, tagSalt: bytesOf(32), leafHash: bytesOf(32) }), 1000000);
const subjectFields: Fields = { tag: bytesOf(32), vrfProof: bytesOf(80), proof: indexProofShape, count: aNumber };
const historyFields: Fields = { ...subjectFields, entries: entriesShape, newer: entriesShape };
const sharedFields: Fields = {
  format: aText, origin: aText, checkpoint: aText, genesis: leafShape, indexRoot: leafShape, nodes: bytesOf(0), text: listOf(aText, 64),
  chains: listOf(object({ name: aText, proof: indexProofShape, leaves: listOf(leafShape, 1024) }), 4096),
};
const shapes: Readonly<Record<Format, Shape>> = {
  "igledger-statement/1": object({
    ...sharedFields, subject: object(subjectFields), entries: entriesShape, newer: entriesShape, everyone: object(historyFields),
    linked: listOf(object({ ...historyFields, id: aText }), 256),
    period: object({ from: aNumber, to: aNumber, days: textsIn("from", "to"), before: leafShape, after: leafShape }),
  }),
  "igledger-extract/1": object({ ...sharedFields, entries: listOf(object({ ...content, tagCommit: bytesOf(32) }), 1000000) }),
};

// readBundle reads a file of this format. Of its refusals the code does not matter.
export function readBundle(text: string, format: Format): Bundle {
  const v = parse(text), statement = format === "igledger-statement/1";
  shapes[format](v);
  const complete = (o: Json | undefined, ...names: string[]): void => bad(names.every((n) => has(o, n)));
  complete(v, "chains", "nodes", "text", "entries", ...(statement ? ["newer", "linked"] : []));
  if (statement) complete(get(get(v, "subject"), "proof"), "siblings");
  for (const h of [...list(v, "linked"), ...(has(v, "everyone") ? [get(v, "everyone")] : [])]) {
    complete(h, "entries", "newer");
    complete(get(h, "proof"), "siblings");
  }
  const origin = str(v, "origin"), checkpoint = str(v, "checkpoint");
  bad(str(v, "format") === format && isOrigin(origin) && checkpoint !== "" && size(checkpoint) <= maxNote);
  const genesis = readPublicLeaf(get(v, "genesis")), own = readPublicLeaf(get(v, "indexRoot"));
  bad(genesis.index === 0 && own.index > 0);
  const chains = list(v, "chains").map(readChain);
  chains.forEach((c, i) => bad(i === 0 || chains[i - 1]!.name < c.name));
  bad(strings(v, "text").every((line) => isPlain(line, 4096)));
  const raw = octets(v, "nodes"), nodes: Uint8Array[] = [];
  must(raw.length % 32 === 0, "bad-length");
  for (let i = 0; i < raw.length; i += 32) nodes.push(raw.subarray(i, i + 32));
  const shared = { origin, checkpoint, genesis, indexRoot: own, chains, nodes };
  if (!statement) return { ...shared, histories: [], everyone: false, period: undefined, chosen: readChosen(list(v, "entries")) };
  const period = readPeriod(get(v, "period"));
  return { ...shared, histories: readHistories(v, period), everyone: has(v, "everyone"), period, chosen: [] };
}

function readChain(v: Json): Chain {
  const name = str(v, "name"), leaves = list(v, "leaves").map(readPublicLeaf);
  bad(has(v, "leaves") && has(get(v, "proof"), "siblings") && /^[\x21-\x7E]{1,128}$/.test(name));
  leaves.forEach((l, i) => bad(i === 0 || l.index > leaves[i - 1]!.index));
  return { name, proof: get(v, "proof"), leaves };
}

function readPeriod(p: Json | undefined): Period | undefined {
  if (p === undefined) return undefined;
  const from = num(p, "from"), to = num(p, "to"), days = get(p, "days");
  bad(from < to && to <= maxInteger);
  const [first, last] = [day(str(days, "from")), day(str(days, "to"))];
  bad(days === undefined || first !== undefined && last !== undefined && first >= 0 && last >= first);
  const [before, after] = ["before", "after"].map((n) => has(p, n) ? readPublicLeaf(get(p, n)) : undefined);
  bad(before === undefined || after === undefined || before.index < after.index);
  return { from, to, days: days === undefined ? "" : `${str(days, "from")}..${str(days, "to")}`, before, after };
}

function readHistories(v: Json, period: Period | undefined): History[] {
  const everyone = get(v, "everyone"), linked = list(v, "linked");
  const tags = [get(v, "subject"), ...(everyone === undefined ? [] : [everyone]), ...linked].map((h) => hash(h, "tag"));
  tags.forEach((t, i) => bad(!tags.slice(0, i).some((o) => same(o, t))));
  linked.forEach((l, i) => bad(isID(str(l, "id")) && (i === 0 || str(linked[i - 1], "id") < str(l, "id"))));
  return [
    readHistory(get(v, "subject"), v, period), ...(everyone === undefined ? [] : [readHistory(everyone, everyone, period)]),
    ...linked.map((l) => readHistory(l, l, period)),
  ];
}

// readHistory reads a history: subject has its tag, proof and count, and lists its entries.
function readHistory(subject: Json | undefined, lists: Json, period: Period | undefined): History {
  const tag = hash(subject, "tag"), vrfProof = octets(subject, "vrfProof");
  must(vrfProof.length === 80, "bad-length");
  bad(num(subject, "count") === list(lists, "entries").length);
  const [entries, newer] = ["entries", "newer"].map((name) => readEntries(list(lists, name), (e) => {
    bad(has(e, "tagSalt") && has(e, "bodySalt"));
    return tagCommit(octets(e, "tagSalt"), tag);
  })) as [Shown[], Shown[]];
  const last = entries.at(-1)?.index ?? -1;
  bad(entries.every((e) => !e.hidden || period !== undefined && (e.index < period.from || e.index >= period.to)));
  bad(newer.every((e) => !e.hidden && e.index > last));
  return { id: str(subject, "id"), tag, vrfProof, proof: get(subject, "proof"), entries, newer };
}

function readEntries(entries: Json[], commit: (e: Json) => Uint8Array): Shown[] {
  const out = entries.map((v) => readEntry(v, commit));
  out.forEach((e, i) => bad(i === 0 || e.index > out[i - 1]!.index));
  return out;
}

function readEntry(v: Json, commit: (e: Json) => Uint8Array): Shown {
  const index = num(v, "index"), hidden = has(v, "leafHash"), jws = str(v, "jws"), disclosures = strings(v, "disclosures");
  const flags = strings(v, "flags"), received = str(v, "received"), verdict = get(v, "verdict");
  must(index <= maxInteger, "bad-claim");
  if (hidden) {
    bad(!has(v, "tagSalt") && !has(v, "bodySalt") && verdict === undefined && jws === "" && disclosures.length + flags.length === 0 && received === "");
    return { index, hidden, jws, disclosures, flags, received, verdict, leaf: hash(v, "leafHash") };
  }
  bad(jws !== "" && size(jws) <= 1 << 20);
  bad(flags.every((f) => f !== "" && isPlain(f, 64)) && (received === "" || isTime(received)));
  if (verdict !== undefined) checkVerdict(verdict);
  return { index, hidden, jws, disclosures, flags, received, verdict, leaf: sealedHash(commit(v), hash(v, "bodySalt"), jws) };
}

// checkVerdict checks the form of a verdict (section 15).
function checkVerdict(v: Json): void {
  bad(among(str(v, "result"), "covered", "break-glass", "not-covered", "attempt", "decision"));
  bad(num(v, "version") <= maxInteger && num(v, "policies") <= maxInteger && strings(v, "rules").length <= 64);
  bad([...strings(v, "rules"), str(v, "agreement"), str(v, "consent")].every((t) => size(t) <= 128 && !hasControl(t)));
}

function readChosen(entries: Json[]): Shown[] {
  bad(entries.length > 0);
  return readEntries(entries, (e) => hash(e, "tagCommit"));
}

// leavesOf returns the hash of each leaf in the file by its position.
export function leavesOf(b: Bundle): Map<number, Uint8Array> {
  const out = new Map<number, Uint8Array>();
  const put = (s: Step | undefined): void => {
    if (s === undefined) return;
    const known = out.get(s.index);
    bad(known === undefined || same(known, s.leaf));
    out.set(s.index, s.leaf);
  };
  [b.genesis, b.indexRoot, b.period?.before, b.period?.after].forEach(put);
  b.chains.forEach((c) => c.leaves.forEach(put));
  b.histories.forEach((h) => [...h.entries, ...h.newer].forEach(put));
  b.chosen.forEach(put);
  return out;
}
