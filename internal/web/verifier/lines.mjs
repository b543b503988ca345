// Answers questions about statements, one JSON line each, with the module that the page loads:
//
//	node lines.mjs CHECK.JS
//
// A test holds the answers against igverify's. Reads {kind, file (base64), policy, id, days, now},
// writes what internal/oracle calls an Answer.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { memory, readHead, verify } = await import(pathToFileURL(process.argv[2]));
memory.kept = new Map();

const names = (list) => list.length > 0 ? list.map((c) => c.name) : undefined;
const first = (steps) => steps.find((s) => !s.ok)?.check;

function statement({ kind, file, policy, id, days, now }) {
  const r = verify(Buffer.from(file, "base64"), `igledger-${kind}/1`, { policy, id, days, now });
  const count = (f) => r.authentic ? [r.own, r.everyone, ...r.linked.map((l) => l.rows)].flat().filter(f).length : 0;
  return {
    check: first(r.steps), authentic: r.authentic, complete: r.complete, audited: names(r.audited), witnessed: names(r.witnessed),
    asOf: r.asOf || undefined, stale: r.stale, below: r.authentic ? r.below : undefined, outcome: r.outcome,
    shown: count((e) => !e.newer && !e.shown.hidden), hidden: count((e) => !e.newer && e.shown.hidden), newer: count((e) => e.newer),
    doubtful: r.doubtful.length,
  };
}

function head({ file, policy, now }) {
  const r = readHead(Buffer.from(file, "base64"), { policy, id: "", now });
  return { check: first(r.steps), cosigned: names([...r.audited, ...r.witnessed].sort((a, b) => a.name < b.name ? -1 : 1)), asOf: r.asOf || undefined };
}

function answer(question) {
  try {
    return question.kind === "policy" ? head(question) : statement(question);
  } catch (e) {
    return { check: e.code === "bad-policy" ? "policy" : undefined, broken: e.code === "bad-policy" ? undefined : String(e.stack) };
  }
}

for await (const line of createInterface({ input: process.stdin })) process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + "\n");
