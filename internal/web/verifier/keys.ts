// Public keys, signatures and JWS: docs/FORMATS.md section 3. Tags and the VRF: section 4.
import { ed25519, ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { base64url, concat, instead, must, number, refusal, refuse, same, size, sum, textOf, unbase64url, utf8 } from "./bytes.ts";
import { aText, object, octets, parse, str, textsIn } from "./json.ts";
import type { Json, Members } from "./json.ts";
import { has } from "./json.ts";
import { isThumbprint } from "./text.ts";

const edwards = ed25519.Point, weierstrass = p256.Point;
type EdwardsPoint = ReturnType<typeof edwards.fromBytes>;
type WeierstrassPoint = ReturnType<typeof weierstrass.fromBytes>;

const reversed = (b: Uint8Array): bigint => number(Uint8Array.from(b).reverse());
const orRefuse = <T>(code: string, f: () => T): T => {
  try {
    return f();
  } catch {
    return refuse(code);
  }
};

// memory, if its owner turns it on, keeps what was judged before: a million statements about a few logs are then checked in hours.
export const memory: { kept: Map<string, boolean> | undefined } = { kept: undefined };

function remember(f: () => boolean, ...input: Uint8Array[]): boolean {
  if (memory.kept === undefined) return f();
  const name = base64url(sum(...input)), known = memory.kept.get(name);
  if (known !== undefined) return known;
  const answer = f();
  memory.kept.set(name, answer);
  return answer;
}

// A key that has been used this often is given a table, which pays from then on.
const tableAfter = 6;

// A Key is a plain Ed25519 or P-256 key.
export class Key {
  private used = 0;

  private constructor(
    readonly alg: "EdDSA" | "ES256",
    readonly thumbprint: string,
    private readonly bytes: Uint8Array,
    private readonly edwards: EdwardsPoint | undefined,
    private readonly weierstrass: WeierstrassPoint | undefined,
  ) {}

  // ed25519 reads the canonical encoding of a point whose eightfold is not the identity.
  static ed25519(x: Uint8Array): Key {
    must(x.length === 32, "bad-key");
    const point = orRefuse("bad-key", () => edwards.fromBytes(x, false));
    must(!point.isSmallOrder(), "bad-key");
    return new Key("EdDSA", thumb(`{"crv":"Ed25519","kty":"OKP","x":"${base64url(x)}"}`), x, point, undefined);
  }

  static p256(x: Uint8Array, y: Uint8Array): Key {
    must(x.length === 32 && y.length === 32, "bad-key");
    const point = orRefuse("bad-key", () => weierstrass.fromBytes(concat(Uint8Array.of(4), x, y)));
    const name = thumb(`{"crv":"P-256","kty":"EC","x":"${base64url(x)}","y":"${base64url(y)}"}`);
    return new Key("ES256", name, x, undefined, point);
  }

  // verifies says whether the signature, of 64 bytes, is over the message by this key.
  verifies(message: Uint8Array, signature: Uint8Array): boolean {
    if (++this.used === tableAfter) {
      this.edwards?.precompute(6, false);
      this.weierstrass?.precompute(6, false);
    }
    if (signature.length !== 64) return false;
    return remember(() => this.edwards ? this.verifiesEd25519(this.edwards, message, signature) : this.verifiesP256(this.weierstrass!, message, signature),
      utf8(this.thumbprint), signature, message);
  }

  // S·B = R + k·A without cofactor, with R compared as bytes. Libraries, noble's too, verify otherwise.
  private verifiesEd25519(a: EdwardsPoint, message: Uint8Array, signature: Uint8Array): boolean {
    const order = edwards.Fn.ORDER, r = signature.subarray(0, 32), s = reversed(signature.subarray(32));
    if (s >= order) return false;
    const k = reversed(sha512(concat(r, this.bytes, message))) % order;
    return same(edwards.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k)).toBytes(), r);
  }

  private verifiesP256(q: WeierstrassPoint, message: Uint8Array, signature: Uint8Array): boolean {
    const fn = weierstrass.Fn, r = number(signature.subarray(0, 32)), s = number(signature.subarray(32));
    if (r === 0n || s === 0n || r >= fn.ORDER || s >= fn.ORDER) return false;
    const w = fn.inv(s), u = fn.mul(number(sum(message)) % fn.ORDER, w), v = fn.mul(r, w);
    const point = weierstrass.BASE.multiplyUnsafe(u).add(q.multiplyUnsafe(v));
    return !point.is0() && point.toAffine().x % fn.ORDER === r;
  }
}

const thumb = (text: string): string => base64url(sum(utf8(text)));

export const jwkShape = textsIn("kty", "crv", "x", "y");

// known keeps the keys that were read, because checking a point and making a table cost time.
const known = new Map<string, Key>();
const once = (name: string, make: () => Key): Key => {
  let k = known.get(name);
  if (k === undefined) {
    if (known.size >= 4096) known.clear();
    known.set(name, k = make());
  }
  return k;
};

// readKey reads a JWK that fits jwkShape.
export function readKey(v: Json | undefined): Key {
  const kind = `${str(v, "kty")} ${str(v, "crv")}`, x = octets(v, "x"), y = octets(v, "y");
  switch (kind) {
    case "OKP Ed25519":
      must(!has(v, "y"), "bad-key");
      return edKey(x);
    case "EC P-256":
      return once(`P-256 ${base64url(x)} ${base64url(y)}`, () => Key.p256(x, y));
    default:
      return refuse("bad-key");
  }
}
export const edKey = (x: Uint8Array): Key => once(`Ed25519 ${base64url(x)}`, () => Key.ed25519(x));

// A Jws is a compact JWS with exactly the header of section 3.
export interface Jws {
  readonly text: string;
  readonly alg: string;
  readonly kid: string;
  readonly payload: string;
  readonly signed: string; // header.payload
  readonly signature: Uint8Array;
}

const headerShape = object({ alg: aText, kid: aText, typ: aText });

export function readJWS(text: string, typ: string): Jws {
  must(size(text) <= 1 << 20, "too-large");
  const [header, payload, signature, more] = text.split(".");
  must(!!header && !!payload && !!signature && more === undefined, "bad-jws");
  const raw = unbase64url(header);
  const h = instead("bad-header", () => {
    const v = parse(textOf(raw, "bad-header"));
    headerShape(v);
    return v as Members;
  });
  const alg = str(h, "alg"), kid = str(h, "kid");
  must(alg === "EdDSA" || alg === "ES256", "unknown-algorithm");
  must(str(h, "typ") === typ && isThumbprint(kid), "bad-header");
  const out = { text, alg, kid, payload: textOf(unbase64url(payload), "bad-json"), signed: `${header}.${payload}`, signature: unbase64url(signature) };
  must(out.signature.length === 64, "bad-length");
  return out;
}

// identity is the same for every signature over the same header and payload.
export const identity = (j: Jws): string => base64url(sum(utf8(j.signed)));

// verifyJWS refuses unless k signed j.
export function verifyJWS(j: Jws, k: Key): void {
  must(j.kid === k.thumbprint, "unknown-key");
  must(j.alg === k.alg, "unknown-algorithm");
  must(k.verifies(utf8(j.signed), j.signature), "bad-signature");
}

// ECVRF of RFC 9381 over ristretto255 with SHA-512, C2SP vrf-r255.
const suite = concat(Uint8Array.of(0xff), utf8("c2sp.org/vrf-r255"));
const vrfHash = (domain: number, ...parts: Uint8Array[]): Uint8Array => sha512(concat(suite, Uint8Array.of(domain), ...parts));
const vrfPoint = (b: Uint8Array) => orRefuse("bad-vrf", () => ristretto255.Point.fromBytes(b));

export function vrfKey(b: Uint8Array) {
  must(b.length === 32, "bad-vrf");
  const y = vrfPoint(b);
  must(!y.is0(), "bad-vrf");
  return y;
}

function vrfOutput(key: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array {
  const y = vrfKey(key);
  must(proof.length === 80, "bad-length");
  const gamma = vrfPoint(proof.subarray(0, 32)), c = reversed(proof.subarray(32, 48)), s = reversed(proof.subarray(48));
  must(s < edwards.Fn.ORDER, "bad-vrf");
  const h = ristretto255_hasher.deriveToCurve!(vrfHash(0x82, key, alpha));
  const u = ristretto255.Point.BASE.multiplyUnsafe(s).subtract(y.multiplyUnsafe(c));
  const v = h.multiplyUnsafe(s).subtract(gamma.multiplyUnsafe(c));
  const challenge = vrfHash(2, key, h.toBytes(), proof.subarray(0, 32), u.toBytes(), v.toBytes(), Uint8Array.of(0));
  must(same(challenge.subarray(0, 16), proof.subarray(32, 48)), "bad-vrf");
  return vrfHash(3, proof.subarray(0, 32), Uint8Array.of(0));
}

// checkTag refuses unless tag is the pseudonym of id in the log.
export function checkTag(key: Uint8Array, origin: string, id: string, tag: Uint8Array, proof: Uint8Array): void {
  must(proof.length === 80, "bad-length");
  const alpha = utf8(`igledger/tag/v1\n${origin}\n${id}`);
  must(remember(() => refusal(() => must(same(vrfOutput(key, alpha, proof).subarray(0, 32), tag), "bad-vrf")) === "", key, proof, tag, alpha), "bad-vrf");
}
