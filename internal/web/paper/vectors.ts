// Run by scripts_test.go: the vectors of sealed statements and words, and a statement sealed here
// for Go to open.
import sealedVectors from "./sealed/testdata/sealed.json";
import wordVectors from "../../words/testdata/words.json";
import { idOf, keyOf, open, seal, toText, Unopened } from "./sealed.ts";
import { wordsOf } from "./words.ts";

const utf8 = (s: string) => new TextEncoder().encode(s);
const bytes = (s: string) => Uint8Array.from(atob(s.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const wrong: string[] = [];
function want(what: string, got: unknown, wanted: unknown) {
  if (got !== wanted) wrong.push(`${what}: ${String(got)}, want ${String(wanted)}`);
}

interface Vector { comment: string; id: string; key: string; sealed: string; person?: string; period?: string; statement?: string; error?: string }
for (const v of sealedVectors as Vector[]) {
  const sealed = bytes(v.sealed);
  want(`${v.comment}: id`, await idOf(sealed), v.id);
  want(`${v.comment}: key`, keyOf(v.key) && toText(keyOf(v.key)!), v.key);
  try {
    const d = await open(sealed, bytes(v.key));
    want(`${v.comment}: error`, "", v.error ?? "");
    want(`${v.comment}: person`, d.id, v.person ?? "");
    want(`${v.comment}: period`, d.period, v.period ?? "");
    want(`${v.comment}: statement`, new TextDecoder().decode(d.statement), v.statement ?? "");
  } catch (e) {
    want(v.comment, e instanceof Unopened ? e.why : e, v.error ?? "");
  }
}
for (const v of wordVectors) {
  want(`words of ${JSON.stringify(v.statement)}`, (await wordsOf(utf8(v.statement))).join(" "), v.words.join(" "));
}
for (const bad of ["", "x", "A".repeat(42) + "B", "A".repeat(44), "A".repeat(42) + "+"]) want(`key ${bad}`, keyOf(bad), undefined);

const statement = utf8(`{"format":"igledger-statement/1","text":["${"Cèilidh ".repeat(5000)}"]}\n`);
const { sealed, key } = await seal({ id: "chi:0101011237", period: "", statement });
console.log(JSON.stringify({ vectors: sealedVectors.length, wrong, id: await idOf(sealed), key: toText(key), sealed: toText(sealed), words: await wordsOf(statement) }));
