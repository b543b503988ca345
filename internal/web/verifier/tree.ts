// Leaves, histories and their proofs: docs/FORMATS.md sections 8, 13 and 14.
import { concat, mac, must, same, sum, u64, unbase64url, utf8 } from "./bytes.ts";
import { aText, bytesOf, get, hash, listOf, object, strings } from "./json.ts";
import type { Json, Shape } from "./json.ts";

const byte = (n: number): Uint8Array => Uint8Array.of(n);
export const leafHash = (leaf: Uint8Array): Uint8Array => sum(byte(0), leaf);
const node = (left: Uint8Array, right: Uint8Array): Uint8Array => sum(byte(1), left, right);

export const tagCommit = (salt: Uint8Array, tag: Uint8Array): Uint8Array => mac(salt, 0x10, tag);
export const sealedHash = (commit: Uint8Array, bodySalt: Uint8Array, jws: string): Uint8Array =>
  leafHash(concat(byte(2), commit, mac(bodySalt, 0x11, utf8(jws))));

// isPublic reads the first byte of a leaf of one of the two forms.
export function isPublic(leaf: Uint8Array): boolean {
  const kind = leaf[0];
  must(kind === 1 || kind === 2, "bad-leaf");
  must(kind === 1 || leaf.length === 65, "bad-length");
  must(leaf.length <= 65535, "too-large");
  must(leaf.length > 1, "bad-leaf");
  return kind === 1;
}

// A Step is one entry of a history.
export interface Step { readonly index: number; readonly leaf: Uint8Array }

// history returns K and V of the history of a tag, or of a public name.
function history(of: Uint8Array | string, steps: readonly Step[]): { k: Uint8Array; v: Uint8Array } {
  const [domainK, domainHead, name] = typeof of === "string" ? [0x18, 0x19, utf8(of)] as const : [0x12, 0x13, of] as const;
  let head = sum(byte(domainHead), name);
  for (const s of steps) head = sum(byte(0x14), head, u64(s.index), s.leaf);
  return { k: sum(byte(domainK), name), v: sum(byte(0x15), u64(steps.length), head) };
}

// multiRoot returns the root that leaves and nodes lead to.
export function multiRoot(leaves: ReadonlyMap<number, Uint8Array>, total: bigint, nodes: readonly Uint8Array[]): Uint8Array {
  const at = [...leaves.keys()].sort((a, b) => a - b);
  must(at.length > 0 && BigInt(at.at(-1)!) < total, "bad-proof");
  let nextLeaf = 0, nextNode = 0;
  const climb = (lo: bigint, hi: bigint): Uint8Array => {
    const i = at[nextLeaf];
    if (i === undefined || BigInt(i) >= hi) {
      const h = nodes[nextNode++];
      must(h !== undefined, "bad-proof");
      return h;
    }
    if (hi - lo === 1n) {
      nextLeaf++;
      return leaves.get(i)!;
    }
    const middle = lo + (1n << BigInt((hi - lo - 1n).toString(2).length - 1));
    const left = climb(lo, middle);
    return node(left, climb(middle, hi));
  };
  const root = climb(0n, total);
  must(nextNode === nodes.length, "bad-proof");
  return root;
}

const aSibling: Shape = (v) => {
  aText(v);
  if (v !== "") {
    bytesOf(32)(v);
    must(unbase64url(v as string).some((c) => c !== 0), "bad-index-proof");
  }
};
export const indexProofShape = object({
  siblings: listOf(aSibling, 256), other: object({ k: bytesOf(32), v: bytesOf(32) }),
});

const bit = (k: Uint8Array, i: number): number => k[i >> 3]! >> (7 - i % 8) & 1;
const empty = new Uint8Array(32);

// indexRoot returns the index root that a history and its proof, which fits its shape, lead to.
export function indexRoot(of: Uint8Array | string, steps: readonly Step[], proof: Json | undefined): Uint8Array {
  const { k, v } = history(of, steps), siblings = strings(proof, "siblings"), other = get(proof, "other"), d = siblings.length;
  must(d === 0 || siblings[d - 1] !== "", "bad-index-proof");
  let h: Uint8Array = empty;
  if (steps.length > 0) {
    must(other === undefined, "bad-index-proof");
    h = sum(byte(0x16), k, v);
  } else {
    must(d <= 255, "bad-index-proof");
    if (other !== undefined) {
      const another = hash(other, "k");
      must(!same(another, k), "bad-index-proof");
      for (let i = 0; i < d; i++) must(bit(another, i) === bit(k, i), "bad-index-proof");
      h = sum(byte(0x16), another, hash(other, "v"));
    }
  }
  for (let i = d - 1; i >= 0; i--) {
    const sibling = siblings[i] === "" ? empty : unbase64url(siblings[i]!);
    h = bit(k, i) === 0 ? sum(byte(0x17), h, sibling) : sum(byte(0x17), sibling, h);
  }
  return h;
}
