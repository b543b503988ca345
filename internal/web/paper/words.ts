// Six words of a statement, as package internal/words has them: docs/FORMATS.md section 18.
import text from "../../words/words.txt";

const list = text.trim().split("\n");

// wordsOf returns the words of a statement's bytes. White space around it does not count.
export async function wordsOf(statement: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const space = (b: number | undefined) => b === 0x20 || b === 0x09 || b === 0x0d || b === 0x0a;
  let from = 0;
  let to = statement.length;
  while (from < to && space(statement[from])) from++;
  while (to > from && space(statement[to - 1])) to--;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", statement.slice(from, to)));
  let bits = 0n;
  for (const b of sum.subarray(0, 9)) bits = (bits << 8n) | BigInt(b); // 72 bits, of which the first 66 count
  return [61n, 50n, 39n, 28n, 17n, 6n].map((shift) => list[Number((bits >> shift) & 2047n)]!);
}
