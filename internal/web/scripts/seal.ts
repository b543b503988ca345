// Puts a code on a page to print: gets the statement, seals it here under a new key, hands over what
// is sealed, and draws the code. The key leaves this page only on the paper.
import { drawing } from "../paper/qr.ts";
import { address, idOf, seal, Unopened } from "../paper/sealed.ts";
import { wordsOf } from "../paper/words.ts";

// Refused is an answer of the server that is no success.
class Refused extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

async function ask(url: string, body: BodyInit): Promise<{ [name: string]: unknown }> {
  const answer = await fetch(url, { method: "POST", body, headers: { accept: "application/json" }, redirect: "error" });
  if (!answer.ok) throw new Refused(answer.status);
  return (await answer.json()) as { [name: string]: unknown };
}

const text = (v: unknown): string => (typeof v === "string" ? v : "");

// one shows one of the messages that the page has for what happened.
function one(section: HTMLElement, ...names: string[]): void {
  for (const e of section.querySelectorAll<HTMLElement>("[data-when]")) e.hidden = !names.includes(e.dataset["when"]!);
}

async function make(section: HTMLElement): Promise<void> {
  const { base, statement: from, index, label } = section.dataset as Record<string, string>;
  const got = await ask(from!, new URLSearchParams(index ? { index } : {}));
  const statement = new TextEncoder().encode(text(got["statement"]));
  const { sealed, key } = await seal({ id: text(got["id"]), period: "", statement });
  const id = await idOf(sealed);
  const kept = await ask(`${base}/papers`, new Blob([sealed], { type: "application/octet-stream" }));
  if (kept["id"] !== id) throw new Refused(0);
  const box = document.querySelector<HTMLElement>("[data-code]")!;
  box.querySelector("[data-drawing]")!.replaceChildren(drawing(address(location.origin, id, key), label!));
  box.querySelector("[data-ends]")!.textContent = text(kept["ends"]);
  box.querySelector("[data-words]")!.replaceChildren(
    ...(await wordsOf(statement)).map((word) => Object.assign(document.createElement("li"), { textContent: word })),
  );
  box.hidden = false;
}

const section = document.querySelector<HTMLElement>("[data-seal]");
if (section) {
  one(section, "ready", "print");
  section.querySelector("[data-do=print]")!.addEventListener("click", () => print());
  section.querySelector("[data-do=seal]")!.addEventListener("click", () => {
    one(section, "working");
    make(section).then(
      () => one(section, "done", "print"),
      (e: unknown) => {
        const status = e instanceof Refused ? e.status : 0;
        const why = (e instanceof Unopened && e.why === "large") || status === 413 ? "large"
          : status === 409 ? "many" : status === 401 || status === 404 ? "signed-out" : "failed";
        one(section, why, "ready", "print");
      },
    );
  });
}
