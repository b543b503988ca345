package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/keyfile"
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
	epoch := make([]byte, epochSize)
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
		if err := keyfile.Write(filepath.Join(dir, f.name), []byte(f.content+"\n")); err != nil {
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
	return keyfile.Write(filepath.Join(dir, fileLogPQ), k.Private())
}

// GenerateEpochKey writes one more epoch key into a folder that has some, and returns its number. A
// process that starts with it wraps its data keys with it; the others are needed for what was
// written before. It never overwrites a file.
func GenerateEpochKey(dir string) (uint32, error) {
	epochs, err := epochFiles(dir)
	if err != nil {
		return 0, err
	}
	var last uint32
	for n := range epochs {
		last = max(last, n)
	}
	if last == 0 || last == math.MaxUint32 {
		return 0, fmt.Errorf("%w: no epoch key in the folder", ErrKeys)
	}
	key := make([]byte, epochSize)
	rand.Read(key)
	name := fmt.Sprintf("%s%d.key", epochPrefix, last+1)
	return last + 1, keyfile.Write(filepath.Join(dir, name), []byte(hex.EncodeToString(key)+"\n"))
}

// epochFiles returns the files of epoch keys by their numbers.
func epochFiles(dir string) (map[uint32]string, error) {
	list, err := filepath.Glob(filepath.Join(dir, epochPrefix+"*.key"))
	if err != nil {
		return nil, err
	}
	out := map[uint32]string{}
	for _, path := range list {
		name := filepath.Base(path)
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(name, epochPrefix), ".key"), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is not named epoch-<n>.key", ErrKeys, name)
		}
		out[uint32(n)] = path
	}
	return out, nil
}

// LoadKeys reads a folder that GenerateKeys wrote. If a key is missing or malformed, the error says
// which file. log.key, log-pq.key and operator.jwk may name a program that signs, and each file
// may be encrypted, as package keyfile describes.
func LoadKeys(dir string) (*Keys, error) { return LoadKeysBy(nil, dir) }

// LoadKeysBy is LoadKeys with a loader, which may ask for a passphrase.
func LoadKeysBy(l *keyfile.Loader, dir string) (*Keys, error) {
	k := &Keys{Epochs: map[uint32][]byte{}}
	var err error
	k.Log, k.LogVerifierKey, err = l.LogKey(filepath.Join(dir, fileLog))
	if err != nil {
		return nil, keyErr(err)
	}
	if k.LogPQ, err = readPQ(l, filepath.Join(dir, fileLogPQ), k.Log.Name()); err != nil {
		return nil, err
	}
	raw, err := l.Hex(filepath.Join(dir, fileVRF), vrfSize, keyfile.Private)
	if err != nil {
		return nil, keyErr(err)
	}
	k.VRF, err = wire.ParseVRFKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileVRF, err)
	}
	k.Operator, err = l.Signer(filepath.Join(dir, fileOperator))
	if err != nil {
		return nil, keyErr(err)
	}
	epochs, err := epochFiles(dir)
	if err != nil {
		return nil, err
	}
	for n, path := range epochs {
		k.Epochs[n], err = l.Hex(path, epochSize, keyfile.Private)
		if err != nil {
			return nil, keyErr(err)
		}
	}
	if len(k.Epochs) == 0 {
		return nil, fmt.Errorf("%w: no epoch key in the folder", ErrKeys)
	}
	return k, nil
}

// Bytes of keys.
const (
	vrfSize   = 32
	epochSize = 32
)

// keyErr makes an error about the content of a key file an ErrKeys.
func keyErr(err error) error {
	if errors.Is(err, keyfile.ErrNoKey) {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return err
}

// readPQ returns the log's second key, or nil if there is no such file.
func readPQ(l *keyfile.Loader, path, origin string) (*cosign.Signer, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	k, err := l.Cosigner(path)
	if err != nil {
		return nil, keyErr(err)
	}
	if k.Name != origin || !k.PQ() {
		return nil, fmt.Errorf("%w: %s is not an ML-DSA-44 key named %s", ErrKeys, fileLogPQ, origin)
	}
	return k, nil
}
