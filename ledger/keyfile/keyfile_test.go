package keyfile

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"igledger/internal/testneeds"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

const (
	quick      = 10 // work factor
	passphrase = "correct horse battery staple"
)

// newKey writes a key of an organisation, and returns it with its file.
func newKey(t *testing.T, alg string) (*wire.Signer, string) {
	t.Helper()
	k, err := wire.GenerateSigner(alg)
	if err != nil {
		t.Fatal(err)
	}
	data, err := k.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	return k, write(t, "org.jwk", data)
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := Write(path, data); err != nil {
		t.Fatal(err)
	}
	return path
}

// secretOf is what no message may repeat.
func secretOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, d, _ := strings.Cut(string(data), `"d":"`)
	return d[:40]
}

// A private key that others may read is refused with the command that helps; a secret of the
// pages is warned of. What systemd, a pipe or root hands over is not for others, whatever its
// mode.
func TestExposedKeys(t *testing.T) {
	key, path := newKey(t, wire.EdDSA)
	var warned []string
	l := &Loader{Warn: func(text string) { warned = append(warned, text) }}
	for mode, refused := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o644: true, 0o620: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := l.Signer(path)
		if errors.Is(err, ErrExposed) != refused || refused && !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Signer(link); !errors.Is(err, ErrExposed) {
		t.Errorf("by a link: %v", err)
	}
	if len(warned) > 0 {
		t.Errorf("warned beside refusing: %q", warned)
	}
	if _, err := l.Read(path, Passing); err != nil || len(warned) != 1 || !strings.Contains(warned[0], "chmod 600") {
		t.Errorf("a passing secret: %v, %q", err, warned)
	}
	if _, err := new(Loader).Read(path, Passing); err != nil {
		t.Errorf("a passing secret, with nobody to warn: %v", err)
	}
	t.Run("systemd", func(t *testing.T) {
		t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path))
		if k, err := l.Signer(path); err != nil || k.KID != key.KID {
			t.Errorf("a credential: %v", err)
		}
		t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
		if _, err := l.Signer(path); !errors.Is(err, ErrExposed) {
			t.Errorf("a file elsewhere: %v", err)
		}
	})
	t.Run("override", func(t *testing.T) {
		t.Setenv(PermissionsEnv, "any")
		before := len(warned)
		if k, err := l.Signer(path); err != nil || k.KID != key.KID || len(warned) != before+1 {
			t.Errorf("%v, %q", err, warned)
		}
	})
	t.Run("pipe", func(t *testing.T) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pipe := filepath.Join(t.TempDir(), "pipe")
		testneeds.It(t, "named pipes", syscall.Mkfifo(pipe, 0o644))
		go os.WriteFile(pipe, data, 0o600) //nolint:errcheck // the reader would fail
		if k, err := l.Signer(pipe); err != nil || k.KID != key.KID {
			t.Errorf("by a pipe: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := (&Loader{Context: ctx}).Signer(pipe); !errors.Is(err, context.Canceled) {
			t.Errorf("a pipe that nobody writes to, interrupted: %v", err)
		}
	})
}

func TestNoKeyFile(t *testing.T) {
	dir := t.TempDir()
	large := write(t, "large", bytes.Repeat([]byte("x"), maxSize+1))
	for path, want := range map[string]error{
		dir:                                ErrNoKey,
		large:                              ErrNoKey,
		write(t, "empty", nil):             ErrNoKey,
		filepath.Join(dir, "none.jwk"):     fs.ErrNotExist,
		filepath.Join(dir, "no", "folder"): fs.ErrNotExist,
		"exec:":                            ErrNoKey,
		"exec:public.jwk":                  ErrNoKey,
		"exec:" + filepath.Join(dir, "none") + " true": fs.ErrNotExist,
	} {
		if _, err := new(Loader).Signer(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	path := write(t, "key", []byte("first"))
	if err := Write(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwritten: %v", err)
	}
	if data, err := os.ReadFile(path); string(data) != "first" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if err := Replace(path, []byte("third")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// An encrypted key is read with its passphrase from a file, a credential or a person, and with none
// other; no error repeats a secret.
func TestEncryptedKeys(t *testing.T) {
	key, plain := newKey(t, wire.EdDSA)
	data, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypt(data, []byte(passphrase), quick)
	if err != nil {
		t.Fatal(err)
	}
	path, secret := write(t, "sealed.jwk", sealed), secretOf(t, plain)
	damaged := bytes.Clone(sealed)
	damaged[len(damaged)-60] ^= 1
	var said []string
	read := func(l *Loader, path string, want error) {
		t.Helper()
		k, err := l.Signer(path)
		if want == nil && (err != nil || k.KID != key.KID) || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		for _, text := range append(said, fmt.Sprint(err)) {
			if strings.Contains(text, secret) || strings.Contains(text, passphrase) || strings.Contains(text, "wrong guess") {
				t.Errorf("a secret in %q", text)
			}
		}
	}
	read(new(Loader), path, ErrPassphrase)
	for _, c := range []struct {
		content string
		want    error
	}{{passphrase, nil}, {passphrase + "\n", nil}, {passphrase + "\r\n", nil}, {"wrong guess", ErrPassphrase}, {"\n", ErrPassphrase}} {
		t.Setenv(PassphraseEnv, write(t, "passphrase", []byte(c.content)))
		read(new(Loader), path, c.want)
	}
	t.Setenv(PassphraseEnv, write(t, "passphrase", []byte(passphrase)))
	read(new(Loader), write(t, "damaged", damaged), ErrNoKey)
	read(new(Loader), write(t, "cut", sealed[:len(sealed)/2]), ErrNoKey)
	read(new(Loader), write(t, "head", sealed[:60]), ErrNoKey)
	if err := os.Chmod(os.Getenv(PassphraseEnv), 0o644); err != nil {
		t.Fatal(err)
	}
	read(new(Loader), path, ErrExposed)
	t.Setenv(PassphraseEnv, filepath.Join(t.TempDir(), "none"))
	read(new(Loader), path, fs.ErrNotExist)
	t.Setenv(PassphraseEnv, "")

	credential := write(t, Credential, []byte(passphrase))
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(credential))
	read(new(Loader), path, nil)
	t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir()) // which has none
	read(new(Loader), path, ErrPassphrase)

	// A person may be wrong twice, and is asked once for all files.
	asked := 0
	answers := func(list ...string) *Loader {
		asked = 0
		return &Loader{Warn: func(text string) { said = append(said, text) }, Ask: func(_ context.Context, question string) ([]byte, error) {
			said = append(said, question)
			asked++
			return []byte(list[min(asked, len(list))-1]), nil
		}}
	}
	l := answers("wrong guess", "", passphrase)
	read(l, path, nil)
	read(l, path, nil)
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
	read(answers("wrong guess"), path, ErrPassphrase)
	if asked != maxTries {
		t.Errorf("asked %d times", asked)
	}
	read(answers(passphrase), plain, nil)
	if asked != 0 {
		t.Error("asked for the passphrase of a key that has none")
	}
}

// script writes a shell script, and returns what names it as the signer of public.
func script(t *testing.T, public []byte, text string) string {
	t.Helper()
	dir := t.TempDir()
	path, key := filepath.Join(dir, "sign"), filepath.Join(dir, "public")
	if err := errors.Join(os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700), os.WriteFile(key, public, 0o600)); err != nil {
		t.Fatal(err)
	}
	return External + key + " " + path
}

// A program's signature is used only if it is one, by the right key, in time.
func TestProgramsThatSign(t *testing.T) {
	testneeds.Program(t, "openssl")
	for _, alg := range []string{wire.EdDSA, wire.ES256} {
		dir := t.TempDir()
		pemOf := func(name string) (private string, public []byte) {
			private = filepath.Join(dir, name)
			args := []string{"genpkey", "-algorithm", "ed25519", "-out", private}
			if alg == wire.ES256 {
				args = []string{"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", private}
			}
			if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			public, err := exec.Command("openssl", "pkey", "-in", private, "-pubout").Output()
			if err != nil {
				t.Fatal(err)
			}
			return private, public
		}
		private, public := pemOf("a.pem")
		other, _ := pemOf("b.pem")
		file := filepath.Join(dir, "message")
		signs := func(key string) string { // openssl signs by Ed25519 only what is in a file
			if alg == wire.ES256 {
				return "openssl dgst -sha256 -sign " + key
			}
			return "cat > " + file + "; openssl pkeyutl -sign -rawin -in " + file + " -inkey " + key
		}
		for _, c := range []struct {
			script string
			good   bool
		}{
			{signs(private), true},
			{signs(private) + " | base64", true},
			{signs(other), false},
			{"echo rubbish", false},
			{"cat", false},
			{"exit 0", false},
			{"exit 3", false},
			{signs(private) + "; exit 1", false},
			{"yes", false},
		} {
			k, err := new(Loader).Signer(script(t, public, c.script))
			if err != nil {
				t.Fatal(err)
			}
			signed, err := k.SignJWS(wire.TypCaller, []byte("{}"))
			if c.good != (err == nil) || !c.good && !errors.Is(err, ErrSigner) {
				t.Errorf("%s, %s: %v", alg, c.script, err)
			}
			if err != nil {
				continue
			}
			j, err := wire.ParseJWS("signed", signed, wire.TypCaller)
			if err != nil || j.Verify(k.Public) != nil {
				t.Errorf("%s, %s: the signature is not good (%v)", alg, c.script, err)
			}
			if _, err := k.MarshalPrivate(); err == nil {
				t.Error("a key that is elsewhere was exported")
			}
		}
		k, err := (&Loader{Patience: time.Millisecond}).Signer(script(t, public, "exec sleep 600"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.SignJWS(wire.TypCaller, []byte("{}")); !errors.Is(err, ErrSigner) || !strings.Contains(err.Error(), "within") {
			t.Errorf("a program that hangs: %v", err)
		}
	}
}

// A key file may hold the line instead, for keys in a folder; the log's own key and a cosigner's
// can be elsewhere too.
func TestElsewhereInAFolder(t *testing.T) {
	testneeds.Program(t, "openssl")
	dir := t.TempDir()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pemFile := filepath.Join(dir, "key.pem")
	if err := Write(pemFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		t.Fatal(err)
	}
	name := "ledger.test/2026"
	vkey := cosign.Key(0x01, name, public)
	for file, text := range map[string]string{
		"log.vkey":    vkey,
		"log.key":     "exec:log.vkey " + filepath.Join(dir, "sign") + "\n",
		"audit.vkey":  cosign.Key(cosign.Ed25519, "auditor", public) + "\n",
		"audit.key":   "exec:audit.vkey " + filepath.Join(dir, "sign"),
		"swapped.key": "exec:log.vkey " + filepath.Join(dir, "sign"),
	} {
		if err := Write(filepath.Join(dir, file), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	message := filepath.Join(dir, "message")
	text := "#!/bin/sh\ncat > " + message + "; openssl pkeyutl -sign -rawin -in " + message + " -inkey " + pemFile + "\n"
	if err := os.WriteFile(filepath.Join(dir, "sign"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	l := new(Loader)
	log, got, err := l.LogKey(filepath.Join(dir, "log.key"))
	if err != nil || got != vkey || log.Name() != name {
		t.Fatalf("%v, %v, %v", log, got, err)
	}
	head := proof.Checkpoint{Origin: name, Size: 7}
	signed, err := head.Sign(log)
	if err != nil {
		t.Fatal(err)
	}
	v, err := wire.NewLogVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := proof.OpenCheckpoint(signed, v); err != nil || c.Size != 7 {
		t.Errorf("%v, %v", c, err)
	}
	auditor, err := l.Cosigner(filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	if line, err := auditor.Sign(head, time.Unix(1_800_000_000, 0)); err != nil || !strings.HasPrefix(line, "— auditor ") {
		t.Errorf("%q, %v", line, err)
	}
	if _, err := l.Cosigner(filepath.Join(dir, "swapped.key")); !errors.Is(err, ErrNoKey) {
		t.Errorf("the key of a log for a cosigner: %v", err)
	}
	d, err := l.Describe(filepath.Join(dir, "log.key"))
	if err != nil || !d.External || d.Public != vkey {
		t.Errorf("%+v, %v", d, err)
	}
}
