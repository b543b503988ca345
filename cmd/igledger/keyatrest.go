package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/ledger/keyfile"
)

func showKeyCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "say what a key file holds, without its secret",
		ArgsUsage: "FILE",
		Description: "Reads any key file of igledger or igverify, a public key in PEM, or 'exec:PUBLIC PROGRAM ARGUMENT…'.\n" +
			"With --public only the public key is printed, as others need it.\n\n" +
			"Example: igledger key show lothian-submit.jwk\n" +
			"Example: igledger key show --public hsm.pem > hsm.jwk",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "public", Usage: "print the public key alone"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("key show: give one FILE")
			}
			d, err := command.Keys(c).Describe(c.Args().First())
			if err != nil {
				return err
			}
			if c.Bool("public") && d.Public == "" {
				return usage("%s has no public key: it is a secret that two sides share, or that only decrypts", c.Args().First())
			}
			if c.Bool("public") {
				_, err := fmt.Fprintln(c.App.Writer, d.Public)
				return err
			}
			text := d.Kind + "\n"
			for _, line := range [][2]string{{"kid: ", d.KID}, {"public key: ", d.Public}} {
				if line[1] != "" {
					text += line[0] + line[1] + "\n"
				}
			}
			switch {
			case d.External:
				text += "a program signs\n"
			case d.Encrypted:
				text += "encrypted under a passphrase\n"
			}
			return output(c, d, "%s", text)
		},
	}
}

func encryptKeyCommand() *cli.Command {
	return &cli.Command{
		Name:      "encrypt",
		Usage:     "encrypt key files under a passphrase",
		ArgsUsage: "FILE-OR-FOLDER…",
		Description: "The files keep their names, and every command and the server read them as before, with the\n" +
			"passphrase: asked for at a terminal, in the file that IGLEDGER_PASSPHRASE_FILE names, or the\n" +
			"systemd credential igledger-passphrase. Of a folder, as igledger keygen --origin makes it, all\n" +
			"keys are encrypted. The format is that of age (age -d decrypts it). Without the passphrase a\n" +
			"key is lost. Copies and backups of before are not encrypted: destroy them.\n\n" +
			"Example: igledger key encrypt /etc/igledger/keys\n" +
			"Example: IGLEDGER_PASSPHRASE_FILE=/run/secrets/passphrase igledger key encrypt lothian-submit.jwk",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print as JSON"}},
		Action: func(c *cli.Context) error { return rewriteKeys(c, true) },
	}
}

func decryptKeyCommand() *cli.Command {
	return &cli.Command{
		Name:      "decrypt",
		Usage:     "store encrypted key files without their passphrase again",
		ArgsUsage: "FILE-OR-FOLDER…",
		Description: "Asks for the passphrase as every command does. To change a passphrase, decrypt and encrypt again.\n\n" +
			"Example: igledger key decrypt lothian-submit.jwk",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print as JSON"}},
		Action: func(c *cli.Context) error { return rewriteKeys(c, false) },
	}
}

// rewriteKeys encrypts or decrypts the files that the arguments name. It reads all of them before
// it changes one.
func rewriteKeys(c *cli.Context, encrypt bool) error {
	if c.NArg() == 0 {
		return usage("key %s: give one or more files, or a folder of keys", c.Command.Name)
	}
	var files []string
	for _, arg := range c.Args().Slice() {
		list, err := keyFiles(arg)
		if err != nil {
			return err
		}
		files = append(files, list...)
	}
	l := command.Keys(c)
	secrets := map[string][]byte{}
	changed := []string{}
	for _, f := range files {
		d, err := l.Describe(f) // what is no key is not encrypted by mistake
		if err != nil {
			return err
		}
		if d.Encrypted == encrypt {
			continue
		}
		if secrets[f], err = l.Read(f, keyfile.Private); err != nil {
			return err
		}
		changed = append(changed, f)
	}
	if encrypt && len(changed) > 0 {
		passphrase, err := command.NewPassphrase(c)
		if err != nil {
			return err
		}
		for f, secret := range secrets {
			if secrets[f], err = keyfile.Encrypt(secret, passphrase); err != nil {
				return err
			}
			if back, err := keyfile.Decrypt(secrets[f], passphrase); err != nil || !bytes.Equal(back, secret) {
				return fmt.Errorf("%s: encrypted it would not be the same key; nothing was changed (%v)", f, err)
			}
		}
	}
	text := ""
	for _, f := range changed {
		if err := keyfile.Replace(f, secrets[f]); err != nil {
			return err
		}
		text += c.Command.Name + "ed: " + f + "\n"
	}
	if len(changed) == 0 {
		text = "nothing to do\n"
	}
	return output(c, map[string][]string{"changed": changed}, "%s", text)
}

// keyFiles returns the file, or the files of a folder of keys.
func keyFiles(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	if err != nil || !info.IsDir() {
		return []string{arg}, nil // reading it says what is wrong
	}
	var list []string
	for _, pattern := range []string{"*.key", "*.jwk"} {
		found, err := filepath.Glob(filepath.Join(arg, pattern))
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	if len(list) == 0 {
		return nil, usage("%s is a folder without keys", arg)
	}
	slices.Sort(list)
	return list, nil
}
