package keyfile

import (
	"bytes"
	"context"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// External begins what names a program that signs, as a flag or as the line of a key file:
//
//	exec:PUBLIC PROGRAM ARGUMENT…
//
// PUBLIC is a file with the public key. The words are separated by spaces; no shell reads them.
const External = "exec:"

const (
	defaultPatience = 10 * time.Second
	maxSignature    = 64 << 10 // bytes of a program's output
	grace           = time.Second
)

// program signs with a key that is elsewhere. It is given the bytes to be signed on standard input,
// not their hash, and prints the signature: its bytes, or base64 or base64url of them. An ECDSA
// signature may be in DER (as openssl prints it) or r and s. What it prints is used only if it is a
// good signature of the public key.
type program struct {
	l    *Loader
	args []string
}

// external takes what follows "exec:" apart. Files are relative to dir.
func (l *Loader) external(text, dir string) (public []byte, p *program, err error) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return nil, nil, fmt.Errorf("%w: %s needs a file with the public key and a program: %sPUBLIC PROGRAM ARGUMENT…",
			ErrNoKey, External, External)
	}
	if !filepath.IsAbs(words[0]) {
		words[0] = filepath.Join(dir, words[0])
	}
	f, err := os.Open(words[0])
	if err != nil {
		return nil, nil, fmt.Errorf("reading the public key: %w", err)
	}
	defer f.Close()
	public, err = io.ReadAll(io.LimitReader(f, maxSize))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the public key: %w", err)
	}
	return public, &program{l, words[1:]}, nil
}

// sign implements wire.SignFunc.
func (p *program) sign(message []byte, good func(signature []byte) bool) ([]byte, error) {
	patience := defaultPatience
	var stderr io.Writer
	if p.l != nil {
		stderr = p.l.Stderr
		if p.l.Patience > 0 {
			patience = p.l.Patience
		}
	}
	ctx, cancel := context.WithTimeout(p.l.context(), patience)
	defer cancel()
	var out limited
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(message), &out, stderr
	cmd.WaitDelay = grace // a program of its own may still hold the pipes
	err := cmd.Run()
	name := filepath.Base(p.args[0])
	switch {
	case p.l.context().Err() != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrSigner, name, p.l.context().Err())
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %s did not sign within %s", ErrSigner, name, patience)
	case err != nil: // of the program it has the exit code alone
		return nil, fmt.Errorf("%w: %s: %w", ErrSigner, name, err)
	}
	for _, signature := range spellings(out.buffer.Bytes()) {
		if good(signature) {
			return signature, nil
		}
	}
	return nil, fmt.Errorf("%w: what %s printed is no signature of these bytes by the public key", ErrSigner, name)
}

var errTooMuch = errors.New("it printed too much")

// limited is a buffer with an end. It does not embed the buffer, which has other ways in than
// Write.
type limited struct{ buffer bytes.Buffer }

func (b *limited) Write(p []byte) (int, error) {
	if b.buffer.Len()+len(p) > maxSignature {
		return 0, errTooMuch
	}
	return b.buffer.Write(p)
}

// spellings returns what a program's output can mean.
func spellings(out []byte) (list [][]byte) {
	list = append(list, out)
	text := strings.Join(strings.Fields(string(out)), "")
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if raw, err := e.DecodeString(text); err == nil {
			list = append(list, raw)
		}
	}
	for _, raw := range list {
		if pair, ok := fromDER(raw); ok {
			list = append(list, pair)
		}
	}
	return list
}

// fromDER returns r and s of a P-256 signature, 32 bytes each.
func fromDER(der []byte) ([]byte, bool) {
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 {
		return nil, false
	}
	out := make([]byte, 64)
	for i, n := range []*big.Int{sig.R, sig.S} {
		if n.Sign() < 0 || n.BitLen() > 256 {
			return nil, false
		}
		n.FillBytes(out[32*i : 32*i+32])
	}
	return out, true
}
