// A QR code as a drawing, dark on light whatever the page's colours are, because phones read no
// other.
import qrcode from "qrcode-generator";

const ns = "http://www.w3.org/2000/svg";
const quiet = 4; // modules of white around it: ISO/IEC 18004 section 9.1

// drawing returns an SVG of text, with what a screen reader says instead.
export function drawing(text: string, label: string): SVGSVGElement {
  const code = qrcode(0, "M");
  code.addData(text, "Byte");
  code.make();
  const n = code.getModuleCount();
  let path = "";
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      if (code.isDark(y, x)) path += `M${x + quiet} ${y + quiet}h1v1h-1z`;
    }
  }
  const size = String(n + 2 * quiet);
  const svg = element("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", class: "paper-code", "shape-rendering": "crispEdges" });
  const title = element("title", {});
  title.textContent = label;
  svg.append(title, element("rect", { width: size, height: size, fill: "#fff" }), element("path", { d: path, fill: "#000" }));
  return svg as SVGSVGElement;
}

function element(name: string, attributes: Record<string, string>): SVGElement {
  const e = document.createElementNS(ns, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}
