// ML-DSA-44, verification only: FIPS 204. Names and numbers of algorithms are those of the standard.
import { FFTCore, reverseBits } from "@noble/curves/abstract/fft.js";
import { shake128, shake256 } from "@noble/hashes/sha3.js";
import { concat, same } from "./bytes.ts";

const q = 8380417, n = 256, k = 4, l = 4, tau = 39, gamma1 = 1 << 17, gamma2 = (q - 1) / 88, beta = 78, omega = 80, d = 13;
export const publicKeySize = 32 + 320 * k;
const mul = (a: number, b: number): number => a * b % q; // both have 23 bits, so the product is exact

// zetas are 1753^BitRev8(i) mod q.
const powers = [1];
for (let e = 1; e < n; e++) powers.push(mul(powers[e - 1]!, 1753));
const zetas = powers.map((_, i) => powers[reverseBits(i, 8)]!);
const field = { add: (a: number, b: number) => (a + b) % q, sub: (a: number, b: number) => (a - b + q) % q, mul, inv: (a: number) => a };
const transform = { N: n, roots: zetas, invertButterflies: true, brp: false };
const ntt = FFTCore(field, { dit: false, ...transform }), untransformed = FFTCore(field, { dit: true, ...transform });
const inverseNTT = (w: Int32Array): Int32Array => untransformed(w).map((c) => mul(c, 8347681)); // n⁻¹

// regrouped reads numbers of some bits, least significant first, as numbers of other bits.
function regrouped(input: ArrayLike<number>, from: number, to: number, count: number): Int32Array {
  const out = new Int32Array(count);
  for (let at = 0; at < count * to; at++) out[Math.floor(at / to)]! |= (input[Math.floor(at / from)]! >> at % from & 1) << at % to;
  return out;
}

// sampled is RejNTTPoly: algorithm 30.
function sampled(rho: Uint8Array, s: number, r: number): Int32Array {
  const xof = shake128.create({}).update(rho).update(Uint8Array.of(s, r)), out = new Int32Array(n);
  for (let i = 0; i < n;) {
    const b = xof.xof(3), c = b[0]! | b[1]! << 8 | (b[2]! & 0x7f) << 16;
    if (c < q) out[i++] = c;
  }
  return out;
}

// ball is SampleInBall: algorithm 29.
function ball(seed: Uint8Array): Int32Array {
  const xof = shake256.create({}).update(seed), signs = xof.xof(8), c = new Int32Array(n);
  for (let i = n - tau; i < n; i++) {
    let j = xof.xof(1)[0]!;
    while (j > i) j = xof.xof(1)[0]!;
    const at = i + tau - n;
    c[i] = c[j]!;
    c[j] = signs[at >> 3]! >> (at & 7) & 1 ? q - 1 : 1;
  }
  return c;
}

// hints is HintBitUnpack: algorithm 21. It returns nothing for a hint that has another spelling.
function hints(y: Uint8Array): Int32Array[] | undefined {
  let index = 0, right = true;
  const out = Array.from({ length: k }, (_, i) => {
    const h = new Int32Array(n), end = y[omega + i]!, set = y.subarray(index, end);
    right &&= end >= index && end <= omega && set.every((at, j) => j === 0 || at > set[j - 1]!);
    for (const at of set) h[at] = 1;
    index = end;
    return h;
  });
  return right && y.subarray(index, omega).every((b) => b === 0) ? out : undefined;
}

// hinted is UseHint: algorithm 40. The most that a high part can be is 43.
function hinted(h: number, r: number): number {
  let low = r % (2 * gamma2);
  if (low > gamma2) low -= 2 * gamma2;
  const wraps = r - low === q - 1, high = wraps ? 0 : (r - low) / (2 * gamma2);
  return h === 0 ? high : low - Number(wraps) > 0 ? (high + 1) % 44 : (high + 43) % 44;
}

// mldsaVerify is algorithm 3, with an empty context, for messages that are not hashed before.
export function mldsaVerify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== publicKeySize || signature.length !== 32 + 576 * l + omega + k) return false;
  const rho = key.subarray(0, 32), challenge = signature.subarray(0, 32), h = hints(signature.subarray(32 + 576 * l));
  const z = Array.from({ length: l }, (_, i) => regrouped(signature.subarray(32 + 576 * i), 8, 18, n).map((c) => gamma1 - c));
  if (h === undefined || z.some((p) => p.some((c) => Math.abs(c) >= gamma1 - beta))) return false;
  const zHat = z.map((p) => ntt(p.map((c) => (c + q) % q))), c = ntt(ball(challenge));
  const mu = shake256(concat(shake256(key, { dkLen: 64 }), Uint8Array.of(0, 0), message), { dkLen: 64 });
  const w1 = h.map((hint, i) => {
    const t = ntt(regrouped(key.subarray(32 + 320 * i), 8, 10, n).map((v) => mul(v, 1 << d)));
    const rows = zHat.map((_, s) => sampled(rho, s, i));
    const w = inverseNTT(t.map((v, j) => rows.reduce((sum, row, s) => (sum + mul(row[j]!, zHat[s]![j]!)) % q, (q - mul(c[j]!, v)) % q)));
    return Uint8Array.from(regrouped(w.map((v, j) => hinted(hint[j]!, v)), 6, 8, 192));
  });
  return same(challenge, shake256(concat(mu, ...w1), { dkLen: 32 }));
}
