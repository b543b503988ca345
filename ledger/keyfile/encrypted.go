package keyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// PassphraseEnv names a file with the passphrase of encrypted keys, such as a mounted secret.
const PassphraseEnv = "IGLEDGER_PASSPHRASE_FILE"

// Credential is the name under which a service finds its passphrase among the credentials that
// systemd gives to it.
const Credential = "igledger-passphrase"

const (
	// workFactor is the cost of trying a passphrase: scrypt with N = 2^17, r = 8, p = 1 (128 MiB of
	// memory), as OWASP's Password Storage Cheat Sheet asks at least.
	workFactor = 17
	// maxWorkFactor bounds what a file can make us spend: some seconds.
	maxWorkFactor = 20
	// maxTries is how often a person is asked.
	maxTries   = 3
	binaryHead = "age-encryption.org/v1\n"
)

// Encrypted reports whether a key file is encrypted in the format of age.
func Encrypted(data []byte) bool {
	return bytes.HasPrefix(data, []byte(binaryHead)) || bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(armor.Header))
}

// Encrypt returns a key file that holds a secret under a passphrase.
func Encrypt(secret, passphrase []byte) ([]byte, error) {
	return encrypt(secret, passphrase, workFactor)
}

func encrypt(secret, passphrase []byte, work int) ([]byte, error) {
	to, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	to.SetWorkFactor(work)
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, to)
	if err == nil {
		_, err = w.Write(secret)
	}
	if err == nil {
		err = errors.Join(w.Close(), text.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	return out.Bytes(), nil
}

// Decrypt returns the secret of a key file that Encrypt made. If the passphrase is wrong, it
// returns ErrPassphrase.
func Decrypt(data, passphrase []byte) ([]byte, error) {
	id, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("%w: it is empty", ErrPassphrase)
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	var in io.Reader = bytes.NewReader(data)
	if !bytes.HasPrefix(data, []byte(binaryHead)) {
		in = armor.NewReader(in)
	}
	r, err := age.Decrypt(in, id)
	if none := new(age.NoIdentityMatchError); errors.As(err, &none) {
		for _, kind := range none.StanzaTypes {
			if kind != "scrypt" {
				return nil, fmt.Errorf("%w: it is encrypted to a key of age, not under a passphrase", ErrNoKey)
			}
		}
		return nil, fmt.Errorf("%w: it is wrong", ErrPassphrase)
	}
	var secret []byte
	if err == nil {
		secret, err = io.ReadAll(io.LimitReader(r, maxSize))
	}
	if err != nil { // age's own words may repeat what stands in the file
		return nil, fmt.Errorf("%w: the encrypted file is damaged, or not all of it is there", ErrNoKey)
	}
	return secret, nil
}

// decrypt finds the passphrase of a file: in a file, in a credential, in memory, or by asking.
func (l *Loader) decrypt(path string, data []byte) ([]byte, error) {
	wrap := func(secret []byte, err error) ([]byte, error) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return secret, nil
	}
	kept, err := l.Passphrase()
	if err != nil {
		return nil, err
	}
	if kept != nil {
		return wrap(Decrypt(data, kept))
	}
	if l == nil || l.Ask == nil {
		return wrap(nil, fmt.Errorf("it is encrypted: %w; name a file with it by %s, or run this on a terminal", ErrPassphrase, PassphraseEnv))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.typed != nil {
		if secret, err := Decrypt(data, l.typed); !errors.Is(err, ErrPassphrase) {
			return wrap(secret, err)
		}
	}
	for try := 1; ; try++ {
		typed, err := l.Ask(l.context(), "Passphrase of "+path)
		if err != nil {
			return wrap(nil, err)
		}
		secret, err := Decrypt(data, typed)
		if err == nil {
			l.typed = typed
		}
		if !errors.Is(err, ErrPassphrase) || try == maxTries {
			return wrap(secret, err)
		}
		if l.Warn != nil {
			l.Warn("that is not the passphrase")
		}
	}
}

// Passphrase returns the passphrase that a file or a credential holds, nil if none does.
func (l *Loader) Passphrase() ([]byte, error) {
	path := os.Getenv(PassphraseEnv)
	if path == "" {
		dir := os.Getenv(credentialsEnv)
		if dir == "" {
			return nil, nil
		}
		path = filepath.Join(dir, Credential)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	data, err := l.read(path, Private)
	if err != nil {
		return nil, fmt.Errorf("the passphrase: %w", err)
	}
	data = bytes.TrimRight(data, "\r\n")
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: the file %s is empty", ErrPassphrase, path)
	}
	return data, nil
}
