package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/wire"
)

// Keys are the operator's secrets. They live in a folder of their own, outside the database and its backups: who has the database alone can
// neither link entries to people nor read them.
type Keys struct {
	Log            note.Signer       // signs checkpoints
	LogVerifierKey string            // C2SP signed-note verifier key of Log: give it to everybody
	VRF            *wire.VRFKey      // makes tags
	Epochs         map[uint32][]byte // epoch keys, 32 bytes, wrap the data keys; destroying one ends what was wrapped by it
	Operator       *wire.Signer      // signs the operator's own entries: reads of the ledger, index roots
}

// Files of a key folder.
const (
	fileLog      = "log.key"      // C2SP signed-note signer key
	fileVRF      = "vrf.key"      // 32 bytes in hex
	fileOperator = "operator.jwk" // private JWK
	epochPrefix  = "epoch-"       // epoch-<n>.key, 32 bytes in hex
)

// GenerateKeys writes a new set for a log of the given origin into dir (mode 0700, files 0600). It never overwrites.
func GenerateKeys(dir, origin string) error {
	skey, _, err := wire.NewLogKey(origin)
	if err != nil {
		return err
	}
	operator, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		return err
	}
	jwk, err := operator.MarshalPrivate()
	if err != nil {
		return err
	}
	epoch := make([]byte, 32)
	rand.Read(epoch)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the key folder: %w", err)
	}
	for _, f := range []struct{ name, content string }{
		{fileLog, skey},
		{fileVRF, hex.EncodeToString(wire.NewVRFKey().Bytes())},
		{fileOperator, string(jwk)},
		{epochPrefix + "1.key", hex.EncodeToString(epoch)},
	} {
		if err := WriteSecret(filepath.Join(dir, f.name), []byte(f.content+"\n")); err != nil {
			return err
		}
	}
	return nil
}

// WriteSecret writes a new file with mode 0600, durably. It never overwrites: losing a key loses what it protects.
func WriteSecret(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing a key file: %w", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// LoadKeys reads a folder that GenerateKeys wrote.
func LoadKeys(dir string) (*Keys, error) {
	k := &Keys{Epochs: map[uint32][]byte{}}
	read := func(name string) (string, error) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", fmt.Errorf("reading a key file: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}
	skey, err := read(fileLog)
	if err != nil {
		return nil, err
	}
	if k.Log, err = note.NewSigner(skey); err != nil {
		return nil, fmt.Errorf("%w: %s is not a signed-note signer key", ErrKeys, fileLog)
	}
	if k.LogVerifierKey, err = wire.LogVerifierKey(skey); err != nil {
		return nil, fmt.Errorf("%s: %w", fileLog, err)
	}
	vrf, err := read(fileVRF)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(vrf)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not hexadecimal", ErrKeys, fileVRF)
	}
	if k.VRF, err = wire.ParseVRFKey(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", fileVRF, err)
	}
	jwk, err := read(fileOperator)
	if err != nil {
		return nil, err
	}
	if k.Operator, err = wire.ParseSigner([]byte(jwk)); err != nil {
		return nil, fmt.Errorf("%s: %w", fileOperator, err)
	}
	epochs, err := filepath.Glob(filepath.Join(dir, epochPrefix+"*.key"))
	if err != nil {
		return nil, err
	}
	for _, path := range epochs {
		name := filepath.Base(path)
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(name, epochPrefix), ".key"), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is not named epoch-<n>.key", ErrKeys, name)
		}
		text, err := read(name)
		if err != nil {
			return nil, err
		}
		key, err := hex.DecodeString(text)
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("%w: %s is not 32 bytes in hexadecimal", ErrKeys, name)
		}
		k.Epochs[uint32(n)] = key
	}
	if len(k.Epochs) == 0 {
		return nil, fmt.Errorf("%w: no epoch key in the folder", ErrKeys)
	}
	return k, nil
}
