// The page that checks a proof: reads a file that somebody chose, and checks it here. When it is loaded
// it can send nothing any more, whatever the file holds.
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
function fault(name: string, key: string): void {
  const e = field(name);
  e.setAttribute("aria-invalid", "true");
  const text = page.querySelector<HTMLElement>(`[data-error="${name}"]`)!;
  text.textContent = say(key);
  text.hidden = false;
  one();
  e.focus();
}

function clear(): void {
  for (const e of page.querySelectorAll<HTMLElement>("[data-error]")) e.hidden = true;
  for (const e of page.querySelectorAll("[aria-invalid]")) e.removeAttribute("aria-invalid");
  part("result").hidden = part("list").hidden = part("mistyped").hidden = true;
}

async function check(): Promise<void> {
  clear();
  const file = field<HTMLInputElement>("file").files?.[0];
  if (file === undefined) return fault("file", "no-file");
  const person = id();
  if (person === undefined) return fault("number", "no-number");
  one("checking");
  const statement = new Uint8Array(await file.arrayBuffer());
  const format = kindOf(statement);
  if (format === undefined) return fault("file", "no-statement");
  if (format === "igledger-statement/1" && person === "") return fault("number", "number-needed");
  const [from, to] = [field<HTMLInputElement>("from").value, field<HTMLInputElement>("to").value];
  const document = { id: format === "igledger-statement/1" ? person : "", period: from && to ? `${from}..${to}` : "", statement };
  try {
    const report = await checked(document, format, field("policy").value, (name, done, of) => {
      part("progress").textContent = say("progress", { check: say(`check-${name}`), done: String(done), of: String(of) });
    });
    // Another person's number is filed under another tag.
    const wrong = report.steps.some((s) => !s.ok && (s.check === "id" || s.check === "tag"));
    part("mistyped").hidden = !(report.outcome === "failed" && wrong) && checkDigitRight(person);
    await show(document, report);
    one();
    part("result").querySelector<HTMLElement>("h2")!.focus();
  } catch (e) {
    if (e instanceof Refused) return fault("policy", "no-policy");
    fault("file", "no-statement");
    throw e;
  }
}

page.querySelector("form")!.addEventListener("submit", (e) => {
  e.preventDefault();
  void check();
});
page.querySelector("[name=policy-file]")!.addEventListener("change", async (e) => {
  const file = (e.target as HTMLInputElement).files?.[0];
  if (file !== undefined) field("policy").value = await file.text();
});
sealed();
part("form").hidden = false;
one();
