// The checks of a statement or extract, in order, without network or storage: docs/FORMATS.md,
// section 12. Verdicts are not computed again, and times are what organisations claim.
import { leavesOf, readBundle, type Bundle, type Format, type History, type PublicLeaf, type Shown } from "./bundle.ts";
import { must, refusal, refuse, Refused, same } from "./bytes.ts";
import { readCountersignature, readPublic, readShown, signedWith, type Entry, type EntryOf } from "./entry.ts";
import { checkTag } from "./keys.ts";
import { attested, cosignatures, defined, inGroup, met, readCheckpoint, readPolicy, type Checkpoint, type Policy } from "./note.ts";
import { Register } from "./register.ts";
import { day, isID } from "./text.ts";
import { indexRoot, multiRoot, type Step as Place } from "./tree.ts";
export { Refused };

// Asked is what the reader brings: nothing of it comes from the file.
export interface Asked {
  readonly policy: string; // tlog-policy, or a log's verifier key alone
  readonly id: string; // may be "" of an extract
  readonly days?: string; // "2026-03-01..2026-03-31"; "": the whole history
  readonly now: number; // seconds since 1970
}

// A Step is one check, by its name in FORMATS.md: of which entry, and with which code it failed.
export interface Step { readonly check: string; readonly ok: boolean; readonly at?: number | undefined; readonly code?: string | undefined }
// A Row is an entry that was shown; newer: not covered by the index; check: what failed of it.
export interface Row { readonly shown: Shown; readonly entry: Entry | undefined; readonly newer: boolean; readonly check: string }
// A Report is what a reader learns. Only the ids of linked histories are personal numbers in it.
export type Report = ReturnType<Walk["report"]>;
const staleAfter = 48 * 60 * 60, skew = 5 * 60, everyoneID = "reg:everyone"; // times in seconds
// onlyCompleteness are the checks that can fail although everything shown is true.
const onlyCompleteness = new Set(["scope", "period", "history", "everyone", "linked", "anchor", "index-lag", "covered", "auditor-quorum"]);

// byCode are the checks that a code names, whichever step refuses with it.
const byCode: Readonly<Record<string, string>> = {
  "wrong-audience": "audience", "bad-signature": "signature", "unknown-algorithm": "signature", "unknown-key": "key-status",
  "inactive-key": "key-status", "revoked-key": "key-status", "wrong-issuer": "authority", "wrong-purpose": "authority",
  "unknown-organisation": "authority", "not-countersigned": "register", "register-conflict": "register", "bad-genesis": "genesis",
  "personal-data": "entry-form", "bad-leaf": "leaf-form", "bad-id": "disclosures", "bad-disclosure": "disclosures",
  "unreferenced-digest": "disclosures", "duplicate-disclosure": "disclosures", "bad-proof": "inclusion", "bad-index-root": "index-root",
  "bad-statement": "statement-form",
};

// kindOf returns the format of a file, as its first member states it, or undefined.
export function kindOf(file: Uint8Array): Format | undefined {
  const m = /^\s*\{\s*"format"\s*:\s*"(igledger-(?:statement|extract)\/1)"/.exec(new TextDecoder().decode(file.subarray(0, 256)));
  return m?.[1] as Format | undefined;
}

// verify makes all checks. It throws a Refused with the code bad-policy if the policy is not one.
export function verify(file: Uint8Array, format: Format, asked: Asked): Report {
  const all = steps(file, format, asked);
  for (let next = all.next(); ; next = all.next()) if (next.done) return next.value;
}

type Progress<R = void> = Generator<{ readonly check: string; readonly done: number; readonly of: number }, R>;

// steps does the same, and stops now and then, so that its caller can show how far it is.
export function* steps(file: Uint8Array, format: Format, asked: Asked): Progress<Report> {
  const w = new Walk(asked, format);
  yield* w.all(file);
  return w.report();
}

// readHead judges a checkpoint alone, of the only log that the policy has, or of the one that its first line names.
export function readHead(note: Uint8Array, asked: Asked): Report {
  const w = new Walk(asked, "igledger-extract/1"), text = new TextDecoder().decode(note), [first, ...others] = w.policy.logs;
  w.openHead(text, others.every((k) => k.name === first!.name) ? first!.name : text.split("\n")[0]!);
  return w.report();
}

type IndexRoot = EntryOf<"index-root">;
function readRoot({ raw }: PublicLeaf, code = "bad-index-root"): IndexRoot {
  const e = readPublic(raw);
  return e.type === "index-root" ? e : refuse(code);
}

// linksOf returns the ids that entries below M link with the subject, and the entry that does.
function linksOf(rows: readonly Row[]): Map<string, number> {
  const links = new Map<string, number>();
  for (const { entry, newer, shown } of rows) {
    if (entry?.type !== "link" || newer || entry.shown.other === undefined) continue;
    links.delete(entry.shown.other);
    if (entry.claims.act === "linked") links.set(entry.shown.other, shown.index);
  }
  return links;
}

interface Signed { readonly index: number; readonly entry: Entry; readonly open: boolean } // open: a public entry of a chain

class Walk {
  readonly policy: Policy;
  private readonly made = new Set<string>(); // names of checks
  private readonly failed: Step[] = [];
  private readonly rows: Row[][] = [];
  private readonly acts = new Set<string>(); // (iss, jti) of the entries read
  private readonly signed: Signed[] = [];
  private bundle!: Bundle;
  private head: Checkpoint | undefined;
  private root: IndexRoot["claims"] | undefined;
  private register: Register | undefined;
  private cosigned: ReadonlyMap<string, number> = new Map();
  private asOf = 0;
  private covered = true; // what was asked
  private judged = false;

  constructor(private readonly asked: Asked, private readonly format: Format) { this.policy = readPolicy(asked.policy); }

  private require(ok: boolean, check: string, at?: number, code?: string): boolean {
    this.made.add(check);
    if (!ok) this.failed.push({ check, ok, at, code });
    return ok;
  }

  // check returns what f returns, or undefined if it refuses. The code of the refusal may name it.
  private check<T>(check: string, f: () => T, at?: number): T | undefined {
    let v: T | undefined;
    const code = refusal(() => { v = f(); });
    this.require(code === "", byCode[code] ?? check, at, code);
    return v;
  }

  private get own(): boolean { return this.format === "igledger-statement/1"; }
  private get below(): number { return this.root?.size ?? 0; } // M

  * all(file: Uint8Array): Progress {
    const b = this.check("statement-form", () => readBundle(file, this.format));
    if (b === undefined) return;
    this.bundle = b;
    const { from, to } = b.period?.days ?? {}, days = from === undefined ? "" : `${from}..${to}`;
    const scope = days === (this.asked.days ?? "") && (days === "") === (b.period === undefined);
    if (this.own) this.require(scope, "scope");
    if (!this.openHead(b.checkpoint, b.origin)) return;
    this.check("inclusion", () => must(same(multiRoot(leavesOf(b), this.head!.size, b.nodes), this.head!.root), "bad-proof"));
    this.register = this.check("genesis", () => new Register(readPublic(b.genesis.raw), b.origin, this.policy.logs), 0);
    if (this.register === undefined || this.own && !this.checkTags() || !this.checkIndexRoot()) return;
    const of = b.histories.reduce((n, h) => n + h.entries.length + h.newer.length, b.chosen.length);
    let links = new Map<string, number>();
    for (const [i, h] of (this.own ? b.histories : [undefined]).entries()) {
      if (h?.id) this.require(links.has(h.id), "linked");
      for (const e of h?.entries ?? []) this.require(e.index < this.below, "covered", e.index);
      for (const e of h?.newer ?? []) this.require(e.index >= this.below, "covered", e.index);
      if (h) this.require(this.leads(h.tag, h.entries, h.proof), "history");
      this.rows.push([]);
      for (const [done, e] of (h === undefined ? b.chosen : [...h.entries, ...h.newer]).entries()) {
        if (done % 100 === 0) yield { check: "entry-form", done, of };
        this.readEntry(e, h?.id || (i === 1 && b.everyone ? everyoneID : this.asked.id));
      }
      if (this.own && i === 0) links = linksOf(this.rows[0]!);
    }
    for (const [id, at] of links) this.require(b.histories.some((h) => h.id === id), "linked", at);
    const whole = this.checkChains();
    if (b.period !== undefined && scope) this.checkPeriod(b.period);
    yield* this.judge(whole);
  }

  // openHead opens the checkpoint under the policy.
  openHead(checkpoint: string, origin: string): boolean {
    const p = this.policy, keys = p.logs.filter((k) => k.name === origin);
    if (!this.require(keys.length > 0, "origin")) return false;
    this.head = this.check("checkpoint-signature", () => readCheckpoint(checkpoint, keys));
    if (this.head === undefined) return false;
    const { times, allTrue } = cosignatures(p, this.head, this.asked.now), cosigned = (m: string): boolean => times.has(m);
    this.require(allTrue, "cosignature");
    this.cosigned = times;
    this.asOf = attested(p, times);
    const lacking = met(p, p.quorum, cosigned) ? [] : ["witnesses", "auditors"].filter((g) => defined(p, g) && !met(p, g, cosigned));
    for (const g of lacking) this.require(false, g === "auditors" ? "auditor-quorum" : "witness-quorum");
    this.require(met(p, p.quorum, (m) => cosigned(m) || lacking.some((g) => inGroup(p, m, g))), "quorum");
    return true;
  }

  // checkTags checks under whom the histories are filed.
  private checkTags(): boolean {
    const { everyone, histories, origin } = this.bundle, id = this.asked.id;
    const filed = (check: string, h: History, of: string): boolean =>
      this.check(check, () => checkTag(this.register!.genesis.vrfKey, origin, of, h.tag, h.vrfProof)) ?? false;
    if (!this.require(isID(id), "id") || !filed("tag", histories[0]!, id)) return false;
    if (everyone) filed("everyone", histories[1]!, everyoneID);
    this.require(everyone !== (id === everyoneID), "everyone");
    for (const h of histories) if (h.id !== "") filed("linked", h, h.id);
    return true;
  }

  private checkIndexRoot(): boolean {
    const l = this.bundle.indexRoot, size = this.head!.size, lag = BigInt(this.register!.genesis.indexLag);
    const inside = (c: IndexRoot["claims"]): boolean => c.size <= l.index && BigInt(l.index) < size;
    this.root = this.check("index-root", () => [readRoot(l).claims].find(inside) ?? refuse("bad-index-root"), l.index);
    if (this.root === undefined) return false;
    this.require(BigInt(l.index) + 1n === size, "anchor", l.index);
    this.require(size - BigInt(this.below) <= lag, "index-lag", l.index);
    return true;
  }

  // leads says whether the index has exactly these entries.
  private leads(of: Uint8Array | string, places: readonly Place[], proof: History["proof"]): boolean {
    return refusal(() => must(same(indexRoot(of, places, proof), this.root!.root), "bad-index-proof")) === "";
  }

  // readEntry reads what was opened, which has to be about id, unless it is "".
  private readEntry(shown: Shown, id: string): void {
    const { index, jws, hidden } = shown, read = (): Entry => readShown(jws, shown.disclosures);
    const entry = hidden ? undefined : this.check("entry-form", read, index);
    if (entry !== undefined) {
      const act = `${entry.claims.iss} ${entry.claims.jti}`;
      if (id !== "") this.require(entry.sub === id, "subject", index);
      this.require(!this.acts.has(act), "duplicate", index);
      this.acts.add(act);
      this.signed.push({ index, entry, open: false });
    }
    this.rows.at(-1)!.push({ shown, entry, newer: index >= this.below, check: "" });
  }

  // checkChains checks the histories of public names. It returns the names of those that are shown.
  private checkChains(): Set<string> {
    for (const c of this.bundle.chains) {
      if (!this.require(this.leads(c.name, c.leaves, c.proof), "key-history")) continue;
      for (const { index, raw } of c.leaves) {
        const entry = this.check("entry-form", () => readPublic(raw), index), here = index < this.below && entry?.history === c.name;
        if (entry !== undefined && this.require(here, "key-history", index)) this.signed.push({ index, entry, open: true });
      }
    }
    return new Set(this.bundle.chains.map((c) => c.name));
  }

  // checkPeriod checks that the index roots around the days say which positions the period has, and whether the index covers it.
  private checkPeriod(p: NonNullable<Bundle["period"]>): void {
    const start = day(p.days!.from)!, end = day(p.days!.to)! + 86400, size = this.head!.size, own = this.bundle.indexRoot.index;
    const before = p.before && this.readBound(p.before, (signed) => signed < start);
    const after = p.after && this.readBound(p.after, (signed) => signed >= end);
    if (p.before && !before || p.after && !after) return;
    const places = p.from === (before?.size ?? 0) && (p.after ? p.to === p.after.index : BigInt(p.to) >= size);
    if (!this.require(places, "period")) return;
    this.covered = p.after ? p.to <= this.below : this.below === own && size === BigInt(own) + 1n && this.asOf >= end;
  }

  // readBound reads an index root beside the period, which has to be signed on the right side of it.
  private readBound(l: PublicLeaf, outside: (signed: number) => boolean): IndexRoot["claims"] | undefined {
    const entry = this.check("period", () => readRoot(l, "bad-period"), l.index), root = this.root!, own = this.bundle.indexRoot.index;
    if (entry === undefined) return undefined;
    const { iat, size } = entry.claims, inOrder = (x: number, y: number): boolean => l.index < own ? x <= y : x >= y;
    if (![0, own, ...this.signed.map((s) => s.index)].includes(l.index)) this.signed.push({ index: l.index, entry, open: false });
    const dated = outside(iat) && (this.asOf === 0 || iat <= this.asOf + skew);
    return this.require(inOrder(iat, root.iat) && inOrder(size, root.size) && dated, "period", l.index) ? entry.claims : undefined;
  }

  // judge judges all signatures in order of index, then whether their histories are shown.
  private * judge(shown: ReadonlySet<string>): Progress {
    const register = this.register!, needed = new Set<string>(), own = readRoot(this.bundle.indexRoot);
    const all = [...this.signed, { index: this.bundle.indexRoot.index, entry: own, open: false }].sort((a, b) => a.index - b.index);
    for (const [i, { index, entry, open }] of all.entries()) {
      if (i % 50 === 0) yield { check: "signature", done: i, of: all.length };
      if (open && !this.require(index !== (all[i - 1]?.index ?? 0), "key-history", index)) continue; // in two histories
      // A newer entry by a key that is not shown: an honest ledger shows it once it can prove it.
      const late = index >= this.below && entry.history === "" && !register.keys.has(entry.jws.kid), counter = signedWith(entry);
      this.check("signature", () => register.add(entry, index), index);
      if (!late) needed.add(entry.jws.kid);
      if (counter !== "") needed.add(readCountersignature(counter).jws.kid);
    }
    this.judged = true;
    const whole = (kid: string, org = register.keys.get(kid)?.organisation): boolean =>
      shown.has(`key:${kid}`) && (org === undefined || shown.has(`org:${org}`));
    this.require([...needed].every((kid) => whole(kid)), "key-history");
  }

  // report says what was found, as far as the checks came.
  report() {
    const { failed, policy, asOf } = this, { now } = this.asked, asksNobody = policy.quorum === "none", names = failed.map((s) => s.check);
    const authentic = this.judged && names.every((check) => onlyCompleteness.has(check));
    const complete = this.judged && failed.length === 0 && this.own && this.covered;
    const iat = this.root?.iat ?? 0, signedAt = asksNobody && asOf === 0 && iat <= now + skew ? iat : 0, dated = asOf || signedAt;
    const stale = dated !== 0 && now - dated > staleAfter;
    const outcome = failed.length > 0 || !authentic ? "failed" : !complete ? "partial" : dated === 0 || stale ? "stale" : "good";
    const doubtful: Row[] = [], wrong = new Map<number | undefined, string>();
    for (const s of failed) if (!onlyCompleteness.has(s.check) && !wrong.has(s.at)) wrong.set(s.at, s.check);
    const lists = this.rows.map((rows) => rows.filter((row) => {
      const check = row.shown.hidden ? undefined : wrong.get(row.shown.index);
      return check === undefined || !doubtful.push({ ...row, check });
    }));
    const cosigners = [...this.cosigned].map(([name, at]) => ({ name, at, audits: inGroup(policy, name, "auditors") }))
      .sort((a, b) => a.name < b.name ? -1 : 1);
    return {
      outcome,
      steps: [...failed, ...[...this.made].filter((check) => !names.includes(check)).map((check): Step => ({ check, ok: true }))],
      authentic, complete, // all that is shown is true; nothing is missing below `below`, within what was asked
      audited: cosigners.filter((c) => c.audits), witnessed: cosigners.filter((c) => !c.audits),
      auditedEnough: defined(policy, "auditors") && met(policy, "auditors", (m) => this.cosigned.has(m)), asksNobody,
      asOf, signedAt, stale, // when cosigners saw it; the operator's own date, if nobody was asked; seconds since 1970, 0: not known
      size: Number(this.head?.size ?? 0n), below: this.below, // N and M
      own: lists[0] ?? [], everyone: (this.bundle?.everyone ? lists[1] : undefined) ?? [],
      linked: lists.map((rows, i) => ({ id: this.bundle.histories[i]?.id ?? "", rows })).filter((l) => l.id !== ""),
      doubtful, // not what they claim, and in no other list
      organisations: new Map([...this.register?.organisations ?? []].map(([id, o]) => [id, o.name])), // names by id
    };
  }
}
