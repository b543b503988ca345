// ML-DSA-44, verification only: FIPS 204. Names and numbers of algorithms are those of the standard.
import { shake128, shake256 } from "@noble/hashes/sha3.js";
import { concat, same } from "./bytes.ts";

const q = 8380417, n = 256, k = 4, l = 4, tau = 39, gamma1 = 1 << 17, gamma2 = (q - 1) / 88, beta = 78, omega = 80, d = 13;
export const publicKeySize = 32 + 320 * k;
const signatureSize = 32 + 576 * l + omega + k;

type Poly = Int32Array;
const mul = (a: number, b: number): number => { // a·b mod q, for 0 ≤ a, b < q, without leaving 53 bits
  return ((a * (b >>> 12)) % q * 4096 + a * (b & 4095)) % q;
};

// zetas are 1753^BitRev8(i) mod q.
const zetas = Array.from({ length: n }, (_, i) => {
  let bits = 0, z = 1;
  for (let b = 0; b < 8; b++) bits |= (i >> b & 1) << 7 - b;
  for (let e = 0; e < bits; e++) z = mul(z, 1753);
  return z;
});

function ntt(w: Poly): Poly {
  for (let len = 128, m = 0; len >= 1; len >>= 1) {
    for (let start = 0; start < n; start += 2 * len) {
      const z = zetas[++m]!;
      for (let j = start; j < start + len; j++) {
        const t = mul(z, w[j + len]!), a = w[j]!;
        w[j + len] = (a - t + q) % q;
        w[j] = (a + t) % q;
      }
    }
  }
  return w;
}

function inverseNTT(w: Poly): Poly {
  for (let len = 1, m = n; len < n; len <<= 1) {
    for (let start = 0; start < n; start += 2 * len) {
      const z = q - zetas[--m]!;
      for (let j = start; j < start + len; j++) {
        const t = w[j]!, u = w[j + len]!;
        w[j] = (t + u) % q;
        w[j + len] = mul(z, (t - u + q) % q);
      }
    }
  }
  return w.map((c) => mul(c, 8347681));
}

// bits reads n numbers of so many bits each, least significant first.
function bits(b: Uint8Array, width: number): Poly {
  const out = new Int32Array(n);
  for (let i = 0, have = 0, acc = 0, at = 0; i < n; i++) {
    for (; have < width; have += 8) acc |= b[at++]! << have;
    out[i] = acc & (1 << width) - 1;
    acc >>>= width;
    have -= width;
  }
  return out;
}

// sampled is RejNTTPoly: algorithm 30.
function sampled(rho: Uint8Array, s: number, r: number): Poly {
  const xof = shake128.create({}).update(rho).update(Uint8Array.of(s, r)), out = new Int32Array(n);
  for (let i = 0; i < n;) {
    const b = xof.xof(168);
    for (let at = 0; at < 168 && i < n; at += 3) {
      const c = b[at]! | b[at + 1]! << 8 | (b[at + 2]! & 0x7f) << 16;
      if (c < q) out[i++] = c;
    }
  }
  return out;
}

// ball is SampleInBall: algorithm 29.
function ball(seed: Uint8Array): Poly {
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
function hints(y: Uint8Array): Poly[] | undefined {
  const out: Poly[] = [];
  let index = 0;
  for (let i = 0; i < k; i++) {
    const h = new Int32Array(n), end = y[omega + i]!;
    if (end < index || end > omega) return undefined;
    for (const first = index; index < end; index++) {
      if (index > first && y[index - 1]! >= y[index]!) return undefined;
      h[y[index]!] = 1;
    }
    out.push(h);
  }
  return y.subarray(index, omega).every((b) => b === 0) ? out : undefined;
}

// hinted is UseHint: algorithm 40.
function hinted(h: number, r: number): number {
  const most = 44; // (q-1) / 2γ2
  let low = r % (2 * gamma2);
  if (low > gamma2) low -= 2 * gamma2;
  const wraps = r - low === q - 1, high = wraps ? 0 : (r - low) / (2 * gamma2);
  if (wraps) low--;
  return h === 0 ? high : low > 0 ? (high + 1) % most : (high + most - 1) % most;
}

// mldsaVerify is algorithm 3, with an empty context, for messages that are not hashed before.
export function mldsaVerify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== publicKeySize || signature.length !== signatureSize) return false;
  const rho = key.subarray(0, 32), challenge = signature.subarray(0, 32), h = hints(signature.subarray(32 + 576 * l));
  if (h === undefined) return false;
  const z = Array.from({ length: l }, (_, i) => bits(signature.subarray(32 + 576 * i), 18).map((c) => gamma1 - c));
  if (z.some((p) => p.some((c) => Math.abs(c) >= gamma1 - beta))) return false;
  const zHat = z.map((p) => ntt(p.map((c) => (c + q) % q)));
  const mu = shake256(concat(shake256(key, { dkLen: 64 }), Uint8Array.of(0, 0), message), { dkLen: 64 });
  const c = ntt(ball(challenge)), w1 = new Uint8Array(192 * k);
  for (let i = 0; i < k; i++) {
    const t = ntt(bits(key.subarray(32 + 320 * i), 10).map((v) => mul(v, 1 << d))), sum = new Int32Array(n);
    for (let j = 0; j < n; j++) sum[j] = (q - mul(c[j]!, t[j]!)) % q;
    for (let s = 0; s < l; s++) {
      const a = sampled(rho, s, i);
      for (let j = 0; j < n; j++) sum[j] = (sum[j]! + mul(a[j]!, zHat[s]![j]!)) % q;
    }
    const w = inverseNTT(sum);
    for (let j = 0; j < n; j++) { // 6 bits each
      const v = hinted(h[i]![j]!, w[j]!), at = 192 * i + (j * 6 >> 3), shift = j * 6 & 7;
      w1[at] = w1[at]! | v << shift;
      if (shift > 2) w1[at + 1] = w1[at + 1]! | v >> 8 - shift;
    }
  }
  return same(challenge, shake256(concat(mu, w1), { dkLen: 32 }));
}
