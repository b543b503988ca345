// Bytes, hashes and their spellings: docs/FORMATS.md sections 1, 2 and 8.
import { bytesToHex as hex, bytesToNumberBE as number, concatBytes as concat, equalBytes as same, numberToBytesBE } from
  "@noble/curves/utils.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes as utf8 } from "@noble/hashes/utils.js";
export { concat, hex, number, same, utf8 };

// The functions of this verifier refuse by throwing a Refused with a code of FORMATS section 2.
export class Refused extends Error {
  constructor(readonly code: string) { super(code); }
}
export function refuse(code: string): never { throw new Refused(code); }
export function must(ok: boolean, code: string): asserts ok {
  if (!ok) refuse(code);
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

// instead refuses with this code whatever f throws, also a library that was handed hostile bytes.
export function instead<T>(code: string, f: () => T): T {
  try {
    return f();
  } catch {
    return refuse(code);
  }
}

// textOf is the text in UTF-8, which has to be valid. A byte-order mark is a character like others.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
export const textOf = (b: Uint8Array, code: string): string => instead(code, () => decoder.decode(b));
export const size = (text: string): number => utf8(text).length;
export const sum = (...parts: Uint8Array[]): Uint8Array => sha256(concat(...parts));
export const byte = (n: number): Uint8Array => Uint8Array.of(n);
export const mac = (salt: Uint8Array, domain: number, text: Uint8Array): Uint8Array => hmac(sha256, salt, concat(byte(domain), text));
export const u64 = (n: number | bigint): Uint8Array => numberToBytesBE(n, 8);

// ends are the characters that leave no unused bit set, by how many characters the last group has.
const ends = ["", "", "AQgw", "AEIMQUYcgkosw048"];

// unbase64url reads the one spelling that bytes have: no padding, and unused bits of zero.
export function unbase64url(text: string): Uint8Array {
  const rest = text.length % 4;
  must(!/[^A-Za-z0-9_-]/.test(text) && (rest === 0 || ends[rest]!.includes(text.at(-1)!)), "bad-base64");
  const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/")), out = new Uint8Array(raw.length);
  for (let i = 0; i < out.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

// unbase64std reads base64 as C2SP texts have it: padded, in one spelling.
export function unbase64std(text: string): Uint8Array {
  must(text.length % 4 === 0 && !/[-_]/.test(text), "bad-base64");
  return unbase64url(text.replace(/={1,2}$/, "").replaceAll("+", "-").replaceAll("/", "_"));
}

// base64url spells no more bytes than a hash or key has.
export const base64url = (b: Uint8Array): string =>
  btoa(String.fromCharCode(...b)).replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_");
