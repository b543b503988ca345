package oracle

import (
	"crypto/sha256"
	"strings"
)

// Section 3: JWS.

const (
	typEntry            = "igl-entry+sd-jwt"
	typCountersignature = "igl-countersignature+jwt"
	typKeyProof         = "igl-key-proof+jwt"
	typCaller           = "igl-caller+jwt"
)

// A jws is a compact JWS with exactly the header of section 3.
type jws struct {
	text, alg, kid string
	payload        string
	signed         string // header.payload
	signature      []byte
}

func readJWS(text, typ string) *jws {
	must(len(text) <= 1<<20, "too-large")
	parts := strings.Split(text, ".")
	must(len(parts) == 3 && parts[0] != "" && parts[1] != "" && parts[2] != "", "bad-jws")
	raw := unbase64url(parts[0])
	var header *value
	instead("bad-header", func() {
		header = parseJSON(string(raw))
		object{"alg": aText, "kid": aText, "typ": aText}.fits(header)
	})
	alg := header.str("alg")
	must(alg == "EdDSA" || alg == "ES256", "unknown-algorithm")
	must(header.str("typ") == typ, "bad-header")
	must(isThumbprint(header.str("kid")), "bad-header")
	j := &jws{text: text, alg: alg, kid: header.str("kid"), signed: parts[0] + "." + parts[1]}
	j.payload = string(unbase64url(parts[1]))
	j.signature = unbase64url(parts[2])
	must(len(j.signature) == 64, "bad-length")
	return j
}

// identity is the same for every signature over the same header and payload.
func (j *jws) identity() [32]byte { return sha256.Sum256([]byte(j.signed)) }

// verify refuses unless k signed j.
func (j *jws) verify(k key) {
	must(j.kid == k.thumbprint(), "unknown-key")
	must(j.alg == k.alg, "unknown-algorithm")
	must(k.verifies([]byte(j.signed), j.signature), "bad-signature")
}
