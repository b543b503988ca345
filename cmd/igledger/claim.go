package main

import (
	"cmp"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/urfave/cli/v2"

	"igledger/ledger"
	"igledger/ledger/record"
)

// Keys are used for one log only. igledger keygen makes their signing record with them, which says
// that nothing was signed, and init needs it: keys without one, such as a copy of keys in use, may
// have signed a log.

// elsewhere is why nothing is signed by the record beside the keys if another one was chosen.
const elsewhere = "the log's signing record is kept at another place. Name it by --signing-record"

// newRecord makes the signing record of new keys in their folder.
func newRecord(c *cli.Context, dir string, keys *ledger.Keys) error {
	own, err := recordIn(c.Context, dir, keys)
	if err != nil {
		return err
	}
	defer own.Close() //nolint:errcheck // what was written to it is durable
	state, err := own.Load(c.Context)
	if state != nil || err != nil {
		return err
	}
	return setRecord(c, own, nil, ledger.Signed{Origin: keys.Log.Name()})
}

// claimKeys refuses keys that may have signed a log. If the record is to be at another place than
// beside the keys, the one beside them says so from then on.
func claimKeys(c *cli.Context, cfg ledger.Config) error {
	chosen, err := cfg.Record.Load(c.Context)
	if err != nil {
		return damagedRecord(err)
	}
	own, err := recordIn(c.Context, c.String("keys"), cfg.Keys)
	if err != nil {
		return err
	}
	defer own.Close() //nolint:errcheck // what was written to it is durable
	state, err := own.Load(c.Context)
	if err != nil {
		return damagedRecord(err)
	}
	var signed ledger.Signed
	_ = json.Unmarshal(state, &signed) // what is no record is no unused one either
	unused := signed == ledger.Signed{Origin: cfg.Keys.Log.Name()}
	if chosen == nil && !unused {
		return refused("these keys may have signed a log: their folder has no signing record that says otherwise, as igledger " +
			"keygen makes it. Make new keys with igledger keygen; or, if they have a log, use its database and its signing record")
	}
	if !unused || besideKeys(c) {
		return nil // ledger.Create judges the chosen record
	}
	if chosen == nil {
		if err := setRecord(c, cfg.Record, nil, signed); err != nil {
			return err
		}
	}
	signed.Stopped = elsewhere
	return setRecord(c, own, state, signed)
}

// besideKeys reports whether the chosen record is the file beside the keys, however it is spelled.
func besideKeys(c *cli.Context) bool {
	if c.String("signing-record") == "" {
		return true
	}
	path, file := strings.CutPrefix(c.String("signing-record"), "file:")
	return file && sameFile(path, strings.TrimPrefix(recordPlace(c.String("keys")), "file:"))
}

// sameDatabase reports whether two URLs name one database, as far as they show it: a record in the
// log's own database would go back with it.
func sameDatabase(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	switch {
	case a == b:
		return true
	case strings.HasPrefix(a, "sqlite:") && strings.HasPrefix(b, "sqlite:"):
		path := func(dsn string) string { return strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite:"), "//") }
		return sameFile(path(a), path(b)) || filepath.Clean(path(a)) == filepath.Clean(path(b))
	case errX != nil || errY != nil || x.Host == "":
		return false
	}
	port := func(u *url.URL) string {
		return cmp.Or(u.Port(), map[bool]string{true: "26257", false: "5432"}[u.Scheme == "cockroachdb"])
	}
	return strings.EqualFold(x.Hostname(), y.Hostname()) && port(x) == port(y) && x.Path == y.Path
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func setRecord(c *cli.Context, r record.Record, old []byte, next ledger.Signed) error {
	data, err := json.Marshal(next)
	if err == nil {
		err = r.Swap(c.Context, old, append(data, '\n'))
	}
	if errors.Is(err, record.ErrMoved) {
		return nil // the same, by another run
	}
	return err
}
