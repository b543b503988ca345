// What a code of a trust policy says: docs/FORMATS.md section 18. Package policycode makes it.
export type PolicyCode =
  | { readonly text: string } // the policy itself
  | { readonly digest: string; readonly address: string }; // of a longer one, and where it is

const format = "igledger-policy/1";

// readCode returns what a code says, or undefined if it is no code of a policy.
export function readCode(code: string): PolicyCode | undefined {
  const text = code.replace(/\r\n/g, "\n");
  if (text.startsWith(`${format}\n`)) return { text: normal(text.slice(format.length + 1)) };
  const m = /^igledger-policy\/1 ([A-Za-z0-9_-]{43}) (https?:\/\/[!-~]{1,500})$/.exec(text.trim());
  return m === null ? undefined : { digest: m[1]!, address: m[2]! };
}

// normal is a policy's text as its digest is made of it.
const normal = (policy: string): string => `${policy.replace(/\r\n/g, "\n").replace(/^[ \t\n]+|[ \t\n]+$/g, "")}\n`;

// digestOf returns the digest of a policy's text.
export async function digestOf(policy: string): Promise<string> {
  const sum = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(normal(policy)));
  return btoa(String.fromCharCode(...new Uint8Array(sum))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
