// The checks of a statement or extract, in order: docs/FORMATS.md section 12. What is checked here needs neither network nor storage.
// Verdicts are not computed again, and times are what organisations claim.
import { Refused, must, refusal, same, textOf } from "./bytes.ts";
import { entryOf, leavesOf, maxSize, readBundle } from "./bundle.ts";
import type { Bundle, Format, History, PublicLeaf, Shown } from "./bundle.ts";
import { readShown, signedWith, sub } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { num, octets, str } from "./json.ts";
import { checkTag } from "./keys.ts";
import { readCountersignature } from "./kinds.ts";
import { attested, cosignatures, hasGroup, inGroup, met, readCheckpoint, readNoteKey, readPolicy } from "./note.ts";
import type { Checkpoint, NoteKey, Policy } from "./note.ts";
import { Register } from "./register.ts";
import { day, isID } from "./text.ts";
import { indexRoot, leafHash, multiRoot } from "./tree.ts";

// Asked is what the reader brings: nothing of it comes from the file.
export interface Asked {
  readonly policy: string; // tlog-policy, or a log's verifier key alone
  readonly id: string; // may be "" of an extract
  readonly days?: string; // "2026-03-01..2026-03-31"; "": the whole history
  readonly now: number; // seconds since 1970
  readonly genesis?: Uint8Array; // hash of leaf 0 that the reader expects
}

// A Step is one check that was made.
export interface Step {
  readonly check: string; // its name in FORMATS.md
  readonly ok: boolean;
  readonly at?: number | undefined; // the entry concerned
  readonly code?: string | undefined; // why it failed, a code of FORMATS.md section 2
}

export type Outcome = "good" | "stale" | "partial" | "failed";
// why a statement that is true is only partial or stale
export type Reason = "" | "extract" | "not-over" | "not-covered" | "no-date" | "old";

// A Row is an entry that was shown, with what a reader must know about it.
export interface Row {
  readonly shown: Shown;
  readonly entry: Entry | undefined; // undefined: it could not be read
  readonly newer: boolean; // not covered by the index: others like it may be missing
  readonly suspect: boolean; // the key that signed it was later declared suspect
  readonly check: string; // of doubtful entries: the check that failed
}

export interface Cosigner { readonly name: string; readonly at: number }

// A Report is what a reader learns. Only the ids of linked histories are personal numbers in it.
export interface Report {
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly steps: readonly Step[];
  readonly authentic: boolean; // everything shown is in the log, by those who may sign it
  readonly complete: boolean; // nothing is missing below `below`, within what was asked
  readonly audited: readonly Cosigner[]; // by members of the policy's group auditors
  readonly witnessed: readonly Cosigner[]; // by the others
  readonly auditedEnough: boolean; // false: completeness is the operator's word alone
  readonly asksNobody: boolean;
  readonly asOf: number; // when cosigners saw it, seconds since 1970; 0: not known
  readonly signedAt: number; // the operator's own date, if nobody was asked; 0: none
  readonly stale: boolean;
  readonly origin: string;
  readonly size: number;
  readonly below: number; // M
  readonly own: readonly Row[];
  readonly everyone: readonly Row[];
  readonly everyoneShown: boolean;
  readonly linked: readonly { readonly id: string; readonly rows: readonly Row[] }[];
  readonly doubtful: readonly Row[]; // not what they claim, and in no other list
  readonly organisations: ReadonlyMap<string, string>; // names by id
}

const staleAfter = 48 * 60 * 60, skew = 5 * 60;
export const everyoneID = "reg:everyone";

// onlyCompleteness are the checks that can fail although everything shown is true.
const onlyCompleteness = new Set(["scope", "period", "history", "everyone", "linked", "anchor", "index-lag", "covered", "auditor-quorum"]);

// byCode are the checks that a code names, whichever step refuses with it.
const byCode: Readonly<Record<string, string>> = {
  "wrong-audience": "audience", "bad-signature": "signature", "unknown-algorithm": "signature", "unknown-key": "key-status",
  "inactive-key": "key-status", "revoked-key": "key-status", "wrong-issuer": "authority", "wrong-purpose": "authority",
  "unknown-organisation": "authority", "not-countersigned": "register", "register-conflict": "register", "bad-genesis": "genesis",
  "personal-data": "entry-form", "bad-leaf": "leaf-form", "bad-id": "disclosures", "bad-disclosure": "disclosures",
  "unreferenced-digest": "disclosures", "duplicate-disclosure": "disclosures", "bad-checkpoint": "checkpoint-signature",
  "bad-proof": "inclusion", "bad-index-proof": "history", "bad-index-root": "index-root", "bad-statement": "statement-form", "bad-vrf": "filing",
};

// kindOf returns the format of a file, as its first member states it, or undefined.
export function kindOf(file: Uint8Array): Format | undefined {
  const m = /^\s*\{\s*"format"\s*:\s*"(igledger-(?:statement|extract)\/1)"/.exec(new TextDecoder().decode(file.subarray(0, 256)));
  return m?.[1] as Format | undefined;
}

// verify makes all checks. It throws a Refused with the code bad-policy if the policy is not one.
export function verify(file: Uint8Array, format: Format, asked: Asked): Report {
  const all = steps(file, format, asked);
  for (;;) {
    const next = all.next();
    if (next.done) return next.value;
  }
}

// steps makes all checks, and stops after each that may have taken time, so that its caller can show how far it is.
export function* steps(file: Uint8Array, format: Format, asked: Asked): Generator<{ check: string; done: number; of: number }, Report> {
  const w = new Walk(asked, readPolicy(asked.policy), format === "igledger-statement/1");
  yield* w.all(file, format);
  return w.report();
}

// readHead judges a checkpoint alone, of the only log that the policy has, or of the one that its first line names.
export function readHead(note: Uint8Array, asked: Asked): Report {
  const policy = readPolicy(asked.policy), w = new Walk(asked, policy, false), text = new TextDecoder().decode(note), origins = new Set(policy.logs.map((k) => k.name));
  w.headOf(text, origins.size === 1 ? [...origins][0]! : text.split("\n")[0]!);
  return w.report();
}

interface Signed { readonly index: number; readonly entry: Entry; readonly open: boolean }

class Walk {
  private readonly steps: Step[] = [];
  private bundle!: Bundle;
  private head: Checkpoint | undefined;
  private genesis!: Entry;
  private root: Entry | undefined; // the index root
  private register: Register | undefined;
  private judged = false;
  private partly: Reason = "";
  private cosigners: Cosigner[] = [];
  private asOf = 0;
  private auditedEnough = false;
  private rows: Row[][] = [];
  private readonly acts = new Set<string>(); // (iss, jti) of the entries read
  private readonly signed: Signed[] = []; // what has to be judged; open: a public entry of a chain
  private readonly late = new Set<number>(); // newer entries by keys of which nothing is shown

  constructor(private readonly asked: Asked, private readonly policy: Policy, private readonly own: boolean) {}

  headOf(checkpoint: string, origin: string): void {
    this.bundle = { origin, checkpoint } as Bundle;
    this.openHead();
  }

  private fail(check: string, at?: number, code?: string): void { this.steps.push({ check, ok: false, at, code }); }
  private require(ok: boolean, check: string, at?: number): boolean {
    this.steps.push({ check, ok, at });
    return ok;
  }

  // step makes a check under its own name; coded is named by the code of its refusal, if there is a name for it.
  private step(check: string, f: () => void, at?: number): boolean {
    const code = refusal(f);
    this.steps.push(code === "" ? { check, ok: true, at } : { check, ok: false, at, code });
    return code === "";
  }
  private coded(check: string, f: () => void, at?: number): boolean {
    const code = refusal(f);
    if (code !== "") this.fail(byCode[code] ?? check, at, code);
    return code === "";
  }
  private get failures(): number { return this.steps.filter((s) => !s.ok).length; }
  private get below(): number { return num(this.root!.claims, "size"); } // M

  * all(file: Uint8Array, format: Format): Generator<{ check: string; done: number; of: number }> {
    const now = (check: string, done = 0, of = 0) => ({ check, done, of });
    yield now("statement-form");
    if (!this.step("statement-form", () => {
      must(file.length <= maxSize, "too-large");
      this.bundle = readBundle(textOf(file, "bad-json"), format);
    })) return;
    const b = this.bundle;
    if (this.own) this.require(this.inScope(), "scope");
    yield now("checkpoint-signature");
    if (!this.openHead()) return;
    yield now("inclusion");
    this.checkInclusion();
    if (!this.checkGenesis()) return;
    yield now("tag");
    if (this.own && !this.checkTags()) return;
    if (!this.checkIndexRoot()) return;
    const total = b.chosen.length + b.histories.reduce((n, h) => n + h.entries.length + h.newer.length, 0);
    let done = 0, links: Map<string, number> | undefined;
    for (const [i, h] of (this.own ? b.histories : [undefined]).entries()) {
      const shown = h === undefined ? b.chosen : [...h.entries, ...h.newer], id = this.idOf(h, i);
      if (h?.id) this.require((links ??= this.links()).has(h.id), "linked");
      if (h) this.checkHistory(h);
      const before = this.failures;
      for (let k = 0; k < shown.length; k += 100) {
        yield now("entry-form", done + k, total);
        this.readEntries(shown.slice(k, k + 100), id);
      }
      if (shown.length > 0 && this.failures === before) for (const check of ["disclosures", ...(id === "" ? [] : ["subject"]), "duplicate"]) this.require(true, check);
      done += shown.length;
    }
    if (this.own) this.checkLinked();
    yield now("key-history");
    const chains = this.checkChains();
    if (this.own) this.checkPeriod();
    yield* this.judge(chains);
  }

  private idOf(h: History | undefined, i: number): string { return h?.id || (i === 1 && this.bundle.everyone ? everyoneID : this.asked.id); }

  private inScope(): boolean {
    const p = this.bundle.period, days = this.asked.days ?? "";
    return p === undefined ? days === "" : days !== "" && days === p.days;
  }

  // logKeys returns the keys that the policy has for the origin of the file.
  private logKeys(): NoteKey[] { return this.policy.logs.filter((k) => k.name === this.bundle.origin); }

  // openHead opens the checkpoint under the policy.
  private openHead(): boolean {
    const keys = this.logKeys(), p = this.policy;
    if (!this.require(keys.length > 0, "origin")) return false;
    if (!this.step("checkpoint-signature", () => { this.head = readCheckpoint(this.bundle.checkpoint, keys); })) return false;
    const { times, lies } = cosignatures(p, this.head!, this.asked.now), cosigned = (m: string): boolean => times.has(m);
    this.require(lies.length === 0, "cosignature");
    this.cosigners = [...times].map(([name, at]) => ({ name, at }));
    this.auditedEnough = hasGroup(p, "auditors") && met(p, "auditors", cosigned);
    this.asOf = attested(p, times);
    if (met(p, p.quorum, cosigned)) return p.quorum === "none" || this.require(true, "quorum");
    const lacking = ["witnesses", "auditors"].filter((g) => hasGroup(p, g) && !met(p, g, cosigned));
    for (const g of lacking) this.fail(g === "auditors" ? "auditor-quorum" : "witness-quorum");
    if (!met(p, p.quorum, (m) => cosigned(m) || lacking.some((g) => inGroup(p, m, g)))) this.fail("quorum");
    return true;
  }

  private checkInclusion(): void {
    const b = this.bundle, head = this.head!;
    if (this.coded("inclusion", () => must(same(multiRoot(leavesOf(b), head.size, b.nodes), head.root), "bad-proof"))) this.require(true, "inclusion");
  }

  // checkGenesis checks leaf 0.
  private checkGenesis(): boolean {
    const g = this.bundle.genesis, pinned = this.asked.genesis;
    return this.coded("genesis", () => {
      this.genesis = entryOf(g);
      this.register = new Register(this.genesis, this.bundle.origin);
      const own = this.logKeys().filter((k) => k.type === 1), key = readNoteKey(str(this.genesis.claims, "logKey")).key;
      must(own.length === 0 || own.some((k) => same(k.key, key)), "bad-genesis");
      must(pinned === undefined || same(pinned, leafHash(g.raw)), "bad-genesis");
    }, 0) && this.require(true, "genesis", 0);
  }

  // checkTags checks under whom the histories are filed.
  private checkTags(): boolean {
    const b = this.bundle, id = this.asked.id;
    if (!this.require(isID(id), "id")) return false;
    const key = octets(this.genesis.claims, "vrfKey");
    const check = (name: string, h: History, of: string): boolean =>
      this.step(name, () => checkTag(key, b.origin, of, h.tag, h.vrfProof));
    if (!check("tag", b.histories[0]!, id)) return false;
    if (b.everyone) check("everyone", b.histories[1]!, everyoneID);
    if (b.everyone === (id === everyoneID)) this.fail("everyone");
    for (const h of b.histories.filter((h) => h.id !== "")) check("linked", h, h.id);
    return true;
  }

  private checkIndexRoot(): boolean {
    const r = this.bundle.indexRoot, size = this.head!.size;
    if (!this.coded("index-root", () => {
      const e = entryOf(r);
      must(e.type === "index-root" && num(e.claims, "size") <= r.index && BigInt(r.index) < size, "bad-index-root");
      this.root = e;
    }, r.index)) return false;
    this.require(true, "index-root", r.index);
    this.require(BigInt(r.index) + 1n === size, "anchor", r.index);
    this.require(size - BigInt(this.below) <= BigInt(num(this.genesis.claims, "indexLag")), "index-lag", r.index);
    return true;
  }

  // checkHistory checks that the index has exactly these entries.
  private checkHistory(h: History): void {
    for (const e of h.entries) if (e.index >= this.below) this.fail("covered", e.index);
    for (const e of h.newer) if (e.index < this.below) this.fail("covered", e.index);
    this.step("history", () => must(same(indexRoot(h.tag, h.entries, h.proof), octets(this.root!.claims, "root")), "bad-index-proof"));
    this.rows.push([]);
  }

  // readEntries reads what was opened, which has to be about id, unless it is "".
  private readEntries(entries: readonly Shown[], id: string): void {
    for (const e of entries) {
      if (!e.hidden && this.coded("entry-form", () => { e.entry = readShown(e.jws, e.disclosures); }, e.index)) {
        const act = `${str(e.entry!.claims, "iss")} ${str(e.entry!.claims, "jti")}`;
        if (id !== "" && sub(e.entry!) !== id) this.fail("subject", e.index);
        if (this.acts.has(act)) this.fail("duplicate", e.index);
        this.acts.add(act);
        this.signed.push({ index: e.index, entry: e.entry!, open: false });
      }
      if (this.rows.length === 0) this.rows.push([]); // an extract
      this.rows.at(-1)!.push({ shown: e, entry: e.entry, newer: e.index >= this.below, suspect: false, check: "" });
    }
  }

  // links returns the ids with which the subject is linked by its entries below M, and the entry that links each.
  private links(): Map<string, number> {
    const links = new Map<string, number>();
    for (const { entry, shown } of this.rows[0] ?? []) {
      const other = entry?.shown.get("other");
      if (entry?.type !== "link" || shown.index >= this.below || typeof other !== "string") continue;
      links.delete(other);
      if (str(entry.claims, "act") === "linked") links.set(other, shown.index);
    }
    return links;
  }

  private checkLinked(): void {
    const shown = this.bundle.histories.map((h) => h.id);
    for (const [id, at] of this.links()) if (!shown.includes(id)) this.fail("linked", at);
  }

  // checkChains checks the histories of public names. It returns which the index proves whole.
  private checkChains(): Map<string, boolean> {
    const root = octets(this.root!.claims, "root"), whole = new Map<string, boolean>();
    for (const c of this.bundle.chains) {
      const code = refusal(() => must(same(indexRoot(c.name, c.leaves, c.proof), root), "bad-index-proof"));
      whole.set(c.name, code === "");
      if (code !== "") {
        this.fail("key-history", undefined, code);
        continue;
      }
      for (const l of c.leaves) {
        if (!this.coded("entry-form", () => entryOf(l), l.index)) continue;
        if (l.index >= this.below || l.entry!.kind.history!(l.entry!) !== c.name) this.fail("key-history", l.index);
        else this.signed.push({ index: l.index, entry: l.entry!, open: true });
      }
    }
    return whole;
  }

  // checkPeriod checks that the index roots around the days say which positions the period has, and whether the index covers it.
  private checkPeriod(): void {
    const p = this.bundle.period;
    if (p === undefined || !this.inScope()) return;
    const [first, last] = p.days.split("..") as [string, string], start = day(first)!, end = day(last)! + 86400;
    const failures = this.failures;
    const from = p.before && this.readBound(p.before, (signed) => signed < start) ? num(p.before.entry!.claims, "size") : 0;
    if (p.after) this.readBound(p.after, (signed) => signed >= end);
    if (this.failures > failures) return;
    const size = this.head!.size, own = this.bundle.indexRoot.index;
    const places = p.from === from && (p.after ? p.to === p.after.index : BigInt(p.to) >= size);
    if (!this.require(places, "period")) return;
    const quiet = this.below === own && size === BigInt(own) + 1n && this.asOf >= end;
    if (p.after ? p.to > this.below : !quiet) this.partly = this.asked.now < end ? "not-over" : "not-covered";
  }

  // readBound reads an index root beside the period, which has to be signed on the right side of it.
  private readBound(l: PublicLeaf, outside: (signed: number) => boolean): boolean {
    if (!this.coded("period", () => must(entryOf(l).type === "index-root", "bad-period"), l.index)) return false;
    const known = l.index === 0 || l.index === this.bundle.indexRoot.index || this.signed.some((s) => s.index === l.index);
    if (!known) this.signed.push({ index: l.index, entry: l.entry!, open: false });
    for (const name of ["iat", "size"]) {
      const here = num(l.entry!.claims, name), there = num(this.root!.claims, name), own = this.bundle.indexRoot.index;
      if (l.index < own && here > there || l.index > own && here < there) {
        this.fail("period", l.index);
        return false;
      }
    }
    const signed = num(l.entry!.claims, "iat");
    if (!outside(signed) || this.asOf !== 0 && signed > this.asOf + skew) this.fail("period", l.index);
    return true;
  }

  // judge judges every signature at its place, in order of index, and then whether the history of each key that signed, and of its
  // organisation, is among those that are whole.
  private * judge(whole: ReadonlyMap<string, boolean>): Generator<{ check: string; done: number; of: number }> {
    const r = this.bundle.indexRoot, register = this.register!, needed = new Set<string>(), before = this.failures;
    const all = [...this.signed, { index: r.index, entry: this.root!, open: false }].sort((a, b) => a.index - b.index);
    for (const [i, s] of all.entries()) {
      if (i % 50 === 0) yield { check: "signature", done: i, of: all.length };
      if (s.open && s.index === (all[i - 1]?.index ?? 0)) { // in two histories
        this.fail("key-history", s.index);
        continue;
      }
      const newer = s.index >= this.below && s.entry.kind.names !== undefined;
      if (newer && !register.keys.has(s.entry.jws.kid)) this.late.add(s.index); // an honest ledger shows it when it can prove the key
      this.coded("signature", () => register.add(s.entry, s.index), s.index);
      if (this.late.has(s.index)) continue;
      needed.add(s.entry.jws.kid);
      const counter = signedWith(s.entry);
      if (counter !== "") needed.add(readCountersignature(counter).jws.kid);
    }
    this.judged = true;
    if (this.failures === before) for (const check of ["signature", "key-status", "authority"]) this.require(true, check);
    const names = new Set([...needed].flatMap((kid) => {
      const org = register.keys.get(kid)?.organisation;
      return org === undefined ? [`key:${kid}`] : [`key:${kid}`, `org:${org}`];
    }));
    for (const name of names) if (!whole.has(name)) this.fail("key-history"); // one that is shown but not whole has failed
    if ([...names].every((name) => whole.get(name))) this.require(true, "key-history");
  }

  // report says what was found, as far as the checks came.
  report(): Report {
    const failed = this.steps.filter((s) => !s.ok), asksNobody = this.policy.quorum === "none";
    const authentic = this.judged && failed.every((s) => onlyCompleteness.has(s.check));
    const complete = this.judged && failed.length === 0 && this.own && this.partly === "";
    const iat = this.root ? num(this.root.claims, "iat") : 0;
    const signedAt = asksNobody && this.asOf === 0 && iat <= this.asked.now + skew ? iat : 0, dated = this.asOf || signedAt;
    const stale = dated !== 0 && this.asked.now - dated > staleAfter;
    const [outcome, reason]: [Outcome, Reason] = failed.length > 0 || !authentic ? ["failed", ""] : !this.own ? ["partial", "extract"] :
      !complete ? ["partial", this.partly] : dated === 0 ? ["stale", "no-date"] : stale ? ["stale", "old"] : ["good", ""];
    const doubtful: Row[] = [], wrong = new Map<number, string>();
    for (const s of failed) if (s.at !== undefined && !onlyCompleteness.has(s.check) && !wrong.has(s.at)) wrong.set(s.at, s.check);
    const lists = this.rows.map((rows) => rows.map((row) => this.remarked(row, wrong)).filter((row) => row.check === "" || !doubtful.push(row)));
    const b = this.root && this.bundle, byName = (a: Cosigner, c: Cosigner): number => a.name < c.name ? -1 : 1;
    const audits = (c: Cosigner): boolean => inGroup(this.policy, c.name, "auditors");
    return {
      outcome, reason, steps: this.steps, authentic, complete, asksNobody, signedAt, stale, doubtful, asOf: this.asOf,
      audited: this.cosigners.filter(audits).sort(byName), witnessed: this.cosigners.filter((c) => !audits(c)).sort(byName),
      auditedEnough: this.auditedEnough, origin: this.head?.origin ?? "", size: Number(this.head?.size ?? 0n), below: this.root ? this.below : 0,
      own: lists[0] ?? [], everyone: b?.everyone ? lists[1] ?? [] : [], everyoneShown: b?.everyone ?? false,
      linked: lists.map((rows, i) => ({ id: b?.histories[i]?.id ?? "", rows })).filter((l) => l.id !== ""),
      organisations: new Map([...this.register?.organisations ?? []].map(([id, o]) => [id, o.name])),
    };
  }

  private remarked(row: Row, wrong: ReadonlyMap<number, string>): Row {
    const key = row.entry && this.register?.keys.get(row.entry.jws.kid), from = this.judged ? key?.suspectFrom : undefined;
    return { ...row, suspect: from !== undefined && row.shown.index >= from, check: row.shown.hidden ? "" : wrong.get(row.shown.index) ?? "" };
  }
}

export { Refused };
