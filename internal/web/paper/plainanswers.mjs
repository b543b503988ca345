// Run by plain_test.go: says what entries state. Reads a JSON line {jws, disclosures, language},
// writes a Summary.
import { createInterface } from "node:readline";
import { Teller } from "./plain.ts";
import { readPublic, readShown } from "../verifier/entry.ts";

for await (const line of createInterface({ input: process.stdin })) {
  const { jws, disclosures, language } = JSON.parse(line);
  const e = disclosures === null ? readPublic(new TextEncoder().encode(`\u0000${jws}`)) : readShown(jws, disclosures);
  console.log(JSON.stringify(new Teller(language).describe(e)));
}
