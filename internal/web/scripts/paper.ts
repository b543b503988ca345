// The page of a code on paper: takes the key from the address, gets what is sealed, opens it here and
// checks it. Neither the key nor the list is sent anywhere.
import { idOf, keyOf, open, Unopened } from "../paper/sealed.ts";
import type { Document } from "../paper/sealed.ts";
import { checked, one, page, part, say, show } from "../paper/show.ts";
import { kindOf } from "../verifier/verify.ts";

type Bytes = Uint8Array<ArrayBuffer>;

// Stopped says which message of the page tells why nothing is shown.
class Stopped extends Error {}

async function sealed(): Promise<Bytes> {
  const answer = await fetch(page.dataset["sealed"]!, { cache: "no-store" }).catch(() => undefined);
  if (answer?.ok) return new Uint8Array(await answer.arrayBuffer());
  throw new Stopped(answer?.status === 404 || answer?.status === 410 ? "gone" : answer?.status === 429 ? "fast" : "away");
}

async function opened(): Promise<Document> {
  const key = keyOf(location.hash.slice(1));
  // From here on the key is in this page's memory alone: not in the history of a borrowed phone.
  history.replaceState(null, "", location.pathname);
  if (key === undefined) throw new Stopped("no-key");
  const data = await sealed();
  if ((await idOf(data)) !== page.dataset["id"]) throw new Stopped("swapped");
  try {
    return await open(data, key);
  } catch (e) {
    throw e instanceof Unopened ? new Stopped(e.why === "key" ? "wrong-key" : "form") : e;
  }
}

function progress(name: string, done: number, of: number): void {
  part("progress").textContent = say("progress", { check: say(`check-${name}`), done: String(done), of: String(of) });
}

one("working");
try {
  const d = await opened();
  const format = kindOf(d.statement);
  if (format === undefined) throw new Stopped("form");
  await show(d, await checked(d, format, page.dataset["policy"]!, progress), "operator");
} catch (e) {
  one(e instanceof Stopped ? e.message : "form");
  if (!(e instanceof Stopped)) throw e;
}
addEventListener("hashchange", () => location.reload());
