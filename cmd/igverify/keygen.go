package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/ledger/proof/cosign"
)

// A cosigner's key file is one line in the style of golang.org/x/mod/sumdb/note: "PRIVATE+KEY+<key
// name>+<key id>+<base64 of 0x04 ‖ Ed25519 seed>". So name and key cannot be mixed up, and no
// program takes it for the key of a log (0x01).

const privatePrefix = "PRIVATE+KEY+"

// cosignerKey is an auditor's own key.
type cosignerKey struct {
	name string // on its signature lines
	key  ed25519.PrivateKey
}

func (k cosignerKey) vkey() string { return cosign.Key(k.name, k.key.Public().(ed25519.PublicKey)) }

func (k cosignerKey) marshal() []byte {
	_, id, _ := strings.Cut(k.vkey(), "+")
	id, _, _ = strings.Cut(id, "+")
	seed := base64.StdEncoding.EncodeToString(append([]byte{0x04}, k.key.Seed()...))
	return fmt.Appendf(nil, "%s%s+%s+%s\n", privatePrefix, k.name, id, seed)
}

// errKey says no more, because the file is secret.
var errKey = errors.New("not a cosigner's private key; make one with igverify keygen")

func parseCosignerKey(data []byte) (cosignerKey, error) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(string(data), "\n"), privatePrefix)
	parts := strings.SplitN(rest, "+", 3)
	if !ok || len(parts) != 3 {
		return cosignerKey{}, errKey
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.SeedSize || raw[0] != 0x04 {
		return cosignerKey{}, errKey
	}
	k := cosignerKey{parts[0], ed25519.NewKeyFromSeed(raw[1:])}
	canonical := strings.TrimSuffix(string(data), "\n") + "\n"
	if _, err := cosign.New("own", k.vkey()); err != nil || string(k.marshal()) != canonical {
		return cosignerKey{}, errKey // another spelling, or the key id of another name
	}
	return k, nil
}

// keygenCommand verifies nothing, so it is not a command like the others.
func keygenCommand(exit func(int)) *cli.Command {
	return &cli.Command{
		Name: "keygen", Usage: "make the key with which an auditor cosigns", ArgsUsage: "FILE",
		Description: "Writes a new private key for igverify audit --key to FILE, which must not exist, and prints its " +
			"verifier key, which others put in their policies. Anyone who has the file can cosign as this auditor. Choose a " +
			"name that no one else uses, such as a host name and a path.\n\n" +
			"Example:\n  igverify keygen --name audit.example.org/igledger audit.key",
		Flags:        []cli.Flag{&cli.StringFlag{Name: "name", Usage: "`NAME` of the cosigner, on its signature lines"}, jsonFlag},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return usageError(err.Error()) },
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("igverify keygen takes 1 argument, not %d; see igverify keygen --help", c.NArg())
			}
			k, err := newCosignerKey(c.String("name"))
			if err != nil {
				return err
			}
			if err := writeSecret(c.Args().First(), k.marshal()); err != nil {
				exit(exitUnreadable)
				return err
			}
			if !c.Bool("json") {
				_, err = fmt.Fprintln(c.App.Writer, k.vkey())
				return err
			}
			enc := json.NewEncoder(c.App.Writer)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(map[string]string{"file": c.Args().First(), "verifierKey": k.vkey()})
		},
	}
}

func newCosignerKey(name string) (cosignerKey, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return cosignerKey{}, err
	}
	k := cosignerKey{name, key}
	if _, err := cosign.New("own", k.vkey()); err != nil {
		return k, usage("--name: give a name without spaces and without +")
	}
	return k, nil
}

// writeSecret writes a new file that only its owner can read. It never overwrites a file.
func writeSecret(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s already exists; keygen never overwrites a key", path)
	} else if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	closeErr := f.Close()
	if err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}
