// Public keys, signatures and JWS: docs/FORMATS.md section 3. Tags and the VRF: section 4.
import { ed25519, ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { bytesToNumberLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { base64url, byte, concat, instead, must, number, refusal, same, size, sum, textOf, unbase64url, utf8 } from "./bytes.ts";
import { bytes, into, maybe, object, parse, text } from "./json.ts";
import { isThumbprint } from "./text.ts";

// kept returns what is in the map under a name, and makes it first if it is not there.
function kept<T>(map: Map<string, T>, name: string, make: () => T): T {
  const v = map.get(name) ?? make();
  map.set(name, v);
  return v;
}

// memory, if its owner turns it on, keeps what was judged before: a million statements about a few logs are then checked in hours.
export const memory: { kept: Map<string, boolean> | undefined } = { kept: undefined };
const remember = (judge: () => boolean, ...input: Uint8Array[]): boolean =>
  memory.kept === undefined ? judge() : kept(memory.kept, base64url(sum(...input)), judge);
type Point = { precompute(window: number, lazy: boolean): unknown };
type Verify = (message: Uint8Array, r: Uint8Array, s: Uint8Array) => boolean;

// A Key is a plain Ed25519 or P-256 key. After 6 uses it gets a table, which pays from then on.
export type Key = ReturnType<typeof newKey>;
function newKey(alg: "EdDSA" | "ES256", json: string, point: Point, verify: Verify) {
  const thumbprint = base64url(sum(utf8(json)));
  let used = 0;
  return { alg, thumbprint, verifies: (message: Uint8Array, signature: Uint8Array): boolean => {
    if (++used === 6) point.precompute(6, false);
    const judge = (): boolean => verify(message, signature.subarray(0, 32), signature.subarray(32));
    return signature.length === 64 && remember(judge, utf8(thumbprint), signature, message);
  } };
}

// ed25519Key reads the canonical encoding of a point that is not of small order, and verifies
// S·B = R + k·A without cofactor, with R compared as bytes. Libraries, noble's too, do otherwise.
function ed25519Key(x: Uint8Array): Key {
  const { BASE, Fn } = ed25519.Point, a = instead("bad-key", () => ed25519.Point.fromBytes(x, false));
  must(!a.isSmallOrder(), "bad-key");
  return newKey("EdDSA", `{"crv":"Ed25519","kty":"OKP","x":"${base64url(x)}"}`, a, (message, r, last) => {
    const s = bytesToNumberLE(last), k = bytesToNumberLE(sha512(concat(r, x, message))) % Fn.ORDER;
    return s < Fn.ORDER && same(BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k)).toBytes(), r);
  });
}

function p256Key(x: Uint8Array, y: Uint8Array): Key {
  const { BASE, Fn } = p256.Point, q = instead("bad-key", () => p256.Point.fromBytes(concat(byte(4), x, y)));
  return newKey("ES256", `{"crv":"P-256","kty":"EC","x":"${base64url(x)}","y":"${base64url(y)}"}`, q, (message, first, last) => {
    const r = number(first), s = number(last);
    if (r === 0n || s === 0n || r >= Fn.ORDER || s >= Fn.ORDER) return false;
    const w = Fn.inv(s), u = Fn.mul(number(sum(message)) % Fn.ORDER, w), v = Fn.mul(r, w);
    const point = BASE.multiplyUnsafe(u).add(q.multiplyUnsafe(v));
    return !point.is0() && point.toAffine().x % Fn.ORDER === r;
  });
}

// known keeps the keys that were read: checking a point and making a table cost time.
const known = new Map<string, Key>();
export const edKey = (x: Uint8Array): Key => kept(known, base64url(x), () => ed25519Key(x));
export const jwk = into(object({ kty: text, crv: text, x: bytes(0), y: maybe(bytes(0)) }), ({ kty, crv, x, y }): Key => {
  must(x.length === 32 && (y === undefined || y.length === 32), "bad-key");
  if (known.size >= 4096) known.clear();
  if (kty === "OKP" && crv === "Ed25519" && y === undefined) return edKey(x);
  must(kty === "EC" && crv === "P-256" && y !== undefined, "bad-key");
  return kept(known, `${base64url(x)} ${base64url(y)}`, () => p256Key(x, y));
});

// A Jws is a compact JWS with exactly the header of section 3.
export type Jws = ReturnType<typeof readJWS>;
const header = object({ alg: text, kid: text, typ: text });

export function readJWS(compact: string, typ: string) {
  must(size(compact) <= 1 << 20, "too-large");
  const parts = compact.split("."), [head = "", payload = "", last = ""] = parts;
  must(parts.length === 3 && parts.every((p) => p !== ""), "bad-jws");
  const raw = unbase64url(head), h = instead("bad-header", () => header.read(parse(textOf(raw, "bad-header"))));
  must(h.alg === "EdDSA" || h.alg === "ES256", "unknown-algorithm");
  must(h.typ === typ && isThumbprint(h.kid), "bad-header");
  const json = textOf(unbase64url(payload), "bad-json"), signature = unbase64url(last), signed = utf8(`${head}.${payload}`);
  must(signature.length === 64, "bad-length");
  // The identity is the same for every signature over the same header and payload.
  return { alg: h.alg, kid: h.kid, payload: json, signed, signature, identity: base64url(sum(signed)) };
}

// verifyJWS refuses unless k signed j.
export function verifyJWS(j: Jws, k: Key): void {
  must(j.kid === k.thumbprint, "unknown-key");
  must(j.alg === k.alg, "unknown-algorithm");
  must(k.verifies(j.signed, j.signature), "bad-signature");
}

// ECVRF of RFC 9381 over ristretto255 with SHA-512, C2SP vrf-r255.
const { BASE, Fn } = ristretto255.Point, suite = concat(byte(0xff), utf8("c2sp.org/vrf-r255"));
const vrfHash = (domain: number, ...parts: Uint8Array[]): Uint8Array => sha512(concat(suite, byte(domain), ...parts));
const vrfPoint = (b: Uint8Array) => instead("bad-vrf", () => ristretto255.Point.fromBytes(b));

export function vrfKey(b: Uint8Array) {
  const y = vrfPoint(b);
  must(!y.is0(), "bad-vrf");
  return y;
}

function vrfOutput(key: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array {
  const first = proof.subarray(0, 32), y = vrfKey(key), gamma = vrfPoint(first);
  const h = ristretto255_hasher.deriveToCurve!(vrfHash(0x82, key, alpha));
  const c = bytesToNumberLE(proof.subarray(32, 48)), s = bytesToNumberLE(proof.subarray(48));
  must(s < Fn.ORDER, "bad-vrf");
  const u = BASE.multiplyUnsafe(s).subtract(y.multiplyUnsafe(c)), v = h.multiplyUnsafe(s).subtract(gamma.multiplyUnsafe(c));
  const challenge = vrfHash(2, key, h.toBytes(), first, u.toBytes(), v.toBytes(), byte(0));
  must(same(challenge.subarray(0, 16), proof.subarray(32, 48)), "bad-vrf");
  return vrfHash(3, first, byte(0)).subarray(0, 32);
}

// checkTag refuses unless tag is the pseudonym of id in the log.
export function checkTag(key: Uint8Array, origin: string, id: string, tag: Uint8Array, proof: Uint8Array): true {
  const alpha = utf8(`igledger/tag/v1\n${origin}\n${id}`);
  const isTag = (): boolean => refusal(() => must(same(vrfOutput(key, alpha, proof), tag), "bad-vrf")) === "";
  must(remember(isTag, key, proof, tag, alpha), "bad-vrf");
  return true;
}
