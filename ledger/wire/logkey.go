package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// NewLogVerifier reads a C2SP signed-note verifier key, "<origin>+<hash>+<base64>". It accepts only
// Ed25519 and only the canonical spelling of the key: to a reader who compares strings, two
// spellings would be two logs. It returns BadCheckpoint.
func NewLogVerifier(vkey string) (note.Verifier, error) {
	malformed := Errorf(BadCheckpoint, "log verifier key", "want <origin>+<8 hex digits>+<base64 Ed25519 key>")
	if f := EditorFault([]byte(vkey)); !f.IsZero() {
		return nil, Unread(BadCheckpoint, "log verifier key", f)
	}
	if why := otherKey(vkey); why != "" {
		return nil, Errorf(BadCheckpoint, "log verifier key", "%s", why)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil || CheckOrigin(v.Name()) != nil {
		return nil, malformed
	}
	key, err := base64.StdEncoding.Strict().DecodeString(strings.SplitN(vkey, "+", 3)[2]) // base64 may contain a + too
	if err != nil || !validEd25519(key[1:]) {
		return nil, malformed
	}
	if again, err := note.NewEd25519VerifierKey(v.Name(), key[1:]); err != nil || again != vkey {
		return nil, malformed
	}
	return v, nil
}

// otherKey says which kind of key it is if it is a cosigner's (C2SP tlog-cosignature).
func otherKey(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	switch {
	case len(parts) != 3 || err != nil || len(raw) == 0:
	case raw[0] == 0x06:
		return "it is an ML-DSA-44 key, with which a log signs its anchors only and which its genesis does not name: " +
			"give the log's Ed25519 key, or put this one into a policy"
	case raw[0] == 0x04:
		return "it is the key of a cosigner, a witness or an auditor: give the log's"
	}
	return ""
}

// NewLogKey makes an Ed25519 signed-note key for origin. skey is the content of the secret file,
// vkey the key to publish.
func NewLogKey(origin string) (skey, vkey string, err error) {
	if err := CheckOrigin(origin); err != nil {
		return "", "", err
	}
	skey, vkey, err = note.GenerateKey(nil, origin)
	if err != nil {
		return "", "", Errorf(BadKey, "log key", "generation failed")
	}
	return skey, vkey, nil
}

// LogVerifierKey derives the verifier key from a signer key,
// "PRIVATE+KEY+<origin>+<hash>+<base64>". If skey is not an Ed25519 signer key, it returns BadKey.
func LogVerifierKey(skey string) (string, error) {
	s, err := note.NewSigner(skey)
	if err != nil {
		return "", Errorf(BadKey, "log key", "not a signed-note signer key")
	}
	parts := strings.SplitN(skey, "+", 5) // the base64 at the end may contain a + too
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return "", Errorf(BadKey, "log key", "not an Ed25519 signer key")
	}
	vkey, err := note.NewEd25519VerifierKey(s.Name(), ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return "", Errorf(BadKey, "log key", "not an Ed25519 signer key")
	}
	return vkey, nil
}
