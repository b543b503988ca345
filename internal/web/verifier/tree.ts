// Leaves, histories and their proofs: docs/FORMATS.md sections 8, 13 and 14.
import { byte, concat, mac, must, refuse, same, sum, u64, utf8 } from "./bytes.ts";
import { bytes, digest, into, list, maybe, object, text, there, type Form } from "./json.ts";

export const leafHash = (leaf: Uint8Array): Uint8Array => sum(byte(0), leaf);
export const tagCommit = (salt: Uint8Array, tag: Uint8Array): Uint8Array => mac(salt, 0x10, tag);
export const sealedHash = (commit: Uint8Array, bodySalt: Uint8Array, jws: string): Uint8Array =>
  leafHash(concat(byte(2), commit, mac(bodySalt, 0x11, utf8(jws))));
export const isPublic = (leaf: Uint8Array): boolean => leaf[0] === 1 && leaf.length > 1 && leaf.length <= 65535;
// A Step is one entry of a history.
export interface Step { readonly index: number; readonly leaf: Uint8Array }

// multiRoot returns the root that leaves and nodes lead to.
export function multiRoot(leaves: ReadonlyMap<number, Uint8Array>, total: bigint, nodes: readonly Uint8Array[]): Uint8Array {
  const at = [...leaves.keys()].sort((a, b) => a - b);
  must(at.length > 0 && BigInt(at.at(-1)!) < total, "bad-proof");
  let nextLeaf = 0, nextNode = 0;
  const climb = (lo: bigint, hi: bigint): Uint8Array => {
    const i = at[nextLeaf];
    if (i === undefined || BigInt(i) >= hi) return nodes[nextNode++] ?? refuse("bad-proof");
    if (hi - lo === 1n) return leaves.get(at[nextLeaf++]!)!;
    const middle = lo + (1n << BigInt((hi - lo - 1n).toString(2).length - 1)), left = climb(lo, middle);
    return sum(byte(1), left, climb(middle, hi));
  };
  const root = climb(0n, total);
  must(nextNode === nodes.length, "bad-proof");
  return root;
}

const empty = new Uint8Array(32), isEmpty = (h: Uint8Array | undefined): boolean => h !== undefined && same(h, empty);
// A sibling that is not empty is not the zero hash.
const sibling: Form<Uint8Array> = into(text, (t) => t === "" ? empty : into(digest, (h) => h).read(t));
export const indexProof = object({ siblings: there(list(sibling, 256)), other: maybe(object({ k: bytes(32), v: bytes(32) })) });
const bit = (k: Uint8Array, i: number): number => k[i >> 3]! >> (7 - i % 8) & 1;

// indexRoot returns the index root to which a history and its proof lead.
export function indexRoot(of: Uint8Array | string, steps: readonly Step[], proof: ReturnType<typeof indexProof.read>): Uint8Array {
  const [domainK, domainHead, name] = typeof of === "string" ? [0x18, 0x19, utf8(of)] as const : [0x12, 0x13, of] as const;
  const k = sum(byte(domainK), name), { siblings, other } = proof, d = siblings.length;
  must(!isEmpty(siblings.at(-1)), "bad-index-proof");
  let h: Uint8Array = empty;
  if (steps.length > 0) {
    must(other === undefined, "bad-index-proof");
    let head = sum(byte(domainHead), name);
    for (const s of steps) head = sum(byte(0x14), head, u64(s.index), s.leaf);
    h = sum(byte(0x16), k, sum(byte(0x15), u64(steps.length), head));
  } else {
    must(d <= 255, "bad-index-proof");
    if (other !== undefined) {
      must(!same(other.k, k) && siblings.every((_, i) => bit(other.k, i) === bit(k, i)), "bad-index-proof");
      h = sum(byte(0x16), other.k, other.v);
    }
  }
  for (let i = d - 1; i >= 0; i--) h = bit(k, i) === 0 ? sum(byte(0x17), h, siblings[i]!) : sum(byte(0x17), siblings[i]!, h);
  return h;
}
