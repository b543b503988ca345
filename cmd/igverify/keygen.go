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

// A cosigner's key file is one line in the manner of golang.org/x/mod/sumdb/note, "PRIVATE+KEY+<key name>+<key id>+<base64 of 0x04 ‖ Ed25519 seed>": name and key
// cannot be mixed up, and no program takes it for the key of a log (0x01).

const privatePrefix = "PRIVATE+KEY+"

// cosignerKey is an auditor's own.
type cosignerKey struct {
	name string // on its signature lines
	key  ed25519.PrivateKey
}

func (k cosignerKey) vkey() string { return cosign.Key(k.name, k.key.Public().(ed25519.PublicKey)) }

func (k cosignerKey) marshal() []byte {
	_, id, _ := strings.Cut(k.vkey(), "+")
	id, _, _ = strings.Cut(id, "+")
	return fmt.Appendf(nil, "%s%s+%s+%s\n", privatePrefix, k.name, id, base64.StdEncoding.EncodeToString(append([]byte{0x04}, k.key.Seed()...)))
}

// errKey never says more: the file is secret.
var errKey = errors.New("not a cosigner's private key: igverify keygen makes one")

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
	if _, err := cosign.New("own", k.vkey()); err != nil || string(k.marshal()) != strings.TrimSuffix(string(data), "\n")+"\n" {
		return cosignerKey{}, errKey // another spelling, or a key id of another name
	}
	return k, nil
}

// keygenCommand verifies nothing, and so is not a command of the others' kind.
func keygenCommand(exit func(int)) *cli.Command {
	return &cli.Command{
		Name: "keygen", Usage: "make the key that an auditor cosigns with", ArgsUsage: "FILE",
		Description: "Writes a new private key to FILE, which must not exist, for igverify audit --key, and prints its verifier key, which others put in their policies. " +
			"Whoever has the file can speak as this auditor. The name should be one that nobody else uses, as a host name and a path.\n\n" +
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
		return k, usage("--name: want a name, without space and +")
	}
	return k, nil
}

// writeSecret never overwrites.
func writeSecret(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s exists; a key is never overwritten", path)
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
