// Bytes, hashes and their spellings: docs/FORMATS.md sections 1 and 8.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

// The functions of this verifier refuse by throwing a Refused with a code of FORMATS section 2.
export class Refused extends Error {
  constructor(readonly code: string) { super(code); }
}

export function refuse(code: string): never { throw new Refused(code); }

export function must(ok: boolean, code: string): asserts ok {
  if (!ok) throw new Refused(code);
}

// refusal calls f and returns the code with which it refuses, or "".
export function refusal(f: () => void): string {
  try {
    f();
    return "";
  } catch (e) {
    if (e instanceof Refused) return e.code;
    throw e;
  }
}

// instead refuses with this code if f refuses with any.
export function instead<T>(code: string, f: () => T): T {
  try {
    return f();
  } catch (e) {
    throw e instanceof Refused ? new Refused(code) : e;
  }
}

const encoder = new TextEncoder();
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

// textOf is the text in UTF-8, which has to be valid. A byte-order mark is a character like others.
export function textOf(b: Uint8Array, code: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(b);
  } catch {
    return refuse(code);
  }
}

// size is the length in bytes of UTF-8.
export function size(text: string): number {
  let n = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 0x7f) n += c > 0x7ff && (c < 0xd800 || c > 0xdfff) ? 2 : 1; // a surrogate is half of 4 bytes
  }
  return n;
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((c, i) => c === b[i]);
}

export const sum = (...parts: Uint8Array[]): Uint8Array => sha256(parts.length === 1 ? parts[0]! : concat(...parts));
export const mac = (salt: Uint8Array, domain: number, text: Uint8Array): Uint8Array =>
  hmac(sha256, salt, concat(Uint8Array.of(domain), text));

// u64 is n in 8 bytes, big-endian.
export function u64(n: number | bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(n));
  return out;
}

export const hex = (b: Uint8Array): string => Array.from(b, (c) => c.toString(16).padStart(2, "0")).join("");

// number reads bytes as an integer, big-endian.
export const number = (b: Uint8Array): bigint => b.length === 0 ? 0n : BigInt("0x" + hex(b));

const alphabets = ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"] as const;
const values = alphabets.map((a) => {
  const of = new Int8Array(128).fill(-1);
  for (let i = 0; i < 64; i++) of[a.charCodeAt(i)] = i;
  return of;
});

// decode reads the one spelling that a byte string has in an alphabet, without padding.
function decode(text: string, alphabet: 0 | 1): Uint8Array {
  const of = values[alphabet]!, n = text.length;
  must(n % 4 !== 1, "bad-base64");
  const out = new Uint8Array(Math.floor(n * 3 / 4));
  let bits = 0, have = 0, at = 0;
  for (let i = 0; i < n; i++) {
    const v = of[text.charCodeAt(i)] ?? -1;
    must(v >= 0, "bad-base64");
    bits = (bits << 6 | v) & 0xffff;
    have += 6;
    if (have >= 8) {
      have -= 8;
      out[at++] = bits >> have;
    }
  }
  must((bits & (1 << have) - 1) === 0, "bad-base64");
  return out;
}

export const unbase64url = (text: string): Uint8Array => decode(text, 0);

// unbase64std reads base64 as C2SP texts have it: padded, in one spelling.
export function unbase64std(text: string): Uint8Array {
  must(text.length % 4 === 0, "bad-base64");
  return decode(text.replace(/={1,2}$/, ""), 1);
}

export function base64url(b: Uint8Array): string {
  let out = "";
  for (let i = 0; i < b.length; i += 3) {
    const n = b[i]! << 16 | (b[i + 1] ?? 0) << 8 | (b[i + 2] ?? 0);
    for (let k = 0; k <= Math.min(3, b.length - i); k++) out += alphabets[0][n >> 18 - 6 * k & 63];
  }
  return out;
}
