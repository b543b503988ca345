package shelf

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"igledger/ledger/keyfile"
)

// KeyFile is the name of the key's file in the operator's key folder.
const KeyFile = "web.key"

const keySize = 32

// LoadKey returns the key in dir, 32 bytes in hex, and makes it first if there is none. Of two
// processes that do so at once both return the same key. Replicas with folders of their own need a
// copy of one file. If the key is lost, so is what lies on the shelves, and nothing else.
func LoadKey(l *keyfile.Loader, dir string) ([]byte, error) {
	path := filepath.Join(dir, KeyFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return nil, fmt.Errorf("making the key of the pages: %w", err)
		}
	}
	key, err := l.Hex(path, keySize, keyfile.Passing)
	if err != nil {
		return nil, fmt.Errorf("reading the key of the pages: %w", err)
	}
	return key, nil
}

// makeKey makes the file with all of its content, or leaves one that is already there.
func makeKey(path string) error {
	key := make([]byte, keySize)
	rand.Read(key)
	f, err := os.CreateTemp(filepath.Dir(path), ".web-*.key") // mode 0600
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, hex.EncodeToString(key))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		if err = os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// Derive returns a key of 32 bytes for another use than the shelves.
func Derive(key []byte, use string) []byte {
	out, err := hkdf.Key(sha256.New, key, nil, "igledger pages "+use, keySize)
	if err != nil {
		panic(err) // only for lengths beyond 8 KiB
	}
	return out
}
