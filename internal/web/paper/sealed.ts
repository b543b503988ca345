// The form of a sealed statement, as internal/web/paper/sealed has it: docs/FORMATS.md section 18.
// Both pass the vectors in sealed/testdata.

type Bytes = Uint8Array<ArrayBuffer>;

const format = "igledger-paper/1";
const maxSize = 4 << 20; // of sealed bytes
const maxStatement = 64 << 20;
const maxHeader = 512; // of the first line
const block = 4096;
const nonceSize = 12;
const tagSize = 16;
const keySize = 32;
const idSize = 16;

// Document is a statement or extract, and what its reader has to know beside it to check it.
export interface Document {
  readonly id: string; // of the person; "" for an extract
  readonly period: string; // FROM..TO, the days that were asked for; "" for the whole history
  readonly statement: Bytes;
}

// Unopened says why sealed bytes do not open: with this key, by their form, or for their length.
export class Unopened extends Error {
  constructor(readonly why: "key" | "form" | "large") {
    super(why);
  }
}

const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

// seal encrypts a document under a new key.
export async function seal(d: Document): Promise<{ sealed: Bytes; key: Bytes }> {
  const head = utf8(`${format} ${d.id || "-"} ${d.period || "-"}\n`);
  const packed = await through(new CompressionStream("gzip"), [head, d.statement], Infinity);
  const plain = new Uint8Array(Math.ceil((4 + packed.length) / block) * block);
  new DataView(plain.buffer).setUint32(0, packed.length);
  plain.set(packed, 4);
  if (nonceSize + plain.length + tagSize > maxSize) throw new Unopened("large");
  const key = crypto.getRandomValues(new Uint8Array(keySize));
  const iv = crypto.getRandomValues(new Uint8Array(nonceSize));
  const cipher = await crypto.subtle.encrypt(gcm(iv), await imported(key, "encrypt"), plain);
  return { sealed: join(iv, new Uint8Array(cipher)), key };
}

// open decrypts a document and checks its form, not the statement. It throws Unopened.
export async function open(sealed: Bytes, key: Bytes): Promise<Document> {
  const form = (ok: boolean) => {
    if (!ok) throw new Unopened("form");
  };
  if (key.length !== keySize) throw new Unopened("key");
  form(sealed.length <= maxSize && sealed.length >= nonceSize + block + tagSize);
  form((sealed.length - nonceSize - tagSize) % block === 0);
  let plain: Bytes;
  try {
    const body = sealed.subarray(nonceSize);
    plain = new Uint8Array(await crypto.subtle.decrypt(gcm(sealed.subarray(0, nonceSize)), await imported(key, "decrypt"), body));
  } catch {
    throw new Unopened("key");
  }
  const n = new DataView(plain.buffer).getUint32(0);
  const rest = plain.subarray(4);
  form(n <= rest.length && rest.length - n < block && rest.subarray(n).every((b) => b === 0));
  let text: Bytes;
  try {
    text = await through(new DecompressionStream("gzip"), [rest.slice(0, n)], maxHeader + maxStatement);
  } catch {
    throw new Unopened("form");
  }
  const end = text.subarray(0, maxHeader + 1).indexOf(10);
  form(end >= 0);
  let line = "";
  try {
    line = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text.subarray(0, end));
  } catch {
    form(false);
  }
  const [version, id, period, ...more] = line.split(" ");
  form(version === format && id !== undefined && period !== undefined && more.length === 0);
  form(id === "-" || isID(id!));
  form(period === "-" || arDays(period!));
  return { id: id === "-" ? "" : id!, period: period === "-" ? "" : period!, statement: text.slice(end + 1) };
}

// idOf returns the id under which sealed bytes are kept.
export async function idOf(sealed: Bytes): Promise<string> {
  const sum = await crypto.subtle.digest("SHA-256", join(utf8("paper/"), sealed));
  return toText(new Uint8Array(sum, 0, idSize));
}

// address returns what the code says. base is the origin of the pages.
export const address = (base: string, id: string, key: Bytes): string => `${base}/p/${id}#${toText(key)}`;

// keyOf returns the key in a fragment, without its #, or undefined.
export function keyOf(fragment: string): Bytes | undefined {
  if (!/^[A-Za-z0-9_-]{43}$/.test(fragment)) return undefined;
  const key = Uint8Array.from(atob(fragment.replaceAll("-", "+").replaceAll("_", "/") + "="), (c) => c.charCodeAt(0));
  return toText(key) === fragment ? key : undefined;
}

// toText is base64url without padding.
export function toText(b: Uint8Array): string {
  return btoa(String.fromCharCode(...b)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// isID is the form of a person's or register's id: FORMATS section 4.
function isID(id: string): boolean {
  return /^(chi|nhs):[0-9]{10}$/.test(id) || /^reg:(withheld|sources|everyone|padding)$/.test(id) ||
    /^temp:[A-Za-z0-9][A-Za-z0-9._-]{0,63}:[!-~]{1,128}$/.test(id);
}

// arDays is the form of two days, the first not after the second: FORMATS section 14.
function arDays(text: string): boolean {
  const days = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/.exec(text)?.slice(1);
  const real = (d: string) => {
    const t = new Date(`${d}T00:00:00Z`);
    return !Number.isNaN(t.getTime()) && t.toISOString().startsWith(d) && d >= "1970";
  };
  return days !== undefined && days.every(real) && days[0]! <= days[1]!;
}

const gcm = (iv: Bytes): AesGcmParams => ({ name: "AES-GCM", iv, additionalData: utf8(format) });

const imported = (key: Bytes, use: KeyUsage): Promise<CryptoKey> => crypto.subtle.importKey("raw", key, "AES-GCM", false, [use]);

function join(...parts: Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

// through returns what a stream makes of the parts, and throws if that is more than most bytes, so
// that a few packed bytes cannot fill the memory.
async function through(stream: CompressionStream | DecompressionStream, parts: Bytes[], most: number): Promise<Bytes> {
  const writer = stream.writable.getWriter();
  const written = (async () => {
    for (const p of parts) await writer.write(p);
    await writer.close();
  })();
  written.catch(() => undefined); // the reader below fails as well
  const out: Uint8Array[] = [];
  const reader = stream.readable.getReader();
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new Unopened("large");
    }
    out.push(value);
  }
  await written;
  return join(...out);
}
