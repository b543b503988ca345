// Asking this server, and saying on the page what became of it.

// Refused is an answer of the server that is no success.
export class Refused extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

// The server takes nothing for somebody else than this page was made for.
const madeFor = (): string => document.querySelector<HTMLMetaElement>("meta[name=made-for]")?.content ?? "";

// signedOut reports whether a refusal says that nobody is signed in, or somebody else.
export const signedOut = (status: number): boolean => [401, 403, 404].includes(status);

export async function ask(url: string, body: BodyInit): Promise<{ [name: string]: unknown }> {
  const headers = { accept: "application/json", "made-for": madeFor() };
  const answer = await fetch(url, { method: "POST", body, headers, redirect: "error" });
  if (!answer.ok) throw new Refused(answer.status);
  return (await answer.json()) as { [name: string]: unknown };
}

export const text = (v: unknown): string => (typeof v === "string" ? v : "");

// one shows one of the messages that a section has for what happened.
export function one(section: HTMLElement, ...names: string[]): void {
  for (const e of section.querySelectorAll<HTMLElement>("[data-when]")) e.hidden = !names.includes(e.dataset["when"]!);
}
