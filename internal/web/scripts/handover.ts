// Takes a person's list from the page where they get it to the page that checks it, by one button.
import { ask, one, Refused, signedOut, text } from "../paper/ask.ts";
import { leave } from "../paper/handover.ts";

const section = document.querySelector<HTMLElement>("[data-handover]");
if (section) {
  one(section, "ready");
  section.querySelector("[data-do=check]")!.addEventListener("click", async () => {
    one(section, "working");
    try {
      const got = await ask(section.dataset["handover"]!, new URLSearchParams());
      await leave({ id: text(got["id"]), statement: new TextEncoder().encode(text(got["statement"])) });
      location.assign("/check");
    } catch (e) {
      const status = e instanceof Refused ? e.status : 0;
      one(section, status === 413 ? "large" : signedOut(status) ? "signed-out" : "failed", "ready");
    }
  });
  // Back from there, the button is as it was.
  addEventListener("pageshow", () => one(section, "ready"));
}
