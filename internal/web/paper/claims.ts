// Claims and disclosures by name, of whatever type the entry is. One that its type does not have,
// or that is withheld, is empty.
export const get = (v: unknown, name: string): unknown => typeof v === "object" && v !== null ? (v as Readonly<Record<string,
  unknown>>)[name] : undefined;
export const list = (v: unknown): unknown[] => Array.isArray(v) ? v : [];
export const str = (v: unknown, name: string): string => String(get(v, name) ?? "");
export const num = (v: unknown, name: string): number => Number(get(v, name) ?? 0);
export const strings = (v: unknown, name: string): string[] => list(get(v, name)).map(String);
