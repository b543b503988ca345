// Names, times, ids and the numbers of persons: docs/FORMATS.md sections 1, 4 and 5.
import { refusal, size, unbase64url } from "./bytes.ts";

const form = (re: RegExp) => (text: string): boolean => re.test(text);
export const isOrganisation = form(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
export const isOrigin = form(/^[\x21-\x2A\x2C-\x7E]{1,255}$/);
export const isSource = form(/^[\x21-\x7E]{1,128}$/);
export const isUUID = form(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const isKind = form(/^[a-z-]{1,40}$/);
export const isCountry = form(/^[A-Z]{2}$/);
export const hasControl = form(/[\u0000-\u001f\u007f-\u009f]/);

// isPlain is a text of at most so many bytes without control characters.
export const isPlain = (text: string, most = 512): boolean => size(text) <= most && !hasControl(text);
export const isCode = (text: string): boolean => text !== "" && isPlain(text);
export const areCodes = (codes: string[], most: number): boolean => codes.length <= most && codes.every(isCode);

// isRemark is a text of section 15: no control characters but line feeds.
export const isRemark = (text: string): boolean => size(text) <= 8192 && !hasControl(text.replaceAll("\n", ""));

export const isThumbprint = (text: string): boolean => text.length === 43 && refusal(() => unbase64url(text)) === "";
// isDigest is base64url of a SHA-256; 32 zero bytes stand for none.
export const isDigest = (text: string): boolean => isThumbprint(text) && text !== "A".repeat(43);

export const ascending = (all: string[]): boolean => all.every((t, i) => i === 0 || all[i - 1]! < t);
export const distinct = (all: string[]): boolean => new Set(all).size === all.length;
export const among = (text: string, ...these: string[]): boolean => these.includes(text);

const timeForm = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

// instant reads a time: seconds since 1970 and nanoseconds, or undefined.
export function instant(text: string): [number, number] | undefined {
  const m = timeForm.exec(text);
  if (m === null) return undefined;
  const [year, month, date, hour, minute, second] = m.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const [zoneHour, zoneMinute] = [Number(m[9] ?? 0), Number(m[10] ?? 0)];
  const start = dayStart(year, month, date);
  if (start === undefined || hour > 23 || minute > 59 || second > 59 || zoneHour > 24 || zoneMinute > 60) return undefined;
  const offset = (zoneHour * 3600 + zoneMinute * 60) * (m[8] === "-" ? -1 : 1);
  return [start + hour * 3600 + minute * 60 + second - offset, Number((m[7] ?? "").padEnd(9, "0"))];
}
export const isTime = (text: string): boolean => instant(text) !== undefined;

function dayStart(year: number, month: number, date: number): number | undefined {
  const d = new Date(0);
  d.setUTCFullYear(year, month - 1, date);
  return d.getUTCMonth() === month - 1 && d.getUTCDate() === date ? d.getTime() / 1000 : undefined;
}

// day reads a day and returns its first second.
export function day(text: string): number | undefined {
  const m = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  return m === null ? undefined : dayStart(Number(m[1]), Number(m[2]), Number(m[3]));
}
export const isDay = (text: string): boolean => day(text) !== undefined;

// isID says whether a text is an id of section 4.
export function isID(id: string): boolean {
  if (/^reg:(withheld|sources|everyone|padding)$/.test(id) || /^(chi|nhs):[0-9]{10}$/.test(id)) return true;
  const temp = /^temp:([^:]*):[\x21-\x7E]{1,128}$/.exec(id);
  return temp !== null && isOrganisation(temp[1]!);
}

// checkDigitRight says whether the number's own check holds. Other ids have none.
export function checkDigitRight(id: string): boolean {
  const m = /^(chi|nhs):([0-9]{10})$/.exec(id);
  return m === null || (m[1] === "chi" ? isCHI(m[2]!) : modulus11(m[2]!));
}

function isCHI(digits: string): boolean {
  const [date, month, year] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4, 6)].map(Number) as [number, number, number];
  const dated = [1900, 2000].some((century) => dayStart(century + year, month, date) !== undefined);
  return dated && (modulus11(digits) || luhn(digits));
}

const sumOf = (digits: string, f: (d: number, i: number) => number): number =>
  [...digits.slice(0, 9)].reduce((n, c, i) => n + f(Number(c), i), 0);
const modulus11 = (digits: string): boolean => (11 - sumOf(digits, (d, i) => d * (10 - i)) % 11) % 11 === Number(digits[9]);
const luhn = (digits: string): boolean =>
  (10 - sumOf(digits, (d, i) => i % 2 > 0 ? d : d > 4 ? 2 * d - 9 : 2 * d) % 10) % 10 === Number(digits[9]);

// holdsNumber says whether a public text holds a valid CHI or NHS number (section 5).
export function holdsNumber(text: string): boolean {
  for (const m of text.matchAll(/(?<![0-9])(?=([0-9](?:[ -]?[0-9]){9})(?![0-9]))/g)) {
    const digits = m[1]!.replace(/[ -]/g, "");
    if (modulus11(digits) || isCHI(digits)) return true;
  }
  return false;
}
