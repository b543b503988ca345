package verifier_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// altered returns the disclosures with one of them changed.
func altered(list []string, name string) []string {
	out := append([]string{}, list...)
	for i, d := range out {
		if p, err := wire.ParseDisclosure(d); err == nil && p.Name == name {
			n, err := wire.NewDisclosure(name, entry.Text{Why: "at the patient's request"})
			if err != nil {
				panic(err)
			}
			out[i] = n.Encoded
		}
	}
	return out
}

// alterPayload changes the payload of a JWS and leaves the signature.
func alterPayload(jws, old, changed string) string {
	p := strings.Split(jws, ".")
	b, err := base64.RawURLEncoding.DecodeString(p[1])
	if err != nil || !bytes.Contains(b, []byte(old)) {
		panic("payload has no " + old)
	}
	return p[0] + "." + base64.RawURLEncoding.EncodeToString(bytes.Replace(b, []byte(old), []byte(changed), 1)) + "." + p[2]
}

// highS returns the JWS with the twin of its ES256 signature, which also verifies.
func highS(jws string) string {
	at := strings.LastIndexByte(jws, '.') + 1
	sig, err := base64.RawURLEncoding.DecodeString(jws[at:])
	if err != nil {
		panic(err)
	}
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
	return jws[:at] + base64.RawURLEncoding.EncodeToString(sig)
}

func parsed(jws string, disclosures []string) *entry.Entry {
	e, err := entry.ParseParts(jws, disclosures)
	if err != nil {
		panic(err)
	}
	return e
}

// laterCosignature moves the time in the last signature line by a second.
func laterCosignature(signed string) string {
	at := strings.LastIndexByte(signed, ' ') + 1
	b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(signed[at:], "\n"))
	if err != nil {
		panic(err)
	}
	b[11]++
	return signed[:at] + base64.StdEncoding.EncodeToString(b) + "\n"
}
