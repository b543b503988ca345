// Signing with a key of this browser. The server prepares what is signed; this script compares all of
// it with what the page shows before the key signs anything.
import { type BrowserKey, holder, keysOf, post, Refused, read, sha256, show, sign } from "../officer/browserkeys.ts";

/** flatten returns every value of v with its path, such as "parties[1].role". */
function flatten(v: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(v)) v.forEach((x, i) => flatten(x, `${path}[${i}]`, into));
  else if (typeof v === "object" && v !== null) for (const [k, x] of Object.entries(v)) flatten(x, path ? `${path}.${k}` : k, into);
  else into.set(path, String(v));
  return into;
}

/** shown returns what elements of the page show, by the path in their attribute. */
function shown(attribute: string): Map<string, string> {
  const all = [...document.querySelectorAll(`[${attribute}]`)];
  return new Map(all.map((e) => [e.getAttribute(attribute) ?? "", e.textContent ?? ""]));
}

const same = (a: Map<string, string>, b: Map<string, string>): boolean => a.size === b.size && [...a].every(([k, v]) => b.get(k) === v);

const form = document.querySelector<HTMLFormElement>("#deed");
const button = document.querySelector<HTMLButtonElement>("#in-browser");
if (form && button) {
  const say = form.dataset;
  let ready: { key: BrowserKey; signing: string } | undefined;

  /** check throws unless what is to be signed is what this page shows. */
  const check = async (key: BrowserKey, signing: string): Promise<void> => {
    const { header, payload } = read(signing);
    const { type, iss, aud, iat, jti, reason, ...rest } = payload;
    const typed = (form.elements.namedItem("reason") as HTMLTextAreaElement | null)?.value.replaceAll("\r\n", "\n").trim();
    let good = header.alg === "EdDSA" && header.kid === key.kid && type === say.type && iss === say.org && aud === say.origin &&
      typeof iat === "number" && Math.abs(iat * 1000 - Date.now()) < 86400e3 && typeof jti === "string" && reason === typed;
    if (typeof rest.agreement === "object") { // the text itself
      good &&= same(flatten(rest.agreement), shown("data-text"));
      delete rest.agreement;
    } else if (say.proposal) { // the hash of what was proposed, with the text in it
      good &&= rest.proposal === (await sha256(say.proposal)) && same(flatten(read(say.proposal).payload.agreement), shown("data-text"));
    }
    good &&= same(flatten(rest), shown("data-claim"));
    if (!good) throw new Error(say.differs);
  };

  const fields = (): Record<string, string> =>
    Object.fromEntries([...new FormData(form)].map(([k, v]) => [k, String(v)]));

  button.addEventListener("click", async () => {
    show("#sign-problem", "");
    try {
      const keys = (await keysOf(holder(form))).filter((k) => k.purpose === say.purpose);
      const may = (say.may ?? "").split(" ");
      const key = keys.find((k) => may.includes(k.kid)) ?? keys[0]; // of one that may not, the server says why
      if (!key) throw new Error("");
      const signing = String((await post(form.action, { ...fields(), how: "prepare", key: key.jwk })).signing);
      await check(key, signing);
      ready = { key, signing };
      const words = document.querySelector("#signing-words");
      const row = (name: string, value: string): Node[] => {
        const dt = document.createElement("dt");
        const dd = document.createElement("dd");
        dt.textContent = name;
        dd.textContent = value;
        return [dt, dd];
      };
      words?.replaceChildren(...row(document.querySelector("h1")?.textContent ?? "", say.confirm ?? ""), ...row(say.key ?? "", key.kid.slice(0, 12)),
        ...row(say.hash ?? "", await sha256(signing)));
      const panel = document.querySelector<HTMLElement>("#signing");
      if (panel) panel.hidden = false;
      document.querySelector<HTMLElement>("#signing-title")?.focus();
    } catch (e) {
      show("#sign-problem", (e as Error).message || (say.again ?? ""));
      const wrong = e instanceof Refused && e.field !== "" ? form.querySelector<HTMLElement>(`#${e.field}`) : null;
      wrong?.setAttribute("aria-invalid", "true");
      wrong?.setAttribute("aria-describedby", "sign-problem");
      wrong?.focus();
    }
  });

  document.querySelector("#sign-now")?.addEventListener("click", async () => {
    if (!ready) return;
    const { key, signing } = ready;
    ready = undefined; // pressed twice, it signs once
    for (const [name, value] of [["how", "browser"], ["jws", await sign(key, signing)]] as const) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    form.submit();
  });
  form.addEventListener("input", () => { // what was compared is no longer what is there
    ready = undefined;
    const panel = document.querySelector<HTMLElement>("#signing");
    if (panel) panel.hidden = true;
  });
  void keysOf(holder(form)).then((keys) => {
    button.hidden = !keys.some((k) => k.purpose === say.purpose);
  });
}
