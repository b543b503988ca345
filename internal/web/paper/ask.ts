// Asking this server, and saying on the page what became of it.

// Refused is an answer of the server that is no success.
export class Refused extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

export async function ask(url: string, body: BodyInit): Promise<{ [name: string]: unknown }> {
  const answer = await fetch(url, { method: "POST", body, headers: { accept: "application/json" }, redirect: "error" });
  if (!answer.ok) throw new Refused(answer.status);
  return (await answer.json()) as { [name: string]: unknown };
}

export const text = (v: unknown): string => (typeof v === "string" ? v : "");

// one shows one of the messages that a section has for what happened.
export function one(section: HTMLElement, ...names: string[]): void {
  for (const e of section.querySelectorAll<HTMLElement>("[data-when]")) e.hidden = !names.includes(e.dataset["when"]!);
}
