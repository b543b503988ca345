// Signed notes, checkpoints, verifier keys and policies: docs/FORMATS.md sections 9 and 12.
import { concat, hex, instead, must, number, same, size, sum, u64, unbase64std, utf8 } from "./bytes.ts";
import { edKey } from "./keys.ts";
import { mldsaVerify, publicKeySize } from "./mldsa.ts";
import { distinct, isOrigin } from "./text.ts";

// Types of keys: Ed25519 over the text, Ed25519 of cosignature/v1, ML-DSA-44 of subtree/v1.
const plain = 1, timed = 4, lattice = 6;

// A Signer returns the time that a signature states, 0n if none, or undefined if it is false.
type Signer = (c: Checkpoint, signature: Uint8Array) => bigint | undefined;
const bad = (ok: boolean): void => must(ok, "bad-checkpoint");
const isKeyName = (name: string): boolean => /^[^\p{White_Space}+\ufffd]+$/u.test(name);
const base64 = (text: string): Uint8Array => instead("bad-checkpoint", () => unbase64std(text));

// A NoteKey is a C2SP signed-note key, name+id+base64. One of an unknown type has no signer.
export type NoteKey = ReturnType<typeof readNoteKey>;
export function readNoteKey(text: string) {
  const [name = "", id = "", ...rest] = text.split("+"), b = base64(rest.join("+")), type = b[0], key = b.subarray(1);
  bad(isKeyName(name) && /^[0-9a-f]{8}$/.test(id) && key.length > 0);
  const signer = type === plain || type === timed ? edSigner(type, key) : type === lattice ? latticeSigner(name, key) : undefined;
  bad(signer === undefined || hex(sum(utf8(`${name}\n`), b).subarray(0, 4)) === id);
  return { name, id, type: type!, key, signer };
}

function edSigner(type: number, key: Uint8Array): Signer {
  bad(key.length === 32);
  const k = instead("bad-checkpoint", () => edKey(key));
  return (c, signature) => {
    if (type === plain) return k.verifies(utf8(c.text), signature) ? 0n : undefined;
    const at = timeOf(signature), text = utf8(`cosignature/v1\ntime ${at}\n${c.text}`);
    return at !== 0n && k.verifies(text, signature.subarray(8)) ? at : undefined;
  };
}

function latticeSigner(name: string, key: Uint8Array): Signer {
  bad(key.length === publicKeySize && size(name) <= 255);
  return (c, signature) => {
    const at = timeOf(signature);
    const message = concat(utf8("subtree/v1\n\0"), short(name), u64(at), short(c.origin), u64(0), u64(c.size), c.root);
    return mldsaVerify(key, message, signature.subarray(8)) ? at : undefined;
  };
}

// timeOf is the time in the first 8 bytes of a signature. A shorter one is false anyway.
const timeOf = (signature: Uint8Array): bigint => number(signature.subarray(0, 8));
const short = (text: string): Uint8Array => concat(Uint8Array.of(size(text)), utf8(text));
// A Checkpoint is what a log signs: its size and root. Its text has the last line feed.
export type Checkpoint = { text: string; origin: string; size: bigint; root: Uint8Array; lines: Line[] };
type Line = { name: string; id: string; signature: Uint8Array };
export const maxNote = 524288;

// readCheckpoint reads the checkpoint of the log with these keys, all named as its origin.
export function readCheckpoint(note: string, keys: readonly NoteKey[]): Checkpoint {
  const at = note.lastIndexOf("\n\n"), text = note.slice(0, at + 1), [origin = "", total = "", root = "", ...rest] = text.split("\n");
  bad(size(note) <= maxNote && !/[\0-\x09\x0b-\x1f]/.test(note) && at >= 0 && note.endsWith("\n") && at + 2 < note.length);
  const lines = note.slice(at + 2, -1).split("\n").map((line) => {
    const [, name = "", signature = ""] = /^\u2014 ([^ ]+) (.*)$/.exec(line) ?? [], b = base64(signature);
    bad(isKeyName(name) && b.length >= 5);
    return { name, id: hex(b.subarray(0, 4)), signature: b.subarray(4) };
  });
  bad(lines.length <= 100 && rest.length === 1 && isOrigin(origin) && /^(0|[1-9][0-9]{0,18})$/.test(total) && BigInt(total) < 1n << 62n);
  const c = { text, origin, size: BigInt(total), root: base64(root), lines };
  bad(c.root.length === 32 && keys.every((k) => k.name === origin));
  const own = keys.flatMap((k) => timesOf(k, c));
  bad(own.length > 0 && !own.includes(undefined));
  return c;
}

// timesOf returns what the signer of a key says of each line of this key.
const timesOf = (k: NoteKey, c: Checkpoint): (bigint | undefined)[] =>
  k.signer === undefined ? [] : c.lines.filter((l) => l.name === k.name && l.id === k.id).map((l) => k.signer!(c, l.signature));

// A Policy is whom a reader trusts (C2SP tlog-policy). quorum: "none", a witness or a group.
type Group = { readonly need: number; readonly of: readonly string[] };
export type Policy = { logs: NoteKey[]; witnesses: Map<string, NoteKey>; groups: Map<string, Group>; quorum: string };
export const defined = (p: Policy, name: string): boolean => p.witnesses.has(name) || p.groups.has(name);

// readPolicy reads a policy file, or a log's verifier key alone, which asks for no cosigner.
export function readPolicy(text: string): Policy {
  const p: Policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: "" };
  const ok = (right: boolean): void => must(right, "bad-policy");
  const fresh = (name: string): void => ok(name !== "none" && !defined(p, name));
  const key = (k: string, others: Iterable<NoteKey>): NoteKey => {
    const read = instead("bad-policy", () => readNoteKey(k));
    ok([...others].every((o) => !same(o.key, read.key)));
    return read;
  };
  ok(text.length <= 1 << 20);
  const own = /^[^\s#]+$/.test(text.trim()) ? `log ${text.trim()}\nquorum none\n` : text;
  ok(own.endsWith("\n") && !/[\0-\x08\x0b-\x1f\x7f]/.test(own));
  for (const line of own.split("\n")) {
    const [word, ...args] = line.split(/[ \t]+/).filter((w) => w !== ""), [name = "", second = "", ...of] = args;
    if (word === undefined || word.startsWith("#")) continue;
    if (word === "log" && (args.length === 1 || args.length === 2)) {
      p.logs.push(key(name, p.logs));
    } else if (word === "witness" && (args.length === 2 || args.length === 3)) {
      const k = key(second, p.witnesses.values());
      fresh(name);
      ok(k.type !== plain);
      p.witnesses.set(name, k);
    } else if (word === "group" && args.length >= 3) {
      const need = second === "any" ? 1 : second === "all" ? of.length : /^[1-9][0-9]{0,5}$/.test(second) ? Number(second) : 0;
      fresh(name);
      ok(distinct(of) && of.every((m) => defined(p, m) && ![...p.groups.values()].some((g) => g.of.includes(m))));
      ok(need >= 1 && need <= of.length);
      p.groups.set(name, { need, of });
    } else {
      ok(word === "quorum" && args.length === 1 && p.quorum === "" && (name === "none" || defined(p, name)));
      p.quorum = name;
    }
  }
  ok(p.quorum !== "" && p.logs.length > 0);
  return p;
}

// met says whether the members that cosigned are enough for this name.
export function met(p: Policy, name: string, cosigned: (member: string) => boolean): boolean {
  const g = p.groups.get(name);
  return g === undefined ? name === "none" || cosigned(name) : g.of.filter((m) => met(p, m, cosigned)).length >= g.need;
}

// inGroup says whether the member counts, through groups, for this name.
export const inGroup = (p: Policy, member: string, name: string): boolean =>
  member === name || (p.groups.get(name)?.of.some((m) => inGroup(p, member, m)) ?? false);

// cosignatures returns when each member cosigned, and whether no line of a member is false.
export function cosignatures(p: Policy, c: Checkpoint, now: number): { times: Map<string, number>; allTrue: boolean } {
  const all = [...p.witnesses].map(([name, k]) => [name, timesOf(k, c)] as const), times = new Map<string, number>();
  for (const [name, at] of all.flatMap(([name, list]) => list.map((t) => [name, Number(t)] as const))) {
    if (at > 0 && at <= now + 300 && at < 2 ** 40) times.set(name, Math.max(at, times.get(name) ?? 0));
  }
  return { times, allTrue: all.every(([, at]) => !at.includes(undefined)) };
}

// attested returns the latest time that the quorum attests, 0 if there is none. Without a quorum it is the latest of any member.
export function attested(p: Policy, times: ReadonlyMap<string, number>): number {
  return Math.max(0, ...[...times.values()].filter((t) => met(p, p.quorum, (m) => (times.get(m) ?? 0) >= t)));
}
