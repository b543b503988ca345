// What the pages that check a proof show of it: the result in words, the checks and the list.
import type { Document } from "./sealed.ts";
import { tell } from "./tell.ts";
import { wordsOf } from "./words.ts";
import { steps } from "../verifier/verify.ts";
import type { Format } from "../verifier/bundle.ts";
import type { Report, Row } from "../verifier/verify.ts";

export const page = document.querySelector<HTMLElement>("[data-paper]")!;
export const part = <E extends HTMLElement>(name: string): E => page.querySelector<E>(`[data-${name}]`)!;

export function one(...names: string[]): void {
  for (const e of page.querySelectorAll<HTMLElement>("[data-when]")) e.hidden = !names.includes(e.dataset["when"]!);
}

export function say(key: string, values: Record<string, string> = {}): string {
  const text = page.querySelector(`[data-word="${key}"]`)?.textContent ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name: string) => values[name] ?? all);
}

function element(name: string, text: string, ...classes: string[]): HTMLElement {
  const e = document.createElement(name);
  e.textContent = text;
  e.classList.add(...classes);
  return e;
}

const language = document.documentElement.lang;

const moment = (seconds: number | Date): string =>
  new Date(typeof seconds === "number" ? seconds * 1000 : seconds)
    .toLocaleString(language === "en" ? "en-GB" : language,
      { dateStyle: "long", timeStyle: "short", timeZone: "Europe/London" });

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

// checked makes all checks, says which, and lets the browser draw in between.
export async function checked(d: Document, format: Format, policy: string, progress: (check: string, done: number, of: number) => void): Promise<Report> {
  const all = steps(d.statement, format, { policy, id: d.id, days: d.period, now: Math.floor(Date.now() / 1000) });
  for (let next = all.next(); ; next = all.next()) {
    if (next.done) return next.value;
    progress(next.value.check, next.value.done, next.value.of);
    await new Promise((resume) => setTimeout(resume));
  }
}

function facts(list: readonly (readonly [string, string])[]): void {
  part("facts").replaceChildren(...list.map(([key, value]) => {
    const item = element("div", "", "ds_summary-list__item");
    item.append(element("dt", key, "ds_summary-list__key"), element("dd", value, "ds_summary-list__value"));
    return item;
  }));
}

function rows(of: readonly Row[], r: Report): HTMLElement[] {
  return of.map((row) => {
    const li = element("li", "", "paper-row");
    const add = (cell: string, ...lines: string[]): void => {
      const p = element("p", "", `paper-row__${cell}`);
      for (const [n, line] of lines.filter((l) => l !== "").entries()) p.append(...(n > 0 ? [document.createElement("br")] : []), line);
      li.append(p);
    };
    const position = say("entry", { n: String(row.shown.index) });
    if (row.entry === undefined) {
      add("when", position);
      add("who", row.shown.hidden ? say("hidden") : say("unread"));
      return li;
    }
    const t = tell(language, row.entry, row.shown.verdict?.result ?? "");
    const marked = t.verdict === "not-covered" || t.verdict === "break-glass" || row.check !== "";
    if (marked) li.classList.add("paper-row--marked");
    add("when", t.when ? moment(t.when) : say("unknown"), position, row.newer ? say("newer") : "");
    add("who", r.organisations.get(t.organisation) ?? (t.organisation || say("unknown")), t.who);
    add("what", sentence(t.what), sentence(t.why), sentence(t.result), row.check === ""
      ? "" : `${say("doubtful")} ${say(`check-${row.check}`)}`);
    add("covered", say(`verdict-${t.verdict || "none"}`));
    return li;
  });
}

// newestFirst orders by when it happened, as it is claimed, and then by the position.
function newestFirst(list: readonly Row[]): Row[] {
  const at = (r: Row): number => (r.entry && tell(language, r.entry, "").when?.getTime()) ?? 0;
  return [...list].sort((a, b) => at(b) - at(a) || b.shown.index - a.shown.index);
}

// kinds returns each check that was made, in the order in which it first was, how often, and how
// often it failed.
function kinds(r: Report): [string, number, number][] {
  const all = new Map<string, [string, number, number]>();
  for (const s of r.steps) {
    const k = all.get(s.check) ?? [s.check, 0, 0];
    k[1]++;
    if (!s.ok) k[2]++;
    all.set(s.check, k);
  }
  return [...all.values()];
}

// show shows a report. whose is the policy under which it was made.
export async function show(d: Document, r: Report, whose: "operator" | "own"): Promise<void> {
  const outcome = r.outcome !== "good" ? r.outcome : r.auditedEnough && !r.asksNobody ? "good" : "alone";
  for (const e of page.querySelectorAll<HTMLElement>("[data-outcome]")) e.hidden = e.dataset["outcome"] !== outcome;
  part("words").replaceChildren(...(await wordsOf(d.statement)).map((w) => element("li", w)));
  const names = (list: Report["audited"]): string => list.map((c) => c.name).join(", ") || say("nobody");
  const at = r.asOf || r.signedAt;
  facts([
    ...(d.id === "" ? [] : [[say("id"), d.id.slice(d.id.indexOf(":") + 1)] as const]),
    [say("days"), d.period.replace("..", " – ") || say("whole")],
    [say("policy"), say(`policy-${whose}`)],
    [say("auditors"), names(r.audited)],
    [say("witnesses"), names(r.witnessed)],
    [say("as-of"), at === 0 ? say("unknown") : moment(at)],
    [say("size"), String(r.size)],
  ]);
  const failed = r.steps.filter((s) => !s.ok);
  part("steps").replaceChildren(...kinds(r).map(([check, n, bad]) =>
    element("li", say(bad > 0 ? "step-failed" : "step", { check: say(`check-${check}`), n: String(n), failed: String(bad) }))));
  part("checks").textContent = say("checks", { n: String(r.steps.length), failed: String(failed.length) });
  part("failed").replaceChildren(...failed.slice(0, 50).map((s) =>
    element("li", [say(`check-${s.check}`), s.code ?? "", s.at === undefined ? "" : say("entry", { n: String(s.at) })].filter((t) => t !== "").join(", "))));
  const own = newestFirst([...r.own, ...r.linked.flatMap((l) => l.rows), ...r.doubtful]);
  part("count").textContent = say("count", { n: String(own.length) });
  part("rows").replaceChildren(...rows(own, r));
  part("everyone").hidden = r.everyone.length === 0;
  part("everyone-rows").replaceChildren(...rows(newestFirst(r.everyone), r));
  page.querySelector<HTMLElement>("[data-do=save]")!.onclick = () => { // of this list, not of one before it
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([d.statement], { type: "application/json" }));
    link.download = "statement.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  part("result").hidden = part("list").hidden = false;
  document.querySelector("[data-before]")?.setAttribute("hidden", ""); // the result says that now
  one();
}

