// The register and who may sign what: docs/FORMATS.md section 7.
import { must, refuse } from "./bytes.ts";
import { signedWith, sub } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { equal, get, has, num, str, strings } from "./json.ts";
import type { Json, Members } from "./json.ts";
import { identity, readKey, verifyJWS } from "./keys.ts";
import type { Key } from "./keys.ts";
import { founders, readCountersignature } from "./kinds.ts";

interface Organisation { readonly name: string; readonly roles: readonly string[] }

interface RegisteredKey {
  readonly key: Key;
  readonly organisation: string;
  readonly purposes: readonly string[];
  readonly from: number;
  revoked?: number;
  suspectFrom?: number;
}

const validAt = (k: RegisteredKey, i: number): boolean => k.from <= i && !(k.revoked !== undefined && i > k.revoked);

// signers says which purpose the key and which role the organisation has to have. No role: any.
const signers: Readonly<Record<string, readonly [purpose: string, role: string]>> = {
  organisation: ["administer", "registrar"], key: ["administer", ""], "key-revocation": ["administer", ""],
  heartbeat: ["submit", "source"], "source-count": ["submit", "source"], access: ["submit", "source"],
  "index-root": ["submit", "operator"], decision: ["submit", "operator"], "policy-set": ["administer", "registrar"],
  agreement: ["agreements", ""], "agreement-signature": ["agreements", ""], "agreement-act": ["agreements", ""],
  "sharing-request": ["agreements", ""], "sharing-decision": ["agreements", ""],
  consent: ["agreements", ""], delegation: ["agreements", ""], link: ["agreements", ""],
};

// A Register is what the public entries that a file shows build up, in order of index. Whether a registrar remains is not known from
// them.
export class Register {
  readonly organisations = new Map<string, Organisation>();
  readonly keys = new Map<string, RegisteredKey>();
  private readonly used = new Set<string>(); // identities of countersignatures
  private readonly founder: string; // the genesis' operator

  constructor(genesis: Entry, private readonly origin: string) {
    const c = genesis.claims;
    must(str(c, "aud") === origin, "wrong-audience");
    must(genesis.type === "genesis", "bad-genesis");
    this.founder = str(get(c, "operator"), "id");
    for (const name of founders) {
      const p = get(c, name);
      this.setOrganisation(p);
      this.setKey(get(p, "key"), str(p, "id"), 1);
    }
    verifyJWS(genesis.jws, readKey(get(get(get(c, "registrar"), "key"), "jwk")));
  }

  private setOrganisation(o: Json | undefined): void {
    this.organisations.set(str(o, "id"), { name: str(o, "name"), roles: strings(o, "roles") });
  }

  private setKey(v: Json | undefined, organisation: string, from: number): void {
    const key = readKey(get(v, "jwk"));
    this.keys.set(key.thumbprint, { key, organisation, purposes: strings(v, "purposes"), from: Math.max(from, num(v, "validFrom")) });
  }

  private hasRole(id: string, role: string): boolean { return this.organisations.get(id)?.roles.includes(role) ?? false; }

  // add judges the entry e at index i and takes it in.
  add(e: Entry, i: number): void {
    const c = e.claims, iss = str(c, "iss");
    must(str(c, "aud") === this.origin, "wrong-audience");
    must(e.type !== "genesis" && i !== 0, "bad-genesis");
    const k = this.keys.get(e.jws.kid);
    must(k !== undefined, "unknown-key");
    must(k.from <= i, "inactive-key");
    must(validAt(k, i), "revoked-key");
    must(k.organisation === iss, "wrong-issuer");
    const [purpose, role] = signers[e.type]!;
    must(k.purposes.includes(purpose) && (role === "" || this.hasRole(iss, role)), "wrong-purpose");
    verifyJWS(e.jws, k.key);
    switch (e.type) {
      case "organisation": return this.addOrganisation(e, i);
      case "key": return this.addKey(e, i);
      case "key-revocation": return this.revoke(c, i);
      case "index-root": return must(i >= num(c, "size") && validAt(k, num(c, "size")), "bad-index-root");
      case "link": return this.checkLinker(e, iss);
    }
  }

  private addOrganisation(e: Entry, i: number): void {
    const o = get(e.claims, "organisation"), id = str(o, "id");
    const gains = strings(o, "roles").some((role) => !this.hasRole(id, role));
    const counter = this.countersigned(e, i, gains || !this.organisations.has(id), (s) => has(s, "organisation") && equal(get(s, "organisation"), o));
    this.setOrganisation(o);
    this.used.add(counter);
  }

  private addKey(e: Entry, i: number): void {
    const c = e.claims, org = str(c, "organisation"), own = org === str(c, "iss");
    must(own || this.hasRole(str(c, "iss"), "registrar"), "wrong-issuer");
    must(this.organisations.has(org), "unknown-organisation");
    must(!this.keys.has(readKey(get(get(c, "key"), "jwk")).thumbprint), "register-conflict");
    const counter = this.countersigned(e, i, !own, (s) => str(s, "org") === org && has(s, "key") && equal(get(s, "key"), get(c, "key")));
    this.setKey(get(c, "key"), org, i + 1);
    this.used.add(counter);
  }

  // countersigned refuses a countersignature that is missing, superfluous, or another's. It returns its identity, "" if there is none.
  private countersigned(e: Entry, i: number, needed: boolean, over: (claims: Members) => boolean): string {
    const text = signedWith(e), there = has(e.claims, "countersignature");
    if (!needed) {
      must(!there, "register-conflict");
      return "";
    }
    must(there, "not-countersigned");
    const { jws, claims } = readCountersignature(text), iss = str(claims, "iss"), k = this.keys.get(jws.kid);
    must(str(claims, "aud") === this.origin, "wrong-audience");
    must(over(claims) && !this.used.has(identity(jws)), "not-countersigned");
    must(k !== undefined && validAt(k, i) && k.organisation === iss && k.purposes.includes("administer"), "not-countersigned");
    must(this.hasRole(iss, "enroller") && !this.hasRole(iss, "operator") && iss !== this.founder, "not-countersigned");
    must(iss !== str(e.claims, "iss"), "not-countersigned");
    verifyJWS(jws, k.key);
    return identity(jws);
  }

  private revoke(c: Members, i: number): void {
    must(str(c, "organisation") === str(c, "iss") || this.hasRole(str(c, "iss"), "registrar"), "wrong-issuer");
    const k = this.keys.get(str(c, "kid")) ?? refuse("unknown-key");
    must(k.organisation === str(c, "organisation") && k.revoked === undefined, "register-conflict");
    must(num(c, "suspectFrom") <= i, "bad-claim");
    k.revoked = i;
    if (has(c, "suspectFrom")) k.suspectFrom = num(c, "suspectFrom");
  }

  // checkLinker refuses a link by an organisation that is no registrar and gave neither id.
  private checkLinker(e: Entry, iss: string): void {
    const other = e.shown.get("other");
    if (this.hasRole(iss, "registrar") || typeof other !== "string") return;
    must([sub(e), other].some((id) => id.startsWith(`temp:${iss}:`)), "wrong-purpose");
  }
}
