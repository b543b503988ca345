// The editor of agreements: asks the server while somebody types, and shows what it says of the field.
export {};

const text = document.querySelector<HTMLTextAreaElement>("#text");
const said = document.querySelector<HTMLElement>("#checked");
if (text && said) {
  /** pathAt returns the field in the line where the cursor is, such as "parties.role". */
  const pathAt = (): string => {
    const lines = text.value.slice(0, text.selectionStart).split("\n");
    let indent = Infinity;
    const path: string[] = [];
    lines[lines.length - 1] = text.value.split("\n")[lines.length - 1] ?? "";
    for (const line of lines.reverse()) {
      const m = /^((?:\s|- )*)([A-Za-z0-9]+):/.exec(line);
      if (!m || m[1] === undefined || m[2] === undefined || m[1].length >= indent) continue;
      indent = m[1].length;
      path.unshift(m[2]);
      if (indent === 0) break;
    }
    return path.join(".");
  };
  const explain = (): void => {
    const path = pathAt();
    for (const e of document.querySelectorAll<HTMLElement>("[data-path]")) {
      const here = e.dataset.path === path;
      e.toggleAttribute("data-here", here);
      const box = e.closest<HTMLElement>(".ig-editor__about");
      if (here && box && getComputedStyle(box).overflowY === "auto") box.scrollTop = e.offsetTop - box.offsetTop - 40;
    }
  };
  const goTo = (line: number): void => {
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    text.scrollTop = Math.max(0, (line - 5) * parseFloat(getComputedStyle(text).lineHeight));
    explain();
  };

  let timer = 0;
  let asked = 0;
  const check = async (): Promise<void> => {
    const mine = ++asked;
    try {
      const r = await fetch(text.dataset.check ?? "", { method: "POST", body: new URLSearchParams({ text: text.value }), redirect: "error" });
      const answer = (await r.json()) as { problems: { line: number; text: string }[] };
      if (mine !== asked) return; // somebody typed on
      const list = document.createElement("ul");
      for (const p of answer.problems) {
        const item = document.createElement("li");
        if (p.line > 0) {
          const link = document.createElement("a");
          link.href = "#text";
          link.textContent = p.text;
          link.onclick = (e) => {
            e.preventDefault();
            goTo(p.line);
          };
          item.append(link);
        } else item.textContent = p.text;
        list.append(item);
      }
      said.replaceChildren(answer.problems.length > 0 ? list : (text.dataset.good ?? ""));
    } catch {
      if (mine === asked) said.textContent = text.dataset.away ?? "";
    }
  };
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void check(), 500);
  });
  for (const event of ["click", "keyup", "focus"]) text.addEventListener(event, explain);
}
