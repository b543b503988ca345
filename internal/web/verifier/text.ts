// Names, times, ids and the numbers of persons: docs/FORMATS.md sections 1, 4 and 5.
import { refusal, size, unbase64url } from "./bytes.ts";

const form = (re: RegExp) => (text: string): boolean => re.test(text);
export const isOrganisation = form(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
export const isOrigin = form(/^[\x21-\x2A\x2C-\x7E]{1,255}$/);
export const isSource = form(/^[\x21-\x7E]{1,128}$/);
export const isUUID = form(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const isKind = form(/^[a-z-]{1,40}$/), isCountry = form(/^[A-Z]{2}$/);
const hidden = new RegExp("[\\xAD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B-\\u200F\\u2028-\\u202E\\u2060-\\u206F" +
  "\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0\\uFFF0-\\uFFFB\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E0FFF}]", "u");

// isPlain has no control characters, isSeen no hidden ones (section 15), isRemark only line feeds.
export const isPlain = (text: string, most = 512): boolean => !/[\u0000-\u001f\u007f-\u009f]/.test(text) && size(text) <= most;
export const isSeen = (text: string): boolean => !hidden.test(text);
export const isRemark = (text: string, most = 8192): boolean => isSeen(text) && isPlain(text.replaceAll("\n", " "), most);
export const areCodes = (codes: readonly string[], most: number): boolean => codes.length <= most && codes.every((c) => c && isPlain(c));
export const isThumbprint = (text: string): boolean => text.length === 43 && refusal(() => unbase64url(text)) === "";
export const ascending = (all: readonly string[]): boolean => all.every((t, i) => i === 0 || all[i - 1]! < t);
export const distinct = (all: readonly string[]): boolean => new Set(all).size === all.length;
const timeForm = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

// instant reads a time: nanoseconds since 1970, or undefined.
export function instant(text: string): bigint | undefined {
  const m = timeForm.exec(text), start = day(m?.[1] ?? "");
  if (!m || start === undefined) return undefined;
  const seconds = (hours = "0", minutes = "0"): number => Number(hours) * 3600 + Number(minutes) * 60;
  const offset = seconds(m[7], m[8]) * (m[6] === "-" ? -1 : 1);
  return BigInt(start + seconds(m[2], m[3]) + Number(m[4]) - offset) * 1000000000n + BigInt((m[5] ?? "").padEnd(9, "0"));
}
export const isTime = (text: string): boolean => instant(text) !== undefined;

// isAfter compares two times, where neither is missing.
export const isAfter = (late: string, early: string): boolean => late === "" || early === "" || instant(late)! > instant(early)!;

// day reads a day and returns its first second.
export function day(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined;
  const d = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(d.getTime()) && d.toISOString().startsWith(text) ? d.getTime() / 1000 : undefined;
}
export const isDay = (text: string): boolean => day(text) !== undefined;

export const isID = (id: string): boolean => /^(reg:(withheld|sources|everyone|padding)|(chi|nhs):[0-9]{10})$/.test(id) ||
  /^temp:[A-Za-z0-9][A-Za-z0-9._-]{0,63}:[\x21-\x7E]{1,128}$/.test(id);

// The checks of the two kinds of numbers.
export const isCHI = (digits: string): boolean => (modulus11(digits) || luhn(digits)) &&
  ["19", "20"].some((century) => isDay(`${century}${digits.slice(4, 6)}-${digits.slice(2, 4)}-${digits.slice(0, 2)}`));
const sumOf = (digits: string, f: (d: number, i: number) => number): number =>
  [...digits.slice(0, 9)].reduce((n, c, i) => n + f(Number(c), i), 0);
export const modulus11 = (digits: string): boolean => (11 - sumOf(digits, (d, i) => d * (10 - i)) % 11) % 11 === Number(digits[9]);
const luhn = (digits: string): boolean =>
  (10 - sumOf(digits, (d, i) => i % 2 > 0 ? d : d > 4 ? 2 * d - 9 : 2 * d) % 10) % 10 === Number(digits[9]);

// holdsNumber says whether a public text holds a valid CHI or NHS number (section 5).
export const holdsNumber = (text: string): boolean =>
  [...text.matchAll(/(?<![0-9])(?=([0-9](?:[ -]?[0-9]){9})(?![0-9]))/g)].map((m) => m[1]!.replace(/[ -]/g, ""))
    .some((n) => modulus11(n) || isCHI(n));
