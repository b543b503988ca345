// Keys to sign with, in this browser. The secret half is a CryptoKey that cannot be exported, kept in
// IndexedDB: scripts of this page can sign with it while it is here, and nobody can take it away.

export interface BrowserKey {
  kid: string; // RFC 7638 thumbprint
  jwk: string; // the public half, as the ledger writes it
  pair: CryptoKeyPair;
  holder: string; // whose it is: log, organisation, officer
  purpose: string;
  made: number;
}

const ascii = new TextEncoder();

export const encode64 = (b: Uint8Array): string =>
  btoa(String.fromCharCode(...b)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

export function decode64(s: string): Uint8Array {
  const b = atob(s.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(b, (c) => c.charCodeAt(0));
}

export const sha256 = async (text: string): Promise<string> =>
  encode64(new Uint8Array(await crypto.subtle.digest("SHA-256", ascii.encode(text))));

/** holder names whose keys a form may use, so that another officer at this browser does not. */
export const holder = (form: HTMLElement): string => [form.dataset.origin, form.dataset.org, form.dataset.owner].join(" ");

function asked<T>(r: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    r.onsuccess = () => done(r.result);
    r.onerror = () => failed(r.error);
  });
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const open = indexedDB.open("igledger-keys", 1);
  open.onupgradeneeded = () => open.result.createObjectStore("keys", { keyPath: "kid" });
  return (await asked(open)).transaction("keys", mode).objectStore("keys");
}

export async function keysOf(who: string): Promise<BrowserKey[]> {
  const all = (await asked((await store("readonly")).getAll())) as BrowserKey[];
  return all.filter((k) => k.holder === who).sort((a, b) => b.made - a.made);
}

export async function remove(kid: string): Promise<void> {
  await asked((await store("readwrite")).delete(kid));
}

/** make makes a key and keeps it. */
export async function make(who: string, purpose: string): Promise<BrowserKey> {
  const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
  const x = encode64(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const kid = await sha256(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`);
  const key = { kid, jwk: JSON.stringify({ kty: "OKP", crv: "Ed25519", x }), pair, holder: who, purpose, made: Date.now() };
  await asked((await store("readwrite")).add(key));
  return key;
}

/** sign returns the compact JWS of what is signed. */
export async function sign(key: BrowserKey, signing: string): Promise<string> {
  const signature = await crypto.subtle.sign("Ed25519", key.pair.privateKey, ascii.encode(signing));
  return `${signing}.${encode64(new Uint8Array(signature))}`;
}

export interface Signing {
  header: Record<string, unknown>;
  payload: Record<string, unknown>;
}

/** read returns what is in something to be signed. */
export function read(signing: string): Signing {
  const parts = signing.split(".");
  if (parts.length !== 2) throw new Error("not a signing input");
  const json = (s: string | undefined) =>
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(decode64(s ?? ""))) as Record<string, unknown>;
  return { header: json(parts[0]), payload: json(parts[1]) };
}

/** Refused says what is wrong, and with which field: "" if with none. */
export class Refused extends Error {
  readonly field: string;
  constructor(text: string, field: string) {
    super(text);
    this.field = field;
  }
}

/** post sends a form's fields and returns the answer's JSON, or throws what it says is wrong. */
export async function post(url: string, fields: Record<string, string>): Promise<Record<string, unknown>> {
  const r = await fetch(url, { method: "POST", body: new URLSearchParams(fields), redirect: "error", credentials: "same-origin" });
  if (!(r.headers.get("Content-Type") ?? "").startsWith("application/json")) throw new Error("");
  const said = (await r.json()) as Record<string, unknown>;
  if (!r.ok) throw new Refused(String(said.error ?? ""), String(said.field ?? ""));
  return said;
}

export function show(selector: string, text: string): void {
  const e = document.querySelector<HTMLElement>(selector);
  if (e) {
    e.textContent = text;
    e.hidden = text === "";
  }
}
