// JSON under the rules of I-JSON, and the shapes that it must have: docs/FORMATS.md section 1.
import { must, refuse, unbase64url } from "./bytes.ts";

export type Json = string | number | boolean | null | Odd | Json[] | Members;
export type Members = Map<string, Json>;

// Odd is a number with a sign, fraction or exponent, or above 2^64-1. No field of ours takes one.
export class Odd {
  constructor(readonly text: string) {}
}

export const maxInteger = Number.MAX_SAFE_INTEGER; // 2^53-1

// maxNesting bounds the stack. No structure of FORMATS.md is as deep.
const maxNesting = 1000;

// parse reads exactly one value.
export function parse(text: string): Json { return new Parser(text).all(); }

// parseList reads an array, and the text of each of its elements.
export function parseList(text: string): { list: Json[]; texts: string[] } {
  const p = new Parser(text), list = p.all();
  must(Array.isArray(list), "bad-json");
  return { list, texts: p.elements };
}

class Parser {
  private i = 0;
  elements: string[] = []; // of the outermost array

  constructor(private readonly s: string) {}

  all(): Json {
    this.space();
    const v = this.value(0);
    this.space();
    must(this.i === this.s.length, "bad-json");
    return v;
  }

  private space(): void {
    for (let c = this.s.charCodeAt(this.i); c === 32 || c === 9 || c === 13 || c === 10; c = this.s.charCodeAt(this.i)) this.i++;
  }

  private value(depth: number): Json {
    must(depth < maxNesting, "bad-json");
    switch (this.s[this.i]) {
      case "{": return this.object(depth);
      case "[": return this.array(depth);
      case '"': return this.string();
      case "t": return this.word("true", true);
      case "f": return this.word("false", false);
      case "n": return this.word("null", null);
      default: return this.number();
    }
  }

  private word<T>(word: string, v: T): T {
    must(this.s.startsWith(word, this.i), "bad-json");
    this.i += word.length;
    return v;
  }

  private object(depth: number): Members {
    const out: Members = new Map();
    this.i++;
    this.space();
    for (let first = true; this.s[this.i] !== "}"; first = false) {
      if (!first) {
        this.word(",", null);
        this.space();
      }
      must(this.s[this.i] === '"', "bad-json");
      const name = this.string();
      must(!out.has(name), "bad-json");
      this.space();
      this.word(":", null);
      this.space();
      out.set(name, this.value(depth + 1));
      this.space();
    }
    this.i++;
    return out;
  }

  private array(depth: number): Json[] {
    const out: Json[] = [];
    this.i++;
    this.space();
    for (let first = true; this.s[this.i] !== "]"; first = false) {
      if (!first) {
        this.word(",", null);
        this.space();
      }
      const start = this.i;
      out.push(this.value(depth + 1));
      if (depth === 0) this.elements.push(this.s.slice(start, this.i));
      this.space();
    }
    this.i++;
    return out;
  }

  private string(): string {
    const start = ++this.i;
    for (; ; this.i++) {
      const c = this.s.charCodeAt(this.i);
      if (c === 34) return this.s.slice(start, this.i++);
      if (c === 92) return this.escaped(start);
      must(c >= 32, "bad-json"); // beyond the end it is no number
    }
  }

  private escaped(start: number): string {
    let out = this.s.slice(start, this.i);
    for (;;) {
      const c = this.s[this.i++];
      must(c !== undefined && c >= " ", "bad-json");
      if (c === '"') return out;
      if (c !== "\\") {
        out += c;
        continue;
      }
      const e = this.s[this.i++] ?? "", at = '"\\/bfnrt'.indexOf(e);
      must(e !== "" && (at >= 0 || e === "u"), "bad-json");
      out += e === "u" ? this.surrogates() : '"\\/\b\f\n\r\t'[at];
    }
  }

  private surrogates(): string {
    const high = this.hex4();
    must(high < 0xdc00 || high > 0xdfff, "bad-json");
    if (high < 0xd800 || high > 0xdbff) return String.fromCharCode(high);
    this.word("\\u", null);
    const low = this.hex4();
    must(low >= 0xdc00 && low <= 0xdfff, "bad-json");
    return String.fromCharCode(high, low);
  }

  private hex4(): number {
    const text = this.s.slice(this.i, this.i += 4);
    must(/^[0-9a-fA-F]{4}$/.test(text), "bad-json");
    return parseInt(text, 16);
  }

  private number(): number | Odd {
    const form = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    form.lastIndex = this.i;
    const found = form.exec(this.s);
    must(found !== null, "bad-json");
    this.i += found[0].length;
    const plain = found[0][0] !== "-" && !found[1] && !found[2] && (found[0].length < 20 || BigInt(found[0]) < 1n << 64n);
    return plain ? Number(found[0]) : new Odd(found[0]); // above 2^53-1 inexact, and refused by the check of its field
  }
}

// A Shape refuses a value before anything in it is looked at.
export type Shape = (v: Json) => void;

export const aText: Shape = (v) => must(typeof v === "string", "bad-json");
export const aFlag: Shape = (v) => must(typeof v === "boolean", "bad-json");
export const aNumber: Shape = (v) => must(typeof v === "number", "bad-json");
export const listOf = (s: Shape, most = Infinity): Shape => (v) => {
  must(Array.isArray(v), "bad-json");
  v.forEach((e, i) => {
    must(i < most, "too-large");
    s(e);
  });
};
export const texts = listOf(aText);

// bytesOf is base64url of n bytes, of any number if n is 0.
export const bytesOf = (n: number): Shape => (v) => {
  must(typeof v === "string", "bad-json");
  const b = unbase64url(v);
  must(n === 0 || b.length === n, "bad-length");
};

// object has these members, and no others; each may be absent.
export type Fields = Readonly<Record<string, Shape>>;
export const object = (fields: Fields): Shape => {
  const known = new Map(Object.entries(fields));
  return (v) => {
    must(v instanceof Map, "bad-json");
    for (const [name, member] of v) (known.get(name) ?? refuse("bad-json"))(member);
  };
};
export const textsIn = (...names: string[]): Shape => object(Object.fromEntries(names.map((n) => [n, aText])));

// What follows reads members of values that fit their shapes. An absent member reads as empty.

const none: Members = new Map();
export const get = (v: Json | undefined, name: string): Json | undefined => v instanceof Map ? v.get(name) : undefined;
export const has = (v: Json | undefined, name: string): boolean => get(v, name) !== undefined;
export const members = (v: Json | undefined, name: string): Members => {
  const m = get(v, name);
  return m instanceof Map ? m : none;
};
export const str = (v: Json | undefined, name: string): string => {
  const m = get(v, name);
  return typeof m === "string" ? m : "";
};
export const num = (v: Json | undefined, name: string): number => {
  const m = get(v, name);
  return typeof m === "number" ? m : 0;
};
export const list = (v: Json | undefined, name: string): Json[] => {
  const m = get(v, name);
  return Array.isArray(m) ? m : [];
};
export const strings = (v: Json | undefined, name: string): string[] => list(v, name).map((e) => typeof e === "string" ? e : "");
export const octets = (v: Json | undefined, name: string): Uint8Array => unbase64url(str(v, name));
export const hash = (v: Json | undefined, name: string): Uint8Array => has(v, name) ? octets(v, name) : new Uint8Array(32);

// depth is 1 for an object or list without objects or lists inside.
export function depth(v: Json): number {
  if (!(v instanceof Map) && !Array.isArray(v)) return 0;
  let most = 0;
  for (const e of v.values()) most = Math.max(most, depth(e));
  return most + 1;
}

// equal compares two values member by member, whatever their order.
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a instanceof Map && b instanceof Map) return a.size === b.size && [...a].every(([name, v]) => equal(v, b.get(name)));
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => equal(v, b[i]));
  if (a instanceof Odd && b instanceof Odd) return a.text === b.text;
  return a === b;
}
