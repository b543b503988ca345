// The page of docs/BROWSER.md. Everything from the statement reaches the page through textContent: nothing in it is ever markup.
"use strict";

const $ = (id) => document.getElementById(id);
const pageRows = 500; // accesses shown at once: more at a time make a phone slow
const maxChecks = 500; // a hostile file can make one check fail a million times

let statement = null; // Uint8Array of the chosen file
let loaded = false;

// element makes an element with a class and children; strings become text.
function element(name, className, ...children) {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.append(...children.filter((c) => c !== null && c !== ""));
  return e;
}

// given wraps text from the file, so that its writing direction ends with it.
function given(text) {
  return text ? element("bdi", "given", text) : null;
}

function when(text) {
  const d = new Date(text);
  if (isNaN(d)) return given(text);
  const t = element("time", "", d.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }));
  t.dateTime = text;
  return t;
}

// ---- loading the checker

let program = null; // compiled once, so that it can be started again without the network

window.igverifyReady = () => {
  // From here on the page can load and send nothing at all, whatever the program or the statement holds.
  if (!$("sealed")) {
    const csp = element("meta");
    csp.id = "sealed";
    csp.httpEquiv = "Content-Security-Policy";
    csp.content = "connect-src 'none'; worker-src 'none'";
    document.head.append(csp);
  }
  loaded = true;
  $("check").disabled = false;
  $("state").textContent = "Ready. From now on this page cannot send anything.";
};

async function load() {
  try {
    const response = await fetch("igverify.wasm");
    if (!response.ok) throw new Error("not found");
    program = await WebAssembly.compile(await response.arrayBuffer());
    await start();
  } catch {
    $("state").textContent = "The checker could not be loaded. Load the page again, or use the program igverify.";
  }
}

async function start() {
  const go = new Go();
  go.run(await WebAssembly.instantiate(program, go.importObject)).catch(() => {}); // the call during which it ends notices
}

// verify returns a report even if a file exhausts the browser's stack or memory: the program has then ended, and is started again.
async function verify(bytes, policy, number, period) {
  try {
    const report = verifyStatement(bytes, policy, number, undefined, period);
    if (report) return report;
  } catch {
    // reported below
  }
  loaded = false;
  await start();
  return { kind: "", verdict: "unreadable", reason: "", hint: "", checks: [], entries: [], everyone: [], linked: [], doubtful: [], doubtfulTitle: "", hidden: 0, everyoneHidden: 0, authentic: false,
    problem: "The checker gave up. The file needs more memory than this browser has, or it was made to harm the program that reads it. Try the program igverify." };
}

// ---- what the reader gives

async function take(file) {
  if (!file) return;
  statement = null;
  $("report").hidden = true;
  try {
    statement = new Uint8Array(await file.arrayBuffer());
    $("file-name").replaceChildren("Chosen: ", given(file.name), ` (${file.size.toLocaleString("en-GB")} bytes)`);
  } catch {
    $("file-name").textContent = "The file could not be read.";
  }
}

// id returns the number as the ledger writes it. People write CHI and NHS numbers with spaces.
function id() {
  const scheme = $("scheme").value, typed = $("number").value.trim();
  if (scheme === "" || typed === "") return typed;
  return scheme + typed.replace(/[\s-]/g, "").replace(/^(chi|nhs):/i, "");
}

// period returns the days that the reader asked for, or "" for everything.
function period() {
  const from = $("from").value.trim(), to = $("to").value.trim();
  return from === "" && to === "" ? "" : `${from}..${to}`;
}

$("file").addEventListener("change", () => take($("file").files[0]));
$("policy-file").addEventListener("change", async () => {
  const file = $("policy-file").files[0];
  if (file) $("policy").value = await file.text();
});

// A file dropped beside the field must not replace the page.
for (const type of ["dragover", "drop"]) window.addEventListener(type, (e) => e.preventDefault());
$("drop").addEventListener("dragover", () => $("drop").classList.add("over"));
$("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
$("drop").addEventListener("drop", (e) => {
  $("drop").classList.remove("over");
  take(e.dataTransfer.files[0]);
});

$("form").addEventListener("submit", (e) => {
  e.preventDefault();
  if (!loaded) return;
  if (!statement) {
    $("state").textContent = "First choose the statement's file.";
    $("file").focus();
    return;
  }
  $("state").textContent = "Checking…";
  $("check").disabled = true;
  setTimeout(async () => { // after the browser has shown the line above: a check of a thousand accesses takes a second
    const report = await verify(statement, $("policy").value, id(), period());
    $("check").disabled = !loaded;
    $("state").textContent = "Checked on this device.";
    show(report);
  }, 50);
});

$("print").addEventListener("click", () => window.print());

// ---- the report

const headlines = {
  complete: (r) => r.operatorAlone ? "✓ The list is genuine. That it is complete is the operator's word alone." : "✓ The list is genuine and complete.",
  stale: () => "! The list is genuine and complete, but old.",
  incomplete: (r) => r.kind === "extract" ? "✓ What is shown is genuine. An extract does not show what else there is." : "! What is shown is genuine, but it is only a part of what you asked for.",
  refused: () => "✗ Do not rely on this file: a check failed.",
  unreadable: () => "✗ Nothing could be checked.",
};

function summary(r) {
  const failed = r.checks.filter((c) => c.status === "failed");
  if (r.problem) return r.problem;
  if (failed.length > 0) {
    const f = failed[0];
    const others = failed.length - 1;
    return `${f.title}${f.entry === null ? "" : ` (entry ${f.entry})`}: this check failed. ${capital(f.meaning)}.` + (others > 0 ? ` ${others} other ${others === 1 ? "check" : "checks"} also failed.` : "");
  }
  if (r.verdict === "incomplete") return capital(r.reason) + ".";
  if (r.verdict === "complete" || r.verdict === "stale") {
    const n = r.entries.filter((e) => !e.newer).length;
    const newer = r.entries.length - n;
    const count = n === 0 ? "No access to this record is" : n === 1 ? "1 entry about this record is" : `${n} entries about this record are`;
    return `${count} in the ledger ${r.scope === "period" ? `for the days ${r.period.replace("..", " to ")}` : `among its first ${r.completeAsOf} entries`}.` +
      (r.verdict === "stale" ? ` ${capital(r.reason)}.` : "") +
      (newer > 0 ? ` ${newer} newer ${newer === 1 ? "entry is" : "entries are"} also shown.` : "");
  }
  return "";
}

const capital = (s = "") => s.charAt(0).toUpperCase() + s.slice(1);
const names = (list) => list.map((w) => `${w.name}, ${new Date(w.at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}`).join("; ");

// findings returns the four questions with tone, answer and detail.
function findings(r) {
  const backed = r.auditedBy.length > 0 && r.witnessedBy.length > 0;
  const fresh = { fresh: ["good", "Yes"], stale: ["warn", "No: it is old"], unknown: ["warn", "Not known"] }[r.fresh];
  return [
    ["Is it genuine?", r.authentic ? "good" : "bad", r.authentic ? "Yes" : "Not shown", r.says.authentic],
    ["Is it complete?", r.complete ? (r.operatorAlone ? "warn" : "good") : "bad", r.complete ? (r.operatorAlone ? "The operator says so" : "Yes") : "Not shown", r.says.complete],
    ["Who confirms it?", backed ? "good" : "warn", backed ? "Auditors and witnesses" : r.auditedBy.length + r.witnessedBy.length > 0 ? "Some of those you name" : "Only the operator",
      `Auditors: ${names(r.auditedBy) || "none that you name"}. Witnesses: ${names(r.witnessedBy) || "none that you name, so other people may be shown another ledger"}.`],
    ["Is it recent?", ...fresh, r.says.fresh],
  ];
}

const statuses = { ok: "✓ Passed", failed: "✗ Failed", skipped: "– Not made" };

function show(r) {
  // Green only if others than the operator confirm it.
  $("banner").className = "banner " + (r.verdict === "complete" && r.operatorAlone ? "stale" : r.verdict);
  $("headline").textContent = headlines[r.verdict](r);
  $("summary").textContent = summary(r);
  $("hint").hidden = !r.hint;
  $("hint").textContent = r.hint;
  $("made").textContent = `Checked on ${new Date().toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })} for the number that was entered. This report does not repeat the number.`;

  const readable = r.verdict !== "unreadable";
  $("findings").hidden = !readable;
  $("findings").replaceChildren(...(readable ? findings(r) : []).map(([question, tone, answer, detail]) =>
    element("div", tone, element("dt", "", question), element("dd", "answer", answer), element("dd", "detail", capital(detail.replace(/^(yes|no)(:|,) /i, ""))))));

  $("list-title").hidden = $("list-note").hidden = $("list").hidden = !readable;
  $("list-title").textContent = r.authentic && r.verdict !== "refused" ? "Who looked at the record" : "What the file shows (NOT verified)";
  $("list").className = r.authentic ? "" : "unproved";
  $("everyone-title").hidden = $("everyone-note").hidden = !readable || r.everyone.length + r.everyoneHidden === 0;
  $("everyone").className = $("linked").className = r.authentic ? "" : "unproved";
  $("doubtful-title").hidden = r.doubtful.length === 0;
  $("doubtful-title").textContent = capital(r.doubtfulTitle);
  tables(r);

  $("checks-note").textContent = !readable ? "No checks were made." :
    `${r.checks.filter((c) => c.status === "ok").length} passed, ${r.checks.filter((c) => c.status === "failed").length} failed, ${r.checks.filter((c) => c.status === "skipped").length} not made. Ledger ${r.origin || "not known"}, ${r.size} entries.` +
    (r.checks.length > maxChecks ? ` The first ${maxChecks} are listed.` : "");
  $("checks").replaceChildren(...r.checks.slice(0, maxChecks).map((c) => {
    const li = element("li", c.status,
      element("span", "status", statuses[c.status]), element("div", "name", c.title + (c.entry === null ? "" : `, entry ${c.entry}`)),
      c.note ? element("div", "detail", given(c.note)) : null,
      c.status === "failed" ? element("div", "detail", "Expected: ", given(c.expected), ". Found: ", given(c.found), ".") : null,
      c.meaning ? element("div", "detail", "What it means: ", given(c.meaning), ".") : null);
    li.dataset.check = c.name;
    return li;
  }));
  $("report").hidden = false;
  $("headline").focus();
}

// table shows entries, newest first, in list, with a button for more.
function table(entries, list, button) {
  const newest = [...entries].reverse();
  list.replaceChildren();
  button.hidden = true;
  if (newest.length === 0) return () => {};
  const body = element("tbody", "");
  const head = element("tr", "", ...["When", "Who", "What", "Why"].map((name) => {
    const th = element("th", "", name);
    th.scope = "col";
    return th;
  }));
  list.append(element("table", "", element("colgroup", "", element("col", "col-when"), element("col", "col-who"), element("col", "col-what"), element("col", "")),
    element("thead", "", head), body));
  let shown = 0;
  const more = (to) => {
    body.append(...newest.slice(shown, to).map(row));
    shown = Math.min(to, newest.length);
    button.hidden = shown === newest.length;
    button.textContent = `Show ${Math.min(pageRows, newest.length - shown)} more of ${newest.length}`;
  };
  more(pageRows);
  button.onclick = () => more(shown + pageRows);
  return () => more(newest.length);
}

const outside = (n) => n > 0 ? ` ${n} ${n === 1 ? "access" : "accesses"} outside the period ${n === 1 ? "exists and is" : "exist and are"} not shown.` : "";

function tables(r) {
  $("list-note").textContent = (r.entries.length === 0 ? "The file shows no access." : "Newest first. Times, reasons and roles are as each organisation stated and signed them. Times are shown in your device's time zone.") + outside(r.hidden);
  $("everyone-note").textContent = "These were reads of everyone's data at once, so also of yours. This list does not show names, because everyone receives it." + outside(r.everyoneHidden);
  const all = [table(r.entries, $("list"), $("more")), table(r.everyone, $("everyone"), $("everyone-more")), ...linked(r),
    table(r.doubtful ?? [], $("doubtful"), $("doubtful-more"))];
  window.onbeforeprint = () => all.forEach((showAll) => showAll()); // a printed list must not look complete if it is not
}

// linked shows what is on record under each other number of the same person, under a heading of its own.
function linked(r) {
  $("linked").replaceChildren();
  return r.linked.map((l) => {
    const list = element("div", ""), more = element("button", "quiet");
    more.type = "button";
    $("linked").append(element("h3", "", "Under the number ", given(l.id)),
      element("p", "help", `Entry ${l.link} states that this number belongs to the same person.` + (l.entries.length === 0 ? " The file shows no access under it." : "") + outside(l.hidden) +
        (l.oneSided ? " No link back is shown: a statement of that number would not show the accesses above." : "") + " Further numbers that it is linked with are not shown here: each has its own statement."),
      list, element("p", "", more));
    return table(l.entries, list, more);
  });
}

function row(e) {
  const cell = (label, ...lines) => {
    const td = element("td", "", ...lines.filter((l) => l !== null));
    td.dataset.label = label;
    return td;
  };
  const line = (...parts) => element("div", "", ...parts);
  const minor = (label, text) => text ? element("div", "minor", label, given(text)) : null;
  const tag = (on, text) => on ? line(element("span", "tag", text)) : null;
  return element("tr", "",
    cell("When", line(e.when ? when(e.when) : e.what), e.until ? element("div", "minor", "until ", when(e.until)) : null, minor("entry ", String(e.entry)),
      tag(e.newer, "not covered by the proof")),
    cell("Who", line(given(e.who)), minor("", [e.person, e.role].filter(Boolean).join(", ")), minor("through ", e.system), tag(e.machine, e.nature),
      e.reportedBy === e.who ? null : minor("reported by ", e.reportedBy)),
    cell("What", line(given(capital(e.what))), minor("", e.result)),
    cell("Why", line(given(e.why)), tag(e.emergency, e.override), minor("justification: ", e.justification), minor("agreement: ", e.agreement),
      ...e.remarks.map((text) => minor("", text))));
}

load();
