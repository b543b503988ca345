// Package keyfile reads and writes the files that hold secrets: private keys, passphrases, the key
// of the pages. What one of them must be like is decided here, for both commands and the server.
//
//   - Who else may read a private key is told: a key is refused that others could have copied.
//
//   - A file may be encrypted under a passphrase, in the format of age (age-encryption.org/v1,
//     scrypt recipient), which the age command reads and writes too.
//
//   - Instead of a key there may be a line that begins with "exec:" and names a program that signs:
//     the key is in a hardware module, an agent or a service. See program.
//
// Nothing here ever prints a key or a passphrase, or takes one from an argument.
package keyfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"igledger/ledger/wire"
)

// Errors that callers can test for with errors.Is.
var (
	// ErrExposed means that others than its owner may read a private key.
	ErrExposed = errors.New("others may read this private key")
	// ErrPassphrase means that the passphrase of an encrypted key is wrong or missing.
	ErrPassphrase = errors.New("no passphrase for it")
	// ErrNoKey means that a file was read, but is not the key that was asked for.
	ErrNoKey = errors.New("not a usable key file")
	// ErrSigner means that the program that is to sign failed, or did not sign with the right key.
	ErrSigner = errors.New("the program that signs failed")
)

// Sort is what a secret is worth to whoever reads it.
type Sort int

// The sorts of secrets.
const (
	// Private keys sign, or decrypt what is kept about people: refused if others may read them.
	Private Sort = iota
	// Passing secrets are worth the sessions and drafts of the pages, or one service's password:
	// warned of.
	Passing
)

// Loader reads key files. The zero value, and a nil Loader, ask nobody for a passphrase and warn
// nobody. A Loader is safe for concurrent use.
type Loader struct {
	Context context.Context // ends waiting for a pipe, a person or a program; nil: nothing does

	// Ask asks a person for the passphrase of a file without showing it. nil: there is nobody.
	Ask func(ctx context.Context, question string) ([]byte, error)
	// Warn tells a person what is not refused.
	Warn func(text string)
	// Stderr is where programs that sign speak to a person, such as "touch the key".
	Stderr io.Writer
	// Patience is how long such a program may take: default 10 s.
	Patience time.Duration

	mu    sync.Mutex
	typed []byte // the passphrase that was right last
}

// PermissionsEnv, if it is "any", turns the refusal of exposed keys into a warning: for file
// systems that have no permissions, and platforms that hand out secrets with those of others.
const PermissionsEnv = "IGLEDGER_KEY_PERMISSIONS"

// credentialsEnv is where systemd puts a service's credentials (systemd.exec, LoadCredential=).
const credentialsEnv = "CREDENTIALS_DIRECTORY"

// maxSize is more than any key file has.
const maxSize = 64 << 10

// Read returns the secret in a file, decrypted.
func (l *Loader) Read(path string, sort Sort) ([]byte, error) {
	data, err := l.read(path, sort)
	if err != nil {
		return nil, err
	}
	if !Encrypted(data) {
		text, f := wire.Text(data)
		if !f.IsZero() {
			return nil, fmt.Errorf("%s: %w: %s", path, ErrNoKey, f)
		}
		return text, nil
	}
	return l.decrypt(path, data)
}

// read returns the file as it is.
func (l *Loader) read(path string, sort Sort) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: %w: it is a folder", path, ErrNoKey)
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() { // opening and reading a pipe wait for whoever writes to it
		var r result
		r.data, r.err = l.readAll(path, sort)
		done <- r
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-l.context().Done():
		return nil, fmt.Errorf("reading %s: %w", path, l.context().Err())
	}
}

func (l *Loader) readAll(path string, sort Sort) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, folder := os.Stat(filepath.Dir(path)); errors.Is(folder, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading a key: there is no folder %s for %s: %w", filepath.Dir(path), path, fs.ErrNotExist)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of the open file: the name may mean another by now
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	if exposed(path, info) {
		if err := l.tell(path, sort, info); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s: %w: longer than %d bytes", path, ErrNoKey, maxSize)
	}
	return data, nil
}

// exposed reports whether others than its owner may read a file. A symbolic link counts as the file
// that it leads to.
func exposed(path string, info fs.FileInfo) bool {
	mode := info.Mode()
	switch {
	case runtime.GOOS == "windows", !mode.IsRegular(): // a pipe, as of a shell's <(…), has no readers but this
		return false
	case mode.Perm()&0o077 == 0:
		return false
	case inCredentials(path): // for this service alone, whatever the mode: systemd sets an access list
		return false
	case mode.Perm()&0o037 == 0 && ofRoot(info) && os.Geteuid() != 0:
		// A file of root's that one group may read, as platforms hand secrets to a service that could
		// not narrow them: PostgreSQL's rule for its own key.
		return false
	}
	return true
}

// tell refuses an exposed file, or warns of it.
func (l *Loader) tell(path string, sort Sort, info fs.FileInfo) error {
	if sort == Private && os.Getenv(PermissionsEnv) != "any" {
		return fmt.Errorf("%s: %w (mode %04o): chmod 600 %s", path, ErrExposed, info.Mode().Perm(), path)
	}
	if l != nil && l.Warn != nil {
		l.Warn(fmt.Sprintf("others may read %s (mode %04o): chmod 600 %s", path, info.Mode().Perm(), path))
	}
	return nil
}

func inCredentials(path string) bool {
	dir := os.Getenv(credentialsEnv)
	if dir == "" {
		return false
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func (l *Loader) context() context.Context {
	if l == nil || l.Context == nil {
		return context.Background()
	}
	return l.Context
}

// Write durably writes a new file that only its owner can read, and makes its folder. It never
// overwrites a file: losing a key loses what the key protects.
func Write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing a key file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w: a key is never overwritten; move it away first", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("writing a key file: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing a key file: %w", err), os.Remove(path))
	}
	return nil
}

// Replace durably replaces the content of a key file: after a crash the file has the old content or
// the new one.
func Replace(path string, data []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("writing a key file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*.key") // mode 0600
	if err != nil {
		return fmt.Errorf("writing a key file: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing a key file: %w", err), os.Remove(f.Name()))
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil { // not every system can sync a folder
		d.Sync() //nolint:errcheck // as above
		d.Close()
	}
	return nil
}

// trimmed returns a secret without the white space around it.
func trimmed(data []byte) string { return string(bytes.TrimSpace(data)) }
