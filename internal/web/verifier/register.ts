// The register and who may sign what: docs/FORMATS.md section 7.
import { hex, must, refuse } from "./bytes.ts";
import { kinds, readCountersignature, signedWith, type AddedKey, type Countersignature, type Entry, type EntryOf,
  type Organisation } from "./entry.ts";
import { verifyJWS } from "./keys.ts";
import { readNoteKey, type NoteKey } from "./note.ts";

interface RegisteredKey extends AddedKey { readonly organisation: string; readonly from: number; revoked?: number }
const validAt = (k: RegisteredKey, i: number): boolean => k.from <= i && !(k.revoked !== undefined && i > k.revoked);
// Equal is member by member. What was read in one form is spelled in one way.
const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

// A Register is what the public entries of a file build up. Whether a registrar remains is unknown.
export class Register {
  readonly organisations = new Map<string, Organisation>();
  readonly keys = new Map<string, RegisteredKey>();
  private readonly used = new Set<string>(); // identities of countersignatures
  readonly genesis: EntryOf<"genesis">["claims"];

  constructor(genesis: Entry, private readonly origin: string, logs: readonly NoteKey[]) {
    const keys = logs.filter((k) => k.name === origin && k.type === 1).map((k) => hex(k.key));
    must(genesis.claims.aud === origin, "wrong-audience");
    must(genesis.type === "genesis", "bad-genesis");
    this.genesis = genesis.claims;
    for (const p of [this.genesis.registrar, this.genesis.enroller, this.genesis.operator]) {
      this.organisations.set(p.id, p);
      this.setKey(p.key, p.id, 1);
    }
    verifyJWS(genesis.jws, this.genesis.registrar.key.jwk);
    must(keys.length === 0 || keys.includes(hex(readNoteKey(this.genesis.logKey).key)), "bad-genesis");
  }

  private setKey(k: AddedKey, organisation: string, from: number): void {
    this.keys.set(k.jwk.thumbprint, { ...k, organisation, from: Math.max(from, k.validFrom) });
  }
  private hasRole(id: string, role: string): boolean { return this.organisations.get(id)?.roles.includes(role) ?? false; }

  // add judges the entry e at index i and takes it in.
  add(e: Entry, i: number): void {
    const { iss, aud } = e.claims, k = this.keys.get(e.jws.kid), [purpose, role] = kinds[e.type].by;
    must(aud === this.origin, "wrong-audience");
    must(e.type !== "genesis" && i !== 0, "bad-genesis");
    must(k !== undefined, "unknown-key");
    must(k.from <= i, "inactive-key");
    must(validAt(k, i), "revoked-key");
    must(k.organisation === iss, "wrong-issuer");
    must(k.purposes.includes(purpose) && (role === "" || this.hasRole(iss, role)), "wrong-purpose");
    verifyJWS(e.jws, k.jwk);
    switch (e.type) {
      case "organisation": return this.addOrganisation(e, i);
      case "key": return this.addKey(e, i);
      case "key-revocation": return this.revoke(e.claims, i);
      case "index-root": return must(i >= e.claims.size && validAt(k, e.claims.size), "bad-index-root");
      case "link": return must(this.hasRole(iss, "registrar") || mayLink(e, iss), "wrong-purpose");
    }
  }

  private addOrganisation(e: EntryOf<"organisation">, i: number): void {
    const o = e.claims.organisation, known = this.organisations.get(o.id);
    const gains = known === undefined || o.roles.some((role) => !known.roles.includes(role));
    this.checkCounter(e, i, gains, (c) => equal(c.organisation, o));
    this.organisations.set(o.id, o);
  }

  private addKey(e: EntryOf<"key">, i: number): void {
    const { iss, organisation, key } = e.claims, own = organisation === iss;
    must(own || this.hasRole(iss, "registrar"), "wrong-issuer");
    must(this.organisations.has(organisation), "unknown-organisation");
    must(!this.keys.has(key.jwk.thumbprint), "register-conflict");
    this.checkCounter(e, i, !own, (c) => c.org === organisation && equal(c.key, key));
    this.setKey(key, organisation, i + 1);
  }

  // checkCounter refuses a countersignature that is missing, not needed or another's, and marks it.
  private checkCounter(e: Entry, i: number, needed: boolean, over: (c: Countersignature) => boolean): void {
    const text = signedWith(e);
    if (!needed) return must(text === "", "register-conflict");
    must(text !== "", "not-countersigned");
    const c = readCountersignature(text), { iss } = c, k = this.keys.get(c.jws.kid);
    must(c.aud === this.origin, "wrong-audience");
    must(over(c) && !this.used.has(c.jws.identity), "not-countersigned");
    must(k !== undefined && validAt(k, i) && k.organisation === iss && k.purposes.includes("administer"), "not-countersigned");
    must(this.hasRole(iss, "enroller") && !this.hasRole(iss, "operator"), "not-countersigned");
    must(![this.genesis.operator.id, e.claims.iss].includes(iss), "not-countersigned");
    verifyJWS(c.jws, k.jwk);
    this.used.add(c.jws.identity);
  }

  private revoke(c: EntryOf<"key-revocation">["claims"], i: number): void {
    must(c.organisation === c.iss || this.hasRole(c.iss, "registrar"), "wrong-issuer");
    const k = this.keys.get(c.kid) ?? refuse("unknown-key");
    must(k.organisation === c.organisation && k.revoked === undefined, "register-conflict");
    must(c.suspectFrom <= i, "bad-claim");
    k.revoked = i;
  }
}

// mayLink says whether the organisation gave one of the two ids, if they are shown.
const mayLink = ({ sub, shown }: EntryOf<"link">, iss: string): boolean =>
  shown.other === undefined || [sub, shown.other].some((id) => id.startsWith(`temp:${iss}:`));
