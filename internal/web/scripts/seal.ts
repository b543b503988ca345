// Puts a code on a page to print: gets the statement, seals it here under a new key, hands over what
// is sealed, and draws the code. The key leaves this page only on the paper.
import { ask, one, Refused, signedOut, text } from "../paper/ask.ts";
import { drawing } from "../paper/qr.ts";
import { address, idOf, seal, Unopened } from "../paper/sealed.ts";
import { wordsOf } from "../paper/words.ts";

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
          : status === 409 ? "many" : signedOut(status) ? "signed-out" : "failed";
        one(section, why, "ready", "print");
      },
    );
  });
}
