package keyfile

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

// source is what a flag or file names: a key, or a program that has it.
type source struct {
	name   string // for errors
	secret []byte // of a key file
	public []byte // with program
	*program
}

// source reads what value names: a key file, a key file with an exec: line, or such a line.
func (l *Loader) source(value string) (source, error) {
	text, out, dir := value, source{name: "the program that signs"}, ""
	if !strings.HasPrefix(value, External) {
		secret, err := l.Read(value, Private)
		if err != nil {
			return out, err
		}
		text, dir = trimmed(secret), filepath.Dir(value)
		out = source{name: value, secret: secret}
	}
	rest, ok := strings.CutPrefix(text, External)
	if !ok {
		return out, nil
	}
	public, p, err := l.external(rest, dir)
	if err != nil {
		return out, fmt.Errorf("%s: %w", out.name, err)
	}
	return source{name: out.name, public: bytes.TrimSpace(public), program: p}, nil
}

func (s source) bad(err error) error { return fmt.Errorf("%s: %w: %w", s.name, ErrNoKey, err) }

// Signer returns an organisation's key: a private JWK, or a program with the public key as a JWK
// or in PEM.
func (l *Loader) Signer(value string) (*wire.Signer, error) {
	s, err := l.source(value)
	if err != nil {
		return nil, err
	}
	var k *wire.Signer
	if s.program == nil {
		k, err = wire.ParseSigner(bytes.TrimSpace(s.secret))
	} else {
		var public wire.JWK
		if public, err = publicJWK(s.public); err == nil {
			k, err = wire.NewSignerElsewhere(public, s.sign)
		}
	}
	if err != nil {
		return nil, s.bad(err)
	}
	return k, nil
}

// Cosigner returns the key of an auditor or a witness, or the second key of a log. The public key
// of a program is a C2SP verifier key.
func (l *Loader) Cosigner(value string) (*cosign.Signer, error) {
	s, err := l.source(value)
	if err != nil {
		return nil, err
	}
	var k *cosign.Signer
	if s.program == nil {
		k, err = cosign.ParseSigner(s.secret)
	} else {
		k, err = cosign.NewSignerElsewhere(string(s.public), s.sign)
	}
	if err != nil {
		return nil, s.bad(err)
	}
	return k, nil
}

// LogKey returns the key with which a log signs, and its verifier key.
func (l *Loader) LogKey(value string) (note.Signer, string, error) {
	s, err := l.source(value)
	if err != nil {
		return nil, "", err
	}
	if s.program != nil {
		vkey := string(s.public)
		v, err := wire.NewLogVerifier(vkey)
		if err != nil {
			return nil, "", s.bad(err)
		}
		return logElsewhere{v, s.program}, vkey, nil
	}
	k, err := note.NewSigner(trimmed(s.secret))
	if err != nil {
		return nil, "", s.bad(errors.New("not a signed-note signer key"))
	}
	vkey, err := wire.LogVerifierKey(trimmed(s.secret))
	if err != nil {
		return nil, "", s.bad(err)
	}
	return k, vkey, nil
}

// logElsewhere is a note.Signer.
type logElsewhere struct {
	note.Verifier
	p *program
}

// Sign implements note.Signer.
func (k logElsewhere) Sign(msg []byte) ([]byte, error) {
	return k.p.sign(msg, func(signature []byte) bool { return k.Verify(msg, signature) })
}

// Hex returns a secret of size bytes that a file holds in hexadecimal.
func (l *Loader) Hex(path string, size int, sort Sort) ([]byte, error) {
	data, err := l.Read(path, sort)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(trimmed(data))
	if err != nil || len(key) != size {
		return nil, fmt.Errorf("%s: %w: it does not hold %d bytes in hexadecimal", path, ErrNoKey, size)
	}
	return key, nil
}

// publicJWK reads a public key: a JWK, or SubjectPublicKeyInfo in PEM as other programs write it.
func publicJWK(data []byte) (k wire.JWK, err error) {
	block, _ := pem.Decode(data)
	if block == nil {
		if err = wire.DecodeJSON("public JWK", data, &k); err == nil {
			_, err = k.Public()
		}
		return k, err
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return k, errors.New("the PEM is not of a public key")
	}
	return wire.NewJWK(key)
}

// Description says what a key file holds, without its secret.
type Description struct {
	Kind      string `json:"kind"`
	Public    string `json:"public,omitempty"` // the public key: JWK, or C2SP verifier key
	KID       string `json:"kid,omitempty"`    // of an organisation's key
	Encrypted bool   `json:"encrypted"`
	External  bool   `json:"external"` // a program signs
}

// Describe reads a key file of any kind, a public key in PEM or JWK, or what names a program.
func (l *Loader) Describe(value string) (Description, error) {
	var d Description
	if !strings.HasPrefix(value, External) {
		raw, err := l.read(value, Passing)
		if err != nil {
			return d, err
		}
		if k, err := publicJWK(bytes.TrimSpace(raw)); err == nil {
			return describeJWK(k, "public key of an organisation")
		}
		d.Encrypted = Encrypted(raw)
	}
	s, err := l.source(value)
	if err != nil {
		return d, err
	}
	d, err = describe(s)
	if err != nil {
		return d, s.bad(err)
	}
	if !strings.HasPrefix(value, External) {
		raw, err := l.read(value, Passing)
		d.Encrypted = err == nil && Encrypted(raw)
	}
	return d, nil
}

var errUnknown = errors.New("it is no key that igledger knows")

func describe(s source) (Description, error) {
	if s.program != nil {
		d, err := describePublic(s.public)
		d.External = true
		return d, err
	}
	text := trimmed(s.secret)
	if k, err := wire.ParseSigner([]byte(text)); err == nil {
		return describeJWK(k.Public, "key of an organisation")
	}
	if k, err := cosign.ParseSigner([]byte(text)); err == nil {
		return Description{Kind: "key of a cosigner, or the second key of a log", Public: k.VKey}, nil
	}
	if vkey, err := wire.LogVerifierKey(text); err == nil {
		return Description{Kind: "key of a log", Public: vkey}, nil
	}
	if key, err := hex.DecodeString(text); err == nil && len(key) == 32 {
		return Description{Kind: "secret of 32 bytes: pseudonyms, encryption or pages"}, nil
	}
	return Description{}, errUnknown
}

func describePublic(public []byte) (Description, error) {
	if k, err := publicJWK(public); err == nil {
		return describeJWK(k, "key of an organisation")
	}
	if _, err := wire.NewLogVerifier(string(public)); err == nil {
		return Description{Kind: "key of a log", Public: string(public)}, nil
	}
	if _, err := cosign.New("", string(public)); err == nil {
		return Description{Kind: "key of a cosigner, or the second key of a log", Public: string(public)}, nil
	}
	return Description{}, errUnknown
}

func describeJWK(k wire.JWK, kind string) (Description, error) {
	text, err := wire.EncodeJSON(k)
	return Description{Kind: kind + ", " + k.Algorithm(), Public: string(text), KID: k.Thumbprint()}, err
}
