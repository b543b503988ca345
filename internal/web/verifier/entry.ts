// Entries and their disclosures: docs/FORMATS.md sections 5 and 6.
import { base64url, must, size, sum, textOf, unbase64url, utf8 } from "./bytes.ts";
import { aNumber, aText, get, has, num, object, parse, parseList, str, strings } from "./json.ts";
import type { Fields, Json, Members, Shape } from "./json.ts";
import { readJWS } from "./keys.ts";
import type { Jws } from "./keys.ts";
import { kinds } from "./kinds.ts";
import { ascending, holdsNumber, isOrganisation, isOrigin, isThumbprint, isUUID } from "./text.ts";

// A Kind is what the text says about one type.
export interface Kind {
  readonly claims: Fields;
  readonly check?: (e: Entry) => void;
  readonly history?: (e: Entry) => string; // of public types: the name of the history
  readonly names?: Fields; // of sealed types: the disclosures
}

// An Entry is one entry, well-formed by itself.
export interface Entry {
  readonly jws: Jws;
  readonly type: string;
  readonly kind: Kind;
  readonly claims: Members;
  readonly shown: ReadonlyMap<string, Json>; // what is disclosed, by name
}

const maxDisclosures = 8;
const shapes = new Map<Kind, Shape>();

// shapeOf is the shape of the claims of a kind, with those that every entry has.
function shapeOf(k: Kind): Shape {
  let s = shapes.get(k);
  if (s === undefined) {
    const common: Fields = { type: aText, iss: aText, aud: aText, iat: aNumber, jti: aText };
    shapes.set(k, s = object({ ...common, ...k.claims, ...(k.names && { _sd: (v: Json) => must(Array.isArray(v) && v.every((d) => typeof d === "string"), "bad-json") }) }));
  }
  return s;
}

// readShown reads a sealed entry and what is disclosed of it.
export function readShown(jws: string, disclosures: readonly string[]): Entry {
  const e = readBody(jws);
  must(e.kind.names !== undefined, "bad-leaf");
  const shown = open(e, disclosures);
  return checked({ ...e, shown });
}

// readPublic reads the entry in a public leaf.
export function readPublic(leaf: Uint8Array): Entry {
  const text = textOf(leaf.subarray(1), "bad-base64"), e = readBody(text);
  must(e.kind.names === undefined, "bad-leaf");
  must(text.length <= 65534, "too-large");
  must(!holdsNumber(str(e.claims, "iss")), "personal-data");
  return checked({ ...e, shown: new Map() });
}

function checked(e: Entry): Entry {
  e.kind.check?.(e);
  return e;
}

// readBody reads header and payload as far as iss, aud, iat and jti.
function readBody(text: string): Omit<Entry, "shown"> {
  must(!text.includes("~"), "bad-base64");
  const jws = readJWS(text, "igl-entry+sd-jwt"), claims = parse(jws.payload);
  must(claims instanceof Map, "bad-json");
  const type = get(claims, "type");
  must(type !== undefined, "unknown-type");
  must(typeof type === "string", "bad-json");
  const kind = kinds.get(type);
  must(kind !== undefined, "unknown-type");
  shapeOf(kind)(claims);
  checkIssued(claims);
  must(isUUID(str(claims, "jti")), "bad-claim");
  return { jws, type, kind, claims };
}

// checkIssued checks iss, aud and iat, which countersignatures have too.
export function checkIssued(claims: Members): void {
  must(isOrganisation(str(claims, "iss")) && isOrigin(str(claims, "aud")), "bad-claim");
  must(num(claims, "iat") >= 1 && num(claims, "iat") <= 2 ** 40, "bad-claim");
}

// open reads the disclosures.
function open(e: Omit<Entry, "shown">, disclosures: readonly string[]): Map<string, Json> {
  const digests = strings(e.claims, "_sd"), names = new Map(Object.entries(e.kind.names!)), shown = new Map<string, Json>();
  must(digests.length === 8 && ascending(digests) && digests.every(isThumbprint), "bad-claim");
  must(disclosures.length <= maxDisclosures, "bad-disclosure");
  for (const text of disclosures) {
    const { name, value } = readDisclosure(text);
    must(names.has(name), "bad-disclosure");
    must(digests.includes(base64url(sum(utf8(text)))), "unreferenced-digest");
    must(!shown.has(name), "duplicate-disclosure");
    shown.set(name, value);
  }
  for (const [name, value] of shown) names.get(name)!(value);
  return shown;
}

function readDisclosure(text: string): { name: string; value: Json } {
  must(size(text) <= 131072, "too-large");
  const { list: [salt, name, value], list, texts } = parseList(textOf(unbase64url(text), "bad-json"));
  must(list.length === 3, "bad-disclosure");
  must(typeof salt === "string" && /^[A-Za-z0-9_-]{22,}$/.test(salt), "bad-disclosure");
  must(typeof name === "string" && size(texts[2]!) <= 65536, "bad-disclosure");
  return { name, value: value! };
}

// sub is whom the entry says that it is about, "" if it does not show it.
export function sub(e: Entry): string {
  const v = e.shown.get("sub");
  return typeof v === "string" ? v : "";
}

export const signedWith = (e: Entry): string => has(e.claims, "countersignature") ? str(e.claims, "countersignature") : "";
