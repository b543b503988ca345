// JSON as docs/FORMATS.md section 1 has it, and the forms of values, of which its tables are tables
// here. The platform's own parser takes a member twice and rounds numbers.
import { instead, must, refuse, unbase64url } from "./bytes.ts";

// A number with a sign, fraction or exponent, or above 2^64-1, is NaN, which no field takes.
export type Json = string | number | boolean | null | Json[] | Map<string, Json>;
// parse reads one value. Into texts it puts the text of each element of the outermost array.
export function parse(text: string, texts: string[] = []): Json {
  const p = new Parser(text, texts), v = p.value(0);
  must(p.next() === "", "bad-json");
  return v;
}

class Parser {
  private at = 0;
  constructor(private readonly text: string, private readonly texts: string[]) {}

  // next skips white space and returns the character that follows, "" at the end.
  next(): string {
    for (let c = this.text.charCodeAt(this.at); c === 32 || c === 9 || c === 13 || c === 10; c = this.text.charCodeAt(this.at)) this.at++;
    return this.text.charAt(this.at);
  }

  value(depth: number): Json {
    must(depth < 1000, "bad-json"); // bounds the stack; no structure of FORMATS.md is as deep
    switch (this.next()) {
      case "{": return this.object(new Map(), depth + 1);
      case "[": return this.array([], depth + 1);
      case '"': return this.string();
      case "t": return this.take("true", true);
      case "f": return this.take("false", false);
      case "n": return this.take("null", null);
      default: return this.number();
    }
  }

  // take takes this word, which has to follow.
  private take<T>(word: string, v: T): T {
    this.next();
    must(this.text.startsWith(word, this.at), "bad-json");
    this.at += word.length;
    return v;
  }

  // series reads what is between brackets, separated by commas.
  private series(close: string, one: () => void): void {
    this.at++;
    for (let separator = ""; this.next() !== close; separator = ",") {
      this.take(separator, null);
      one();
    }
    this.at++;
  }

  private object(out: Map<string, Json>, depth: number): Json {
    this.series("}", () => {
      must(this.next() === '"', "bad-json");
      const name = this.string();
      must(!out.has(name), "bad-json");
      this.take(":", null);
      out.set(name, this.value(depth));
    });
    return out;
  }

  private array(out: Json[], depth: number): Json {
    this.series("]", () => {
      this.next();
      const start = this.at;
      out.push(this.value(depth));
      if (depth === 1) this.texts.push(this.text.slice(start, this.at));
    });
    return out;
  }

  private string(): string {
    const start = this.at;
    let escaped = false;
    for (let c = this.text.charCodeAt(++this.at); c !== 34; c = this.text.charCodeAt(++this.at)) {
      must(c >= 32, "bad-json"); // beyond the end it is no number
      if (c !== 92) continue;
      escaped = true;
      this.at++;
    }
    const quoted = this.text.slice(start, ++this.at);
    if (!escaped) return quoted.slice(1, -1);
    const text = instead("bad-json", () => JSON.parse(quoted) as string);
    must(!/\p{Surrogate}/u.test(text), "bad-json"); // a lone one: a pair is one character
    return text;
  }

  private number(): number {
    const form = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
    form.lastIndex = this.at;
    const found = form.exec(this.text)?.[0] ?? "";
    must(found !== "", "bad-json");
    this.at += found.length;
    return /^[0-9]{1,20}$/.test(found) && BigInt(found) < 1n << 64n ? Number(found) : NaN;
  }
}

// depth is 1 for an object or list without objects or lists inside.
export const depth = (v: Json): number =>
  v instanceof Map || Array.isArray(v) ? 1 + [...v.values()].reduce<number>((most, e) => Math.max(most, depth(e)), 0) : 0;

// A Form says from which JSON a value is read, and what must hold once all is read (section 12).
export interface Form<T> {
  read(v: Json | undefined): T; // refuses another kind of JSON; an absent member reads as empty
  check(v: T): void; // refuses a value outside its domain
}

const simple = <T>(read: (v: Json | undefined) => T): Form<T> => ({ read, check: () => {} });
export const text = simple((v = "") => typeof v === "string" ? v : refuse("bad-json"));
export const flag = simple((v = false) => typeof v === "boolean" ? v : refuse("bad-json"));
export const integer = simple((v = 0) => typeof v === "number" && v >= 0 ? v : refuse("bad-json"));
export const any = simple((v = null) => v);

// bytes is base64url of n bytes, of any number if n is 0.
export const bytes = (n: number): Form<Uint8Array> => simple((v) => {
  const b = v === undefined ? new Uint8Array(n) : unbase64url(text.read(v));
  must(n === 0 || b.length === n, "bad-length");
  return b;
});

// list has at most so many elements, and reading stops there.
export const list = <T>(of: Form<T>, most = Infinity): Form<T[]> => ({
  read: (v = []) => Array.isArray(v) ? v.map((e, i) => i < most ? of.read(e) : refuse("too-large")) : refuse("bad-json"),
  check: (all) => all.forEach((v) => of.check(v)),
});

export type Members = Readonly<Record<string, Form<any>>>;
export type Value<F> = F extends Form<infer T> ? T : never;
export type Read<M extends Members> = { readonly [N in keyof M]: Value<M[N]> };

// object has these members and no others; each may be absent.
export const object = <M extends Members>(members: M): Form<Read<M>> => {
  const all = Object.entries(members), known = new Set(Object.keys(members));
  return {
    read: (v = new Map()) => {
      must(v instanceof Map && [...v.keys()].every((name) => known.has(name)), "bad-json");
      return Object.fromEntries(all.map(([name, of]) => [name, of.read(v.get(name))])) as Read<M>;
    },
    check: (o) => all.forEach(([name, of]) => of.check(o[name])),
  };
};

// where is a form of which more must hold.
export const where = <T>(of: Form<T>, ok: (v: T) => boolean, code = "bad-claim"): Form<T> => ({
  read: of.read,
  check: (v) => {
    of.check(v);
    must(ok(v), code);
  },
});

// maybe reads an absent member as undefined, and asks nothing of it; there refuses it.
export const maybe = <T>(of: Form<T>): Form<T | undefined> =>
  ({ read: (v) => v === undefined ? v : of.read(v), check: (v) => v === undefined || of.check(v) });
export const there = <T>(of: Form<T>): Form<T> => ({ ...of, read: (v) => v === undefined ? refuse("bad-json") : of.read(v) });

// into checks at once what it read, and makes something else of it.
export const into = <T, U>(of: Form<T>, f: (v: T) => U): Form<U> => simple((v) => {
  const read = of.read(v);
  of.check(read);
  return f(read);
});

export const maxInteger = Number.MAX_SAFE_INTEGER; // 2^53-1
export const between = (least: number, most: number, code?: string): Form<number> => where(integer, (n) => n >= least && n <= most, code);
export const natural = between(0, maxInteger);
export const a = (ok: (t: string) => boolean, code?: string): Form<string> => where(text, ok, code);
export const optional = (ok: (t: string) => boolean): Form<string> => a((t) => t === "" || ok(t));
export const oneOf = (...these: string[]): Form<string> => a((t) => these.includes(t));
export const digest = where(bytes(32), (b) => b.some((c) => c !== 0)); // 32 zero bytes stand for none

// each gives one form to several members.
export const each = <F, N extends string>(form: F, ...names: N[]): { readonly [name in N]: F } =>
  Object.fromEntries(names.map((n) => [n, form])) as { readonly [name in N]: F };
export const texts = <N extends string>(...names: N[]) => object<{ readonly [name in N]: Form<string> }>(each(text, ...names));
