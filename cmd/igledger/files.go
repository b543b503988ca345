package main

import (
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"igledger/ledger/wire"
)

func fileOrStdin(c *cli.Context, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(c.App.Reader, 64<<20))
	}
	return os.ReadFile(path)
}

// readText reads a file that people write, or standard input for "-": with or without a byte-order
// mark, and with the line ends of any system. Files that are hashed as they are, such as a notice,
// are not read by it. FHIR is read by package tree, which skips marks between values too.
func readText(c *cli.Context, path string) ([]byte, error) {
	data, err := fileOrStdin(c, path)
	if err != nil {
		return nil, err
	}
	data, f := wire.Text(data)
	if !f.IsZero() {
		return nil, usage("%s: %s", path, f)
	}
	return data, nil
}
