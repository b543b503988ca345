// Signed notes, checkpoints, verifier keys and policies: docs/FORMATS.md sections 9 and 12.
import { concat, hex, instead, must, same, size, sum, u64, unbase64std, utf8 } from "./bytes.ts";
import { edKey } from "./keys.ts";
import { mldsaVerify, publicKeySize } from "./mldsa.ts";
import { isOrigin } from "./text.ts";

// Types of keys: Ed25519 over the text, Ed25519 of cosignature/v1, ML-DSA-44 of subtree/v1.
const plain = 1, timed = 4, lattice = 6;

// A NoteKey is a C2SP signed-note key.
export interface NoteKey {
  readonly name: string;
  readonly id: string; // 4 bytes in hexadecimal
  readonly type: number;
  readonly key: Uint8Array;
  // signer verifies a signature line; undefined: the type is not known here, and the key never signs. It returns the time that the
  // line states, 0 if none, or undefined if the line is false.
  readonly signer: ((c: Checkpoint, signature: Uint8Array) => bigint | undefined) | undefined;
}

const isKeyName = (name: string): boolean => /^[^\p{White_Space}+\ufffd]+$/u.test(name);

// readNoteKey reads name+id+base64 of type and key.
export function readNoteKey(text: string): NoteKey {
  const [name, id, ...rest] = text.split("+");
  must(name !== undefined && id !== undefined && isKeyName(name) && /^[0-9a-f]{8}$/.test(id), "bad-checkpoint");
  const b = instead("bad-checkpoint", () => unbase64std(rest.join("+"))), type = b[0], key = b.subarray(1);
  must(type !== undefined && key.length > 0, "bad-checkpoint");
  const own = (): void => must(hex(sum(utf8(`${name}\n`), b).subarray(0, 4)) === id, "bad-checkpoint");
  const out = { name, id, type, key };
  if (type === plain || type === timed) {
    own();
    must(key.length === 32, "bad-checkpoint");
    const k = instead("bad-checkpoint", () => edKey(key));
    return { ...out, signer: (c, signature) => {
      if (type === plain) return k.verifies(utf8(c.text), signature) ? 0n : undefined;
      if (signature.length !== 72) return undefined;
      const at = timeOf(signature);
      return at !== 0n && k.verifies(utf8(`cosignature/v1\ntime ${at}\n${c.text}`), signature.subarray(8)) ? at : undefined;
    } };
  }
  if (type !== lattice) return { ...out, signer: undefined };
  own();
  must(key.length === publicKeySize && size(name) <= 255, "bad-checkpoint");
  return { ...out, signer: (c, signature) => {
    if (signature.length < 8) return undefined;
    const at = timeOf(signature);
    const message = concat(utf8("subtree/v1\n\0"), short(name), u64(at), short(c.origin), u64(0), u64(c.size), c.root);
    return mldsaVerify(key, message, signature.subarray(8)) ? at : undefined;
  } };
}

const timeOf = (signature: Uint8Array): bigint => new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
const short = (text: string): Uint8Array => concat(Uint8Array.of(size(text)), utf8(text));

// A Checkpoint is what a log signs: its size and root.
export interface Checkpoint {
  readonly text: string; // with the last line feed
  readonly origin: string;
  readonly size: bigint;
  readonly root: Uint8Array;
  readonly lines: readonly Line[];
}

interface Line { readonly name: string; readonly id: string; readonly signature: Uint8Array }

export const maxNote = 524288;

// readCheckpoint reads the checkpoint of the log with these keys, all named as its origin.
export function readCheckpoint(note: string, keys: readonly NoteKey[]): Checkpoint {
  const bad = (ok: boolean): void => must(ok, "bad-checkpoint");
  bad(size(note) <= maxNote && !/[\0-\x09\x0b-\x1f]/.test(note) && note.endsWith("\n"));
  const at = note.lastIndexOf("\n\n");
  bad(at >= 0 && at + 2 < note.length);
  const lines = note.slice(at + 2, -1).split("\n").map((line) => {
    const m = /^\u2014 ([^ ]+) (.*)$/.exec(line);
    must(m !== null && isKeyName(m[1]!), "bad-checkpoint");
    const b = instead("bad-checkpoint", () => unbase64std(m[2]!));
    bad(b.length >= 5);
    return { name: m[1]!, id: hex(b.subarray(0, 4)), signature: b.subarray(4) };
  });
  bad(lines.length <= 100);
  const text = note.slice(0, at + 1), parts = text.split("\n");
  bad(parts.length === 4 && isOrigin(parts[0]!) && /^(0|[1-9][0-9]{0,18})$/.test(parts[1]!) && BigInt(parts[1]!) < 1n << 62n);
  const root = instead("bad-checkpoint", () => unbase64std(parts[2]!));
  bad(root.length === 32);
  const c = { text, origin: parts[0]!, size: BigInt(parts[1]!), root, lines };
  const own = keys.flatMap((k) => lines.filter((l) => l.name === k.name && l.id === k.id && k.signer).map((l) => [k, l] as const));
  bad(keys.every((k) => k.name === c.origin) && own.length > 0 && own.every(([k, l]) => k.signer!(c, l.signature) !== undefined));
  return c;
}

// A Policy is whom a reader trusts (C2SP tlog-policy).
export interface Policy {
  readonly logs: NoteKey[];
  readonly witnesses: Map<string, NoteKey>; // by name in the policy
  readonly groups: Map<string, Group>;
  quorum: string; // "none", a witness or a group
}

interface Group { readonly need: number; readonly of: readonly string[] }

const defined = (p: Policy, name: string): boolean => p.witnesses.has(name) || p.groups.has(name);
export const hasGroup = defined;

// readPolicy reads a policy file, or a log's verifier key alone, which asks for no cosigner.
export function readPolicy(text: string): Policy {
  const p: Policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: "" }, ok = (right: boolean): void => must(right, "bad-policy");
  ok(text.length <= 1 << 20);
  if (/^[^\s#]+$/.test(text.trim())) text = `log ${text.trim()}\nquorum none\n`;
  ok(text.endsWith("\n") && !/[\0-\x08\x0b-\x1f\x7f]/.test(text));
  for (const line of text.split("\n")) {
    const [word, ...args] = line.split(/[ \t]+/).filter((w) => w !== "");
    if (word === undefined || word.startsWith("#")) continue;
    const [name, second, ...of] = args as [string, string, ...string[]];
    if (word === "log" && (args.length === 1 || args.length === 2)) {
      const k = instead("bad-policy", () => readNoteKey(name));
      ok(!p.logs.some((o) => same(o.key, k.key)));
      p.logs.push(k);
    } else if (word === "witness" && (args.length === 2 || args.length === 3)) {
      const k = instead("bad-policy", () => readNoteKey(second));
      ok(name !== "none" && !defined(p, name) && k.type !== plain && ![...p.witnesses.values()].some((o) => same(o.key, k.key)));
      p.witnesses.set(name, k);
    } else if (word === "group" && args.length >= 3) {
      ok(name !== "none" && !defined(p, name) && new Set(of).size === of.length);
      ok(of.every((m) => defined(p, m) && ![...p.groups.values()].some((g) => g.of.includes(m))));
      const need = second === "any" ? 1 : second === "all" ? of.length : /^[1-9][0-9]{0,5}$/.test(second) ? Number(second) : 0;
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

// cosignatures returns when each member cosigned, and the members of whom a line is false. Times more than five minutes ahead, or
// none, do not count.
export function cosignatures(p: Policy, c: Checkpoint, now: number): { times: Map<string, number>; lies: string[]; unused: string[] } {
  const times = new Map<string, number>(), lies: string[] = [], unused: string[] = [];
  for (const [name, k] of p.witnesses) {
    for (const l of c.lines.filter((l) => l.name === k.name && l.id === k.id && k.signer)) {
      const at = k.signer!(c, l.signature);
      if (at === undefined) lies.push(name);
      else if (at === 0n || at > BigInt(Math.floor(now) + 300) || at >= 1n << 40n) unused.push(name);
      else times.set(name, Math.max(times.get(name) ?? 0, Number(at)));
    }
  }
  return { times, lies, unused };
}

// attested returns the latest time that the quorum attests, 0 if there is none. Without a quorum it is the latest of any member.
export function attested(p: Policy, times: ReadonlyMap<string, number>): number {
  return Math.max(0, ...[...times.values()].filter((t) => met(p, p.quorum, (m) => (times.get(m) ?? 0) >= t)));
}
