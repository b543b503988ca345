package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

// Keys are the operator's secrets. They are in a folder of their own, outside the database and its
// backups, so that an attacker who has only the database can neither read entries nor link them to
// people.
type Keys struct {
	Log            note.Signer // signs checkpoints
	LogVerifierKey string      // C2SP signed-note verifier key of Log, public

	// LogPQ is a second key of the log, for ML-DSA-44, with which it signs its anchors too, as C2SP
	// tlog-checkpoint advises. It is nil if the folder has none.
	LogPQ    *cosign.Signer
	VRF      *wire.VRFKey // makes tags
	Operator *wire.Signer // signs the operator's own entries: reads of the ledger, index roots

	// Epochs are the epoch keys, 32 bytes each, which wrap the data keys. Destroying one makes
	// everything under it unreadable for good.
	Epochs map[uint32][]byte
}

// Files of a key folder.
const (
	fileLog      = "log.key"      // C2SP signed-note signer key
	fileLogPQ    = "log-pq.key"   // ML-DSA-44 key, see cosign.Signer.Private; may be missing
	fileVRF      = "vrf.key"      // 32 bytes in hex
	fileOperator = "operator.jwk" // private JWK
	epochPrefix  = "epoch-"       // epoch-<n>.key, 32 bytes in hex
)

// GenerateKeys writes new keys for a log of the given origin into dir (mode 0700, files 0600). It
// never overwrites a file.
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

// GeneratePQKey writes a second key for the log, for ML-DSA-44, into a folder that GenerateKeys
// wrote. It never overwrites a file. The log signs its next anchors with it.
func GeneratePQKey(dir, origin string) error {
	k, err := cosign.GenerateSigner(cosign.MLDSA44, origin)
	if err != nil {
		return err
	}
	return WriteSecret(filepath.Join(dir, fileLogPQ), k.Private())
}

// WriteSecret durably writes a new file with mode 0600. It never overwrites a file: losing a key
// loses what the key protects.
func WriteSecret(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing a key file: %w", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// LoadKeys reads a folder that GenerateKeys wrote. If a key is missing or malformed, the error says
// which file.
func LoadKeys(dir string) (*Keys, error) {
	k := &Keys{Epochs: map[uint32][]byte{}}
	read := func(name string) (string, error) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", fmt.Errorf("reading a key file: %w", err)
		}
		b, f := wire.Text(b)
		if !f.IsZero() {
			return "", fmt.Errorf("%w: %s: %s", ErrKeys, name, f)
		}
		return strings.TrimSpace(string(b)), nil
	}
	skey, err := read(fileLog)
	if err != nil {
		return nil, err
	}
	k.Log, err = note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not a signed-note signer key", ErrKeys, fileLog)
	}
	k.LogVerifierKey, err = wire.LogVerifierKey(skey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileLog, err)
	}
	if k.LogPQ, err = readPQ(filepath.Join(dir, fileLogPQ), k.Log.Name()); err != nil {
		return nil, err
	}
	vrf, err := read(fileVRF)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(vrf)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not hexadecimal", ErrKeys, fileVRF)
	}
	k.VRF, err = wire.ParseVRFKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileVRF, err)
	}
	jwk, err := read(fileOperator)
	if err != nil {
		return nil, err
	}
	k.Operator, err = wire.ParseSigner([]byte(jwk))
	if err != nil {
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

// readPQ returns the log's second key, or nil if there is no such file.
func readPQ(path, origin string) (*cosign.Signer, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a key file: %w", err)
	}
	k, err := cosign.ParseSigner(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKeys, fileLogPQ, err)
	}
	if k.Name != origin || !k.PQ() {
		return nil, fmt.Errorf("%w: %s is not an ML-DSA-44 key named %s", ErrKeys, fileLogPQ, origin)
	}
	return k, nil
}
