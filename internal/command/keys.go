package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"igledger/ledger/keyfile"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

// KeyHelp is what the help of every flag that takes a private key says of its value.
const KeyHelp = ", or 'exec:PUBLIC PROGRAM ARGUMENT…' for a program that signs"

// loaderKey is the name of the loader in an app's metadata: a passphrase is asked for once.
const loaderKey = "keyfile.Loader"

// Keys returns what reads the key files of a command. It asks for passphrases at the terminal, if
// there is one, and warns on standard error.
func Keys(c *cli.Context) *keyfile.Loader {
	if l, ok := c.App.Metadata[loaderKey].(*keyfile.Loader); ok {
		return l
	}
	l := &keyfile.Loader{Context: c.Context, Stderr: c.App.ErrWriter,
		Warn: func(text string) { fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", c.App.Name, text) }}
	if tty := terminalOf(c.App.Reader); tty != nil {
		l.Ask = func(ctx context.Context, question string) ([]byte, error) {
			text, err := hidden(&stdin{tty, ctx}, c.App.ErrWriter, question)
			return []byte(text), err
		}
	}
	if c.App.Metadata == nil {
		c.App.Metadata = map[string]any{}
	}
	c.App.Metadata[loaderKey] = l
	return l
}

// terminalOf returns the terminal at which a person can be asked, nil if there is none: standard
// input, or else the one that controls the process, since standard input may be a file of events.
func terminalOf(in io.Reader) *os.File {
	if s, ok := in.(*stdin); ok {
		in = s.File
	}
	if _, ok := Terminal(in); ok {
		f, _ := in.(*os.File)
		return f
	}
	if _, ok := in.(*os.File); !ok {
		return nil // in a test
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return tty
}

// Signer returns the organisation's key that a flag names.
func Signer(c *cli.Context, flag string) (*wire.Signer, error) {
	k, err := Keys(c).Signer(c.String(flag))
	return k, ofFlag(flag, err)
}

// Cosigner returns the cosigner's key that a flag names.
func Cosigner(c *cli.Context, flag string) (*cosign.Signer, error) {
	k, err := Keys(c).Cosigner(c.String(flag))
	return k, ofFlag(flag, err)
}

// ofFlag names the flag of a key that was not to be had, and gives the error its exit code.
func ofFlag(flag string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("--%s: %w", flag, err)
	if e := new(Error); errors.As(err, &e) {
		return &Error{e.Code, err}
	}
	code := keyCode(err)
	if code == Good {
		code = Unreachable
	}
	return &Error{code, err}
}

// keyCode returns the exit code of what keyfile refuses, Good for other errors.
func keyCode(err error) int {
	switch {
	case errors.Is(err, keyfile.ErrExposed), errors.Is(err, keyfile.ErrPassphrase):
		return Refused
	case errors.Is(err, keyfile.ErrNoKey):
		return Usage
	}
	return Good
}

// EncryptFlag is of commands that write a new key.
var EncryptFlag = &cli.BoolFlag{Name: "encrypt",
	Usage: "encrypt it under a passphrase, which is asked for or in the file that IGLEDGER_PASSPHRASE_FILE names"}

// Sealed returns what a new key file is to hold: the key, with --encrypt under a passphrase.
func Sealed(c *cli.Context, key []byte) ([]byte, error) {
	if !c.Bool(EncryptFlag.Name) {
		return key, nil
	}
	passphrase, err := NewPassphrase(c)
	if err != nil {
		return nil, err
	}
	return keyfile.Encrypt(key, passphrase)
}

// shortestPassphrase is the least length of a passphrase in bytes: a stolen file is tried without
// end, though each try costs 128 MiB of memory for a third of a second.
const shortestPassphrase = 12

// NewPassphrase returns the passphrase under which keys are to be encrypted: that of a file or
// credential, or what a person types twice.
func NewPassphrase(c *cli.Context) ([]byte, error) {
	l := Keys(c)
	passphrase, err := l.Passphrase()
	if err != nil {
		return nil, err
	}
	if passphrase == nil {
		if l.Ask == nil {
			return nil, Errorf(Usage, "name a file with the passphrase by %s, or run this on a terminal", keyfile.PassphraseEnv)
		}
		if passphrase, err = l.Ask(c.Context, "New passphrase"); err != nil {
			return nil, err
		}
		again, err := l.Ask(c.Context, "The same again")
		if err != nil {
			return nil, err
		}
		if string(again) != string(passphrase) {
			return nil, Errorf(Refused, "the two are not the same; nothing was changed")
		}
	}
	if len(passphrase) < shortestPassphrase {
		return nil, Errorf(Refused, "the passphrase is too short: take five random words, or at least %d characters", shortestPassphrase)
	}
	return passphrase, nil
}
