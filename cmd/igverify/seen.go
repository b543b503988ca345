package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"igledger/verifier"
)

// compareSeen compares a statement with what --state remembers of the person, and remembers it. The
// directory has a random salt and a file for each person and log, named by a salted hash: neither
// id nor content is in it. Its owner alone can read it.
func (s *session) compareSeen(dir, id string, r *verifier.StatementReport) error {
	unlock, err := lockDir(dir)
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	defer unlock()
	salt, err := saltOf(dir)
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	hash := func(id string) string {
		mac := hmac.New(sha256.New, salt)
		mac.Write([]byte(r.Head.Origin + "\n" + id))
		return hex.EncodeToString(mac.Sum(nil))
	}
	path := filepath.Join(dir, hash(id)+".json")
	var seen *verifier.Seen
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("--state: %w", err)
	default:
		seen = new(verifier.Seen)
		if err := json.Unmarshal(data, seen); err != nil || !seen.About(hash(id)) {
			return errors.New("--state: the file of this person is damaged; if you remove it, what was seen before is forgotten")
		}
	}
	next := verifier.CheckSeen(r, seen, id, hash)
	if next == nil || next == seen {
		return nil
	}
	data, err = json.Marshal(next)
	if err == nil {
		err = writePrivate(path, data)
	}
	if err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}

// lockDir makes a state directory if there is none, and keeps other runs out of it until the caller
// unlocks it: of two at once, the one with the older statement would forget what the other saw.
func lockDir(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := lockFile(d); err != nil {
		d.Close()
		return nil, err
	}
	return func() { d.Close() }, nil // the lock ends with the file
}

// saltOf reads the salt of a state directory, or makes it if the directory is empty.
func saltOf(dir string) ([]byte, error) {
	path := filepath.Join(dir, "salt")
	text, err := os.ReadFile(path)
	if err == nil {
		salt, err := hex.DecodeString(string(text))
		if err != nil || len(salt) != 32 {
			return nil, errors.New("the salt is damaged")
		}
		return salt, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if files, err := os.ReadDir(dir); err != nil {
		return nil, err
	} else if len(files) > 0 {
		return nil, errors.New("the directory has no salt, but is not empty: give one of its own")
	}
	salt := make([]byte, 32)
	rand.Read(salt)
	return salt, writePrivate(path, []byte(hex.EncodeToString(salt)))
}

// writePrivate writes a file that its owner alone can read, whole or not at all.
func writePrivate(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
