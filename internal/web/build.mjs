// Builds what the pages need into ui/dist, which is embedded in the binary: the design system's
// stylesheet and icons, and each file of scripts as one module.
import { build } from "esbuild";
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";

const out = "ui/dist";
const system = "node_modules/@scottish-government/design-system/dist";

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await writeFile(`${out}/.keep`, ""); // so that the folder can be embedded where nothing was built
const scripts = (await readdir("scripts")).filter((name) => name.endsWith(".ts"));
await build({
  entryPoints: scripts.map((name) => `scripts/${name}`),
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  loader: { ".properties": "text" },
  logLevel: "warning",
});
await cp(`${system}/css/design-system.min.css`, `${out}/design-system.css`);
await cp(`${system}/images/icons`, `${out}/images/icons`, { recursive: true });
