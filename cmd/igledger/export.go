package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"igledger/verifier/fetch"
)

// exported says of what leaves the ledger as a file when that was and what it is true for: a file
// outlives the moment at which it was made.
type exported struct {
	At   string `json:"exportedAt"` // RFC 3339, UTC, by this machine's clock
	Log  string `json:"log"`        // origin
	Size uint64 `json:"treeSize"`   // of the checkpoint below
	Root string `json:"rootHash"`   // base64, as the checkpoint has it
	Zone string `json:"zone"`       // whose days the file's days are
}

// export reads the log's checkpoint, whose signature it checks. What is asked of the ledger after
// it is true for every entry that the checkpoint covers, and may know later ones.
func (r *remote) export(ctx context.Context, zone string) (exported, error) {
	log, err := fetch.OpenSigned(ctx, r.Base, r.logKey)
	if err != nil {
		return exported{}, fmt.Errorf("reading the checkpoint for which the export is true: %w", err)
	}
	return exported{At: time.Now().UTC().Format(time.RFC3339), Log: r.origin, Size: log.Head.Size,
		Root: base64.StdEncoding.EncodeToString(log.Head.Root[:]), Zone: zone}, nil
}

// columns adds what an export says of itself to each row of a table, as a spreadsheet keeps it with
// every row that is copied from it.
func (x exported) columns(rows [][]string) [][]string {
	for i := range rows {
		add := []string{x.At, x.Log, strconv.FormatUint(x.Size, 10), x.Root, x.Zone}
		if i == 0 {
			add = []string{"exportedAt", "log", "treeSize", "rootHash", "zone"}
		}
		rows[i] = append(rows[i], add...)
	}
	return rows
}

func (x exported) String() string {
	return fmt.Sprintf("exported %s from %s, true for its %s (root %s); days are of %s", x.At, x.Log,
		counted(x.Size, "entry", "entries"), x.Root, x.Zone)
}
