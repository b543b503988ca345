package main

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/ledger/keyfile"
	"igledger/ledger/proof/cosign"
)

// keygenCommand verifies nothing, so it is not a command like the others.
func keygenCommand() *cli.Command {
	return &cli.Command{
		Name: "keygen", Usage: "make the key with which an auditor cosigns", ArgsUsage: "FILE",
		Description: "Writes a new private key for igverify audit --key to FILE, which must not exist, and prints its " +
			"verifier key, which others put in their policies. Anyone who has the file can cosign as this auditor. Choose a " +
			"name that no one else uses, such as a host name and a path.\n\n" +
			"With --pq the key is for ML-DSA-44, whose signatures take 2.4 KB more in each statement. Verifiers older than " +
			"C2SP tlog-cosignature 1.1 take such a cosigner for one that never cosigned.\n\n" +
			"Example:\n  igverify keygen --name audit.example.org/igledger audit.key",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the cosigner, on its signature lines"},
			&cli.BoolFlag{Name: "pq", Usage: "make an ML-DSA-44 key, which also withstands quantum computers, not an Ed25519 one"},
			command.EncryptFlag,
			jsonFlag,
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("igverify keygen takes 1 argument, not %d; see igverify keygen --help", c.NArg())
			}
			algorithm := cosign.Ed25519
			if c.Bool("pq") {
				algorithm = cosign.MLDSA44
			}
			k, err := cosign.GenerateSigner(algorithm, c.String("name"))
			if err != nil {
				return usage("--name: give a name without spaces and without +, of at most 255 bytes")
			}
			data, err := command.Sealed(c, k.Private())
			if err != nil {
				return err
			}
			if err := keyfile.Write(c.Args().First(), data); err != nil {
				return err
			}
			if !c.Bool("json") {
				_, err = fmt.Fprintln(c.App.Writer, k.VKey)
				return err
			}
			enc := json.NewEncoder(c.App.Writer)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(map[string]string{"file": c.Args().First(), "verifierKey": k.VKey})
		},
	}
}
