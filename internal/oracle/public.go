package oracle

import (
	"slices"
)

// Section 7: the form of the entries that make up the register, and section 13: of index roots.

var (
	organisationShape = object{"id": aText, "name": aText, "kind": aText, "roles": listOf(aText)}
	addedKeyShape     = object{"jwk": jwkShape.fits, "purposes": listOf(aText), "validFrom": aNumber}
	foundingShape     = organisationShape.and(object{"key": addedKeyShape.fits})
)

var registerKinds = map[string]*entryKind{
	"genesis": {
		claims: object{
			"formats": aText, "vrfKey": bytesOf(32), "logKey": aText, "indexLag": aNumber,
			"registrar": foundingShape.fits, "enroller": foundingShape.fits, "operator": foundingShape.fits,
			"proofs":      listOf(aText),
			"predecessor": object{"origin": aText, "size": aNumber, "root": bytesOf(32)}.fits,
		},
		check:   checkGenesis,
		history: func(*entry) string { return "genesis" },
	},
	"organisation": {
		claims: object{"organisation": organisationShape.fits, "countersignature": aText},
		check: func(e *entry) {
			checkOrganisation(e.claims.get("organisation"), "bad-claim")
			e.countersignature()
		},
		history: func(e *entry) string { return "org:" + e.claims.get("organisation").str("id") },
	},
	"key": {
		claims:  object{"organisation": aText, "key": addedKeyShape.fits, "proof": aText, "countersignature": aText},
		check:   checkKey,
		history: func(e *entry) string { return "key:" + readKey(e.claims.get("key").get("jwk")).thumbprint() },
	},
	"key-revocation": {
		claims:  object{"organisation": aText, "kid": aText, "reason": aText, "suspectFrom": aNumber},
		check:   checkRevocation,
		history: func(e *entry) string { return "key:" + e.claims.str("kid") },
	},
	"index-root": {
		claims: object{"size": aNumber, "root": bytesOf(32)},
		check: func(e *entry) {
			size := e.claims.num("size")
			must(size >= 1 && size <= maxInteger, "bad-claim")
			root := e.claims.octets("root")
			must(len(root) == 32, "bad-length")
			must(slices.ContainsFunc(root, func(b byte) bool { return b != 0 }), "bad-claim")
		},
		history: func(*entry) string { return "index-root" },
	},
}

func checkOrganisation(o *value, code Refusal) {
	must(o != nil && organisationForm.MatchString(o.str("id")), code)
	name := o.str("name")
	must(len(name) >= 1 && len(name) <= 200 && !isControl(name) && isSeen(name), code)
	must(kindForm.MatchString(o.str("kind")), code)
	roles := o.texts("roles")
	must(len(roles) > 0 && ascending(roles) && amongAll(roles, "auditor", "controller", "enroller", "front-desk", "operator",
		"processor", "registrar", "source"), code)
	must(!holdsNumber(o.str("id")) && !holdsNumber(name), "personal-data")
}

// checkAddedKey checks {"jwk":…,"purposes":…,"validFrom":…} and returns the key.
func checkAddedKey(v *value, code Refusal) key {
	must(v != nil, code)
	k := readKey(v.get("jwk"))
	purposes := v.texts("purposes")
	must(len(purposes) > 0 && ascending(purposes) &&
		amongAll(purposes, "administer", "agreements", "audit", "front-desk", "guard", "submit"), code)
	must(v.num("validFrom") <= maxInteger, code)
	return k
}

func checkKey(e *entry) {
	c := e.claims
	must(organisationForm.MatchString(c.str("organisation")), "bad-claim")
	must(!holdsNumber(c.str("organisation")), "personal-data")
	k := checkAddedKey(c.get("key"), "bad-claim")
	checkKeyProof(c.str("proof"), c.str("aud"), c.str("organisation"), k)
	e.countersignature()
}

// checkKeyProof refuses unless the holder of k says that it is this organisation's in this log.
func checkKeyProof(text, origin, organisation string, k key) {
	j := readJWS(text, typKeyProof)
	v := parseJSON(j.payload)
	object{"aud": aText, "org": aText, "jkt": aText}.fits(v)
	must(v.str("aud") == origin && v.str("org") == organisation && v.str("jkt") == k.thumbprint(), "bad-claim")
	j.verify(k)
}

// A countersignature is an enroller's word for an organisation or a key.
type countersignature struct {
	*jws
	claims *value
}

// countersignature reads the entry's countersignature, nil if it has none.
func (e *entry) countersignature() *countersignature {
	if !e.claims.has("countersignature") {
		return nil
	}
	return readCountersignature(e.claims.str("countersignature"))
}

func readCountersignature(text string) *countersignature {
	c := &countersignature{jws: readJWS(text, typCountersignature)}
	c.claims = parseJSON(c.payload)
	object{
		"iss": aText, "aud": aText, "iat": aTime,
		"organisation": organisationShape.fits, "org": aText, "key": addedKeyShape.fits,
	}.fits(c.claims)
	checkIssued(c.claims)
	if c.claims.has("organisation") {
		must(!c.claims.has("org") && !c.claims.has("key"), "bad-claim")
		checkOrganisation(c.claims.get("organisation"), "bad-claim")
		return c
	}
	must(organisationForm.MatchString(c.claims.str("org")), "bad-claim")
	checkAddedKey(c.claims.get("key"), "bad-claim")
	return c
}

func checkRevocation(e *entry) {
	c := e.claims
	must(organisationForm.MatchString(c.str("organisation")), "bad-claim")
	must(!holdsNumber(c.str("organisation")), "personal-data")
	must(isThumbprint(c.str("kid")), "bad-claim")
	must(amongAll([]string{c.str("reason")}, "superseded", "compromised", "retired", "other"), "bad-claim")
	must(c.num("suspectFrom") <= maxInteger, "bad-claim")
}

func checkGenesis(e *entry) {
	const bad = "bad-genesis"
	c := e.claims
	must(c.str("formats") == "igledger/1", bad)
	must(len(c.octets("vrfKey")) == 32, "bad-length")
	instead(bad, func() { vrfKey(c.octets("vrfKey")) })
	instead(bad, func() { must(readVerifierKey(c.str("logKey")).name == c.str("aud"), bad) })
	must(c.num("indexLag") >= 1 && c.num("indexLag") <= maxInteger, bad)
	proofs := c.texts("proofs")
	must(len(proofs) == 3, bad)
	ids, kids := map[string]bool{}, map[string]bool{}
	for i, party := range []string{"registrar", "enroller", "operator"} {
		p := c.get(party)
		checkOrganisation(p, bad)
		k := checkAddedKey(p.get("key"), bad)
		must(!p.get("key").has("validFrom"), bad)
		must(!ids[p.str("id")] && !kids[k.thumbprint()], bad)
		ids[p.str("id")], kids[k.thumbprint()] = true, true
		purpose := "administer"
		if party == "operator" {
			purpose = "submit"
		}
		must(slices.Contains(p.texts("roles"), party) && slices.Contains(p.get("key").texts("purposes"), purpose), bad)
		must(party != "enroller" || !slices.Contains(p.texts("roles"), "operator"), bad)
		checkKeyProof(proofs[i], c.str("aud"), p.str("id"), k)
	}
	must(c.str("iss") == c.get("registrar").str("id"), bad)
	if before := c.get("predecessor"); before != nil {
		must(originForm.MatchString(before.str("origin")) && before.str("origin") != c.str("aud"), bad)
		must(before.num("size") >= 1 && before.num("size") <= maxInteger && len(before.octets("root")) == 32, bad)
	}
}
