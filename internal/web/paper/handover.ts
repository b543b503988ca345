// Hands a list from the page where a person gets it to the page that checks it, within one tab of
// one browser: neither the server nor the network sees it again. What is put down is encrypted,
// and its key lies with the tab alone, which forgets it when it is closed. Whoever takes it
// removes both first.
type Bytes = Uint8Array<ArrayBuffer>;

// Handed is a whole history: an extract is checked from its file.
export interface Handed {
  readonly id: string;
  readonly statement: Bytes;
}

const place = "igledger-handover"; // of the database, of its store, and of the key
const life = 2 * 60_000; // milliseconds from one page to the next

const settled = <T>(r: IDBRequest<T>): Promise<T> =>
  new Promise((done, failed) => {
    r.onsuccess = () => done(r.result);
    r.onerror = () => failed(r.error);
  });

function database(): Promise<IDBDatabase> {
  const r = indexedDB.open(place, 1);
  r.onupgradeneeded = () => r.result.createObjectStore(place);
  return settled(r);
}

const gcm = (iv: Bytes): AesGcmParams => ({ name: "AES-GCM", iv });

// leave puts a list down, in the place of any other.
export async function leave(h: Handed): Promise<void> {
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const plain = await new Blob([`${h.id}\n`, h.statement]).arrayBuffer();
  const sealed = await crypto.subtle.encrypt(gcm(iv), key, plain);
  const db = await database();
  await settled(db.transaction(place, "readwrite").objectStore(place).put({ iv, sealed }, place));
  db.close();
  sessionStorage.setItem(place, JSON.stringify({ key: [...raw], until: Date.now() + life }));
}

// take returns what was put down for this tab, once, or undefined. Nothing is left of it.
export async function take(): Promise<Handed | undefined> {
  let kept: string | null = null;
  try {
    kept = sessionStorage.getItem(place);
    sessionStorage.removeItem(place);
  } catch {
    return undefined; // a browser that stores nothing, so nothing was put down
  }
  if (kept === null) return undefined;
  try {
    const { key: raw, until } = JSON.parse(kept) as { key: number[]; until: number };
    const db = await database();
    const { iv, sealed } = (await settled(db.transaction(place).objectStore(place).get(place))) as { iv: Bytes; sealed: ArrayBuffer };
    db.close();
    await settled(indexedDB.deleteDatabase(place));
    if (Date.now() > until) return undefined;
    const key = await crypto.subtle.importKey("raw", new Uint8Array(raw), "AES-GCM", false, ["decrypt"]);
    const plain = new Uint8Array(await crypto.subtle.decrypt(gcm(iv), key, sealed));
    const end = plain.indexOf(10);
    return { id: new TextDecoder().decode(plain.subarray(0, end)), statement: plain.slice(end + 1) };
  } catch {
    return undefined; // put down by another tab since, or damaged: the reader takes the file
  }
}
