// The page of keys: those of this browser, and making one.
import { holder, keysOf, make, post, read, remove, show, sign } from "../officer/browserkeys.ts";

const form = document.querySelector<HTMLFormElement>("#keys");
if (form) {
  const say = form.dataset;
  const list = async (): Promise<void> => {
    const own = document.querySelector("#own");
    const keys = await keysOf(holder(form));
    own?.replaceChildren(
      ...keys.map((k) => {
        const item = document.createElement("li");
        item.className = "ig-list__item";
        const state = document.querySelector(`[data-waiting="${k.kid}"]`) ? say.waiting : stateOf(k.kid);
        const name = document.createElement("code");
        name.textContent = k.kid.slice(0, 12);
        const forget = document.createElement("button");
        forget.type = "button";
        forget.className = "ds_button ds_button--small ds_button--secondary";
        forget.textContent = say.remove ?? "";
        forget.onclick = async () => {
          if (confirm(say.removing)) {
            await remove(k.kid);
            await list();
          }
        };
        const line = document.createElement("p");
        line.append(name, ` ${k.purpose === "administer" ? say.administer : say.agreements}. ${state}.`);
        item.append(line, forget);
        return item;
      }),
    );
    if (keys.length === 0) {
      const none = document.createElement("li");
      none.textContent = say.none ?? "";
      own?.append(none);
    }
  };
  const stateOf = (kid: string): string => {
    const row = document.querySelector(`[data-registered="${kid}"]`)?.closest("tr");
    if (!row) return say.unknown ?? "";
    return (row.querySelector(".ds_tag")?.textContent === say.revoked ? say.revoked : say.registered) ?? "";
  };
  const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement;

  document.querySelector("#make")?.addEventListener("click", async () => {
    show("#keys-problem", "");
    try {
      const purpose = new FormData(form).get("purpose") as string;
      const key = await make(holder(form), purpose);
      try {
        const signing = String((await post("/officer/keys/prove", { key: key.jwk, purpose })).signing);
        const { header, payload } = read(signing);
        // A proof for another log or organisation, or an entry in its place, is not signed.
        const good = header.alg === "EdDSA" && header.kid === key.kid && payload.aud === say.origin && payload.org === say.org &&
          payload.jkt === key.kid && Object.keys(payload).length === 3;
        if (!good) throw new Error("");
        field("key").value = key.jwk;
        field("proof").value = await sign(key, signing);
      } catch (e) {
        await remove(key.kid);
        throw e;
      }
      form.submit();
    } catch (e) {
      show("#keys-problem", (e as Error).message || (say.failed ?? ""));
    }
  });
  form.hidden = false;
  void list();
}
