// Statements and extracts, by their form: docs/FORMATS.md section 14. No code of a refusal matters.
import { base64url, must, same, size, textOf } from "./bytes.ts";
import { a, bytes, integer, into, list, maybe, natural, object, oneOf, optional, parse, text, there, where, type Read,
  type Value } from "./json.ts";
import { maxNote } from "./note.ts";
import { ascending, distinct, isDay, isID, isOrigin, isPlain, isSource, isTime } from "./text.ts";
import { indexProof, isPublic, leafHash, sealedHash, tagCommit, type Step } from "./tree.ts";

export type Format = "igledger-statement/1" | "igledger-extract/1";
const bad = (ok: boolean): void => must(ok, "bad-statement");
const rising = (all: readonly { readonly index: number }[]): boolean => all.every((s, i) => i === 0 || s.index > all[i - 1]!.index);
// A PublicLeaf is a leaf of a public entry at its place.
export type PublicLeaf = Value<typeof publicLeaf>;

const publicLeaf = into(object({ index: natural, leaf: bytes(0) }), ({ index, leaf }) => {
  bad(isPublic(leaf));
  return { index, raw: leaf, leaf: leafHash(leaf) };
});

const chain = where(object({ name: a(isSource), proof: indexProof, leaves: there(list(publicLeaf, 1024)) }), (c) => rising(c.leaves));

const nodes = into(bytes(0), (raw) => {
  bad(raw.length % 32 === 0);
  return Array.from({ length: raw.length / 32 }, (_, i) => raw.subarray(32 * i, 32 * i + 32));
});

const shared = (format: Format) => ({
  format: a((t) => t === format), origin: a(isOrigin), checkpoint: a((t) => t !== "" && size(t) <= maxNote),
  genesis: where(publicLeaf, (l) => l.index === 0), indexRoot: where(publicLeaf, (l) => l.index > 0),
  chains: where(there(list(chain, 4096)), (all) => ascending(all.map((c) => c.name))), nodes: there(nodes),
  text: there(list(a((t) => isPlain(t, 4096)), 64)),
});

// What an entry has that is opened: flags, received and verdict are the ledger's word, not proved.
const word = a((t) => isPlain(t, 128));
const opened = {
  index: natural, jws: text, disclosures: list(text, 8), flags: list(a((f) => f !== "" && isPlain(f, 64)), 32), received: optional(isTime),
  verdict: maybe(object({
    result: oneOf("covered", "break-glass", "not-covered", "attempt", "decision"), rules: list(word, 64), agreement: word, version: natural,
    consent: word, policies: natural,
  })),
};
const isOpened = (e: Read<typeof opened>): boolean => e.jws !== "" && size(e.jws) <= 1 << 20;
const isClosed = (e: Read<typeof opened>): boolean =>
  e.jws + e.received === "" && e.disclosures.length + e.flags.length === 0 && e.verdict === undefined;

const most = 1000000, salt = maybe(bytes(32));
const entries = there(where(list(where(object({ ...opened, tagSalt: salt, bodySalt: salt, leafHash: maybe(bytes(32)) }), (e) =>
  e.leafHash === undefined ? isOpened(e) && e.tagSalt !== undefined && e.bodySalt !== undefined :
    isClosed(e) && e.tagSalt === undefined && e.bodySalt === undefined), most), rising));
const chosen = where(list(where(object({ ...opened, tagCommit: bytes(32), bodySalt: bytes(32) }), isOpened), most), (all) =>
  all.length > 0 && rising(all));

const subject = { tag: bytes(32), vrfProof: there(bytes(80)), proof: indexProof, count: integer };
const history = { ...subject, entries, newer: entries };
const period = where(object({
  from: natural, to: natural, before: maybe(publicLeaf), after: maybe(publicLeaf),
  days: maybe(where(object({ from: a(isDay), to: a(isDay) }), (d) => d.from >= "1970" && d.from <= d.to)),
}), (p) => p.from < p.to && (p.before === undefined || p.after === undefined || p.before.index < p.after.index));
const statement = into(object({
  ...shared("igledger-statement/1"), subject: object(subject), entries, newer: entries, everyone: maybe(object(history)),
  linked: where(there(list(object({ id: a(isID), ...history }), 256)), (all) => ascending(all.map((l) => l.id))), period: maybe(period),
}), (s) => s);
const extract = into(object({ ...shared("igledger-extract/1"), entries: chosen }), (x) => x);
// A Shown is one entry of a list, opened or hidden, at its place.
export type Shown = Read<typeof opened> & Step & { readonly hidden: boolean };
// A History is what a statement shows about one id, which is "" unless it is a linked one.
export type History = ReturnType<typeof readHistory>;

export interface Bundle extends Omit<Read<ReturnType<typeof shared>>, "format" | "text"> {
  readonly histories: readonly History[]; // of a statement: the subject's, everyone's, those of linked ids
  readonly everyone: boolean; // everyone's is there
  readonly period: Value<typeof period> | undefined;
  readonly chosen: readonly Shown[]; // of an extract
}

// readBundle reads a file of this format.
export function readBundle(file: Uint8Array, format: Format): Bundle {
  must(file.length <= 67108864, "too-large");
  const v = parse(textOf(file, "bad-json"));
  if (format === "igledger-extract/1") {
    const x = extract.read(v), chosen = x.entries.map((e) => ({ ...e, hidden: false, leaf: sealedHash(e.tagCommit, e.bodySalt, e.jws) }));
    return { ...x, histories: [], everyone: false, period: undefined, chosen };
  }
  const s = statement.read(v), everyone = s.everyone === undefined ? [] : [{ id: "", ...s.everyone }];
  const histories = [{ id: "", ...s.subject, entries: s.entries, newer: s.newer }, ...everyone, ...s.linked];
  bad(distinct(histories.map((h) => base64url(h.tag))));
  return { ...s, histories: histories.map((h) => readHistory(h, s.period)), everyone: everyone.length > 0, chosen: [] };
}

function readHistory(h: Read<typeof history> & { readonly id: string }, p: Value<typeof period> | undefined) {
  const placed = (e: Value<typeof entries>[number]): Shown =>
    ({ ...e, hidden: e.leafHash !== undefined, leaf: e.leafHash ?? sealedHash(tagCommit(e.tagSalt!, h.tag), e.bodySalt!, e.jws) });
  const shown = h.entries.map(placed), newer = h.newer.map(placed), last = shown.at(-1)?.index ?? -1;
  bad(h.count === shown.length && shown.every((e) => !e.hidden || p !== undefined && (e.index < p.from || e.index >= p.to)));
  bad(newer.every((e) => !e.hidden && e.index > last));
  return { ...h, entries: shown, newer };
}

// leavesOf returns the hash of each leaf in the file by its position.
export function leavesOf(b: Bundle): Map<number, Uint8Array> {
  const out = new Map<number, Uint8Array>(), bounds = [b.period?.before, b.period?.after].filter((l) => l !== undefined);
  const shown = [b.chosen, ...b.chains.map((c) => c.leaves), ...b.histories.flatMap((h) => [h.entries, h.newer])];
  for (const { index, leaf } of [b.genesis, b.indexRoot, ...bounds, ...shown.flat()]) {
    bad(same(out.get(index) ?? leaf, leaf));
    out.set(index, leaf);
  }
  return out;
}
