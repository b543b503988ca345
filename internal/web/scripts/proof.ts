// The page that checks a proof: reads a file that somebody chose, or takes the list that they
// were just shown, and checks it here. When it is loaded it can send nothing any more, whatever
// the file holds.
import { take } from "../paper/handover.ts";
import { digestOf, readCode } from "../paper/policycode.ts";
import { checked, one, page, part, say, show } from "../paper/show.ts";
import { isCHI, modulus11 } from "../verifier/text.ts";
import { kindOf, Refused } from "../verifier/verify.ts";

const field = <E extends HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>(name: string): E =>
  page.querySelector<E>(`[name="${name}"]`)!;

// sealed takes from the page what it could send with.
function sealed(): void {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "default-src 'none'; style-src 'self'; img-src data:; form-action 'none'";
  document.head.append(policy);
}

// id returns the person's id as the ledger writes it, "" if none was given, or undefined if it cannot
// be one. What is no CHI or NHS number is taken as it is, such as temp:ORG:NUMBER.
function id(): string | undefined {
  const typed = field<HTMLInputElement>("number").value.trim();
  const number = typed.replace(/[\s -]/g, "");
  if (number === "" || /^temp:\S+$/.test(typed)) return typed;
  return /^\d{10}$/.test(number) ? `${field<HTMLSelectElement>("scheme").value}:${number}` : undefined;
}

// checkDigitRight says whether the number's own check holds. Other ids have none.
function checkDigitRight(id: string): boolean {
  const m = /^(chi|nhs):([0-9]{10})$/.exec(id);
  return m === null || (m[1] === "chi" ? isCHI(m[2]!) : modulus11(m[2]!));
}

// fault marks a field, says what is wrong, and goes there.
function fault(name: string, key: string, values: Record<string, string> = {}): void {
  const e = field(name);
  e.setAttribute("aria-invalid", "true");
  const text = page.querySelector<HTMLElement>(`[data-error="${name}"]`)!;
  text.textContent = say(key, values);
  text.hidden = false;
  one();
  e.closest("details")?.setAttribute("open", "");
  e.focus();
}

function clear(): void {
  for (const e of page.querySelectorAll<HTMLElement>("[data-error]")) e.hidden = true;
  for (const e of page.querySelectorAll("[aria-invalid]")) e.removeAttribute("aria-invalid");
  part("result").hidden = part("list").hidden = part("mistyped").hidden = part("doubt").hidden = true;
}

// handed is the list that the reader was just shown, unless they choose a file instead.
let handed: Uint8Array<ArrayBuffer> | undefined;

async function chosen(): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = field<HTMLInputElement>("file").files?.[0];
  return file === undefined ? handed : new Uint8Array(await file.arrayBuffer());
}

// check checks. sure is a number that its reader wrote twice, or looked at again.
async function check(sure = ""): Promise<void> {
  clear();
  const statement = await chosen();
  if (statement === undefined) return fault("file", "no-file");
  const format = kindOf(statement);
  if (format === undefined) return fault("file", "no-statement");
  const person = id();
  if (person === undefined) return fault("number", "no-number");
  if (format === "igledger-statement/1" && person === "") return fault("number", "number-needed");
  const [from, to] = [field<HTMLInputElement>("from").value, field<HTMLInputElement>("to").value];
  if ((from === "") !== (to === "") || from > to) return fault("from", "no-days");
  if (!checkDigitRight(person) && sure !== person) {
    part("doubt-number").textContent = person.slice(person.indexOf(":") + 1);
    part("doubt").hidden = false;
    one();
    return part("doubt").querySelector("h2")!.focus();
  }
  one("checking");
  const document = { id: format === "igledger-statement/1" ? person : "", period: from && `${from}..${to}`, statement };
  const policy = field("policy");
  try {
    const report = await checked(document, format, policy.value, (name, done, of) => {
      part("progress").textContent = say("progress", { check: say(`check-${name}`), done: String(done), of: String(of) });
    });
    // Another person's number is filed under another tag.
    const wrong = report.steps.some((s) => !s.ok && (s.check === "id" || s.check === "tag"));
    part("mistyped").hidden = !(report.outcome === "failed" && wrong && handed === undefined);
    await show(document, report, proposed(policy.value) ? "operator" : "own");
    one();
    (part("mistyped").hidden ? part("result") : part("mistyped")).querySelector<HTMLElement>("h2")!.focus();
  } catch (e) {
    if (e instanceof Refused) return fault("policy", "no-policy");
    fault("file", "no-statement");
    throw e;
  }
}

// proposed reports whether a policy is that of those who serve this page.
const proposed = (policy: string): boolean => policy.trim() === field<HTMLTextAreaElement>("policy").defaultValue.trim();

const origin = (): void => {
  const policy = field("policy").value;
  for (const e of page.querySelectorAll<HTMLElement>("[data-whose]")) {
    e.hidden = e.dataset["whose"] !== (policy.trim() === "" ? "none" : proposed(policy) ? "operator" : "own");
  }
};

// told takes a policy from its text or from what a code says. A code of a long policy says its
// digest: then the policy must be there already.
async function told(text: string): Promise<void> {
  clear();
  const code = readCode(text);
  part("same").hidden = true;
  if (code === undefined || "text" in code) {
    field("policy").value = code?.text ?? text;
  } else if ((await digestOf(field("policy").value)) === code.digest) {
    part("same").hidden = false;
  } else {
    fault("policy", "other-policy", { address: code.address });
  }
  origin();
}

interface Detector { detect(image: ImageBitmapSource): Promise<{ rawValue: string }[]> }
type Detectors = { new (options: { formats: string[] }): Detector; getSupportedFormats(): Promise<string[]> };

async function detectors(): Promise<Detectors | undefined> {
  const found = (globalThis as { BarcodeDetector?: Detectors }).BarcodeDetector;
  return (await found?.getSupportedFormats())?.includes("qr_code") ? found : undefined;
}

// codes offers to read a code from a picture, where the browser can.
async function codes(): Promise<void> {
  const Detectors = await detectors();
  if (Detectors === undefined) return;
  part("codes").hidden = false;
  part("no-codes").hidden = true;
  field("policy-code").addEventListener("change", async () => {
    const file = field<HTMLInputElement>("policy-code").files?.[0];
    if (file === undefined) return;
    try {
      const all = await new Detectors({ formats: ["qr_code"] }).detect(await createImageBitmap(file));
      const text = all.map((c) => c.rawValue).find((t) => readCode(t) !== undefined);
      if (text === undefined) return fault("policy-code", "no-code");
      await told(text);
    } catch {
      fault("policy-code", "no-code"); // no picture
    }
  });
}

page.querySelector("form")!.addEventListener("submit", (e) => {
  e.preventDefault();
  void check();
});
field("file").addEventListener("change", () => {
  handed = undefined;
  part("handed").hidden = true;
});
field("policy").addEventListener("input", () => {
  part("same").hidden = true;
  origin();
});
field("policy").addEventListener("change", () => {
  if (readCode(field("policy").value) !== undefined) {
    const code = field("policy").value;
    if ("digest" in readCode(code)!) field("policy").value = field<HTMLTextAreaElement>("policy").defaultValue;
    void told(code);
  }
});
field("policy-file").addEventListener("change", async () => {
  const file = field<HTMLInputElement>("policy-file").files?.[0];
  if (file !== undefined) await told(await file.text());
});
page.querySelector("[data-do=correct]")!.addEventListener("click", () => {
  clear();
  field("number").focus();
});
page.querySelector("[data-do=anyway]")!.addEventListener("click", () => void check(id()));
sealed();
origin();
await codes();
const list = await take();
part("form").hidden = false;
one();
if (list !== undefined) {
  handed = list.statement;
  field("scheme").value = list.id.startsWith("nhs:") ? "nhs" : "chi";
  field("number").value = list.id.replace(/^(chi|nhs):/, "");
  part("handed").hidden = false;
  await check();
}
