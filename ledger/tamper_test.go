package ledger_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Rebuilding makes the same tables, bit for bit, and the log goes on.
func TestRebuild(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		var batch []*entry.Entry
		for i := range 700 { // more than two full tiles
			batch = append(batch, w.access(fmt.Sprintf("temp:SRC:%d", i%7)))
		}
		w.log.Append(w.ctx, batch...)
		head, _ := w.log.Checkpoint(w.ctx)
		r, err := w.rebuild()
		if err != nil {
			t.Fatal(err)
		}
		if r.Entries != 704 || r.Histories != 1+1+2+7 { // genesis, org:SRC, its two keys, seven people
			t.Errorf("%d entries, %d histories", r.Entries, r.Histories)
		}
		if again, _ := w.log.Checkpoint(w.ctx); string(again) != string(head) {
			t.Error("the checkpoint changed")
		}
		w.checkLog()
		if r := w.must(batch[5]); !r.Replayed {
			t.Error("an entry from before is not recognised")
		}
		if r := w.must(w.access(person)); len(r.Flags) > 0 {
			t.Errorf("the sequence was forgotten: %v", r.Flags)
		}
		w.checkLog()
	})
}

// Changes by an attacker who has the database but not the keys are noticed.
func TestTamperedDatabase(t *testing.T) {
	const leaf = "(SELECT min(place) FROM leaf)"
	for _, c := range []struct {
		name, sql string
		check     func(w *world) error
		want      error
		say       string
	}{
		{"a key's entry is altered", "UPDATE leaf SET value = replace(value, 'a', 'b') WHERE place = " + leaf + " + 3",
			open, nil, "register entry 3"},
		{"the genesis is gone", "UPDATE leaf SET value = x'01' || value WHERE place = " + leaf, open, nil, "register entry 0"},
		{"the checkpoint is another", "UPDATE head SET checkpoint = substr(checkpoint, 1, 30) || x'00' || substr(checkpoint, 32)",
			open, wire.BadCheckpoint, "checkpoint"},
		{"the root is another", "UPDATE head SET root = zeroblob(32)", open, wire.BadCheckpoint, "checkpoint"},
		{"an opening is altered", "UPDATE leaf SET extra = substr(extra, 1, 400) || iif(substr(extra, 401, 1) = x'00', x'01', x'00')" +
			" || substr(extra, 402) WHERE place = " + leaf + " + 5",
			read, nil, "does not decrypt"},
		{"two openings are exchanged", "UPDATE leaf SET extra = (SELECT extra FROM leaf AS o WHERE o.place = " + leaf + " + 6) WHERE place = " + leaf + " + 5",
			read, nil, "altered or moved"},
		{"a leaf's value is altered", "UPDATE leaf SET value = zeroblob(65) WHERE place = " + leaf + " + 5", rebuild, ledger.ErrDiffers, "root"},
		{"a leaf is gone", "DELETE FROM leaf WHERE place = " + leaf + " + 5", rebuild, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := testdb.SQLite(t)
			w := newWorld(t, dsn)
			for range 3 {
				w.must(w.access(person))
			}
			w.log.Close(w.ctx)
			db, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			res, err := db.Exec(c.sql)
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := res.RowsAffected(); n != 1 {
				t.Fatalf("the attack changed %d rows", n)
			}
			w.store = w.openStore()
			err = c.check(w)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.say) {
				t.Errorf("got %v, want %v saying %q", err, c.want, c.say)
			}
		})
	}
}

// A well-formed key entry with the signature of another entry is refused at start, and by a replica
// that is running when another one writes it.
func TestForgedRegisterEntry(t *testing.T) {
	dsn := testdb.SQLite(t)
	w := newWorld(t, dsn)
	replica := func() (*ledger.Log, error) {
		cfg := w.config()
		cfg.Storage = w.openStore()
		return ledger.Open(w.ctx, cfg)
	}
	running, err := replica()
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close(w.ctx)
	key := w.addKey("SRC", w.sourceAdmin, signer(t, wire.EdDSA), entry.PurposeSubmit)
	index := w.must(key).Index
	forged := w.forge(key, w.addKey("SRC", w.sourceAdmin, signer(t, wire.EdDSA), entry.PurposeSubmit))
	w.log.Close(w.ctx)
	db, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.Exec("UPDATE leaf SET value = $1 WHERE place = (SELECT min(place) FROM leaf) + $2",
		proof.PublicLeaf(forged.Compact), int64(index))
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := res.RowsAffected(); n != 1 {
		t.Fatalf("the attack changed %d rows", n)
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, wire.BadSignature) {
			t.Errorf("%s: got %v, want %v", what, err, wire.BadSignature)
		}
	}
	opened, err := replica()
	refused("opening the log", err)
	if err == nil {
		opened.Close(w.ctx)
	}
	refused("an append at the running replica", running.Append(w.ctx, w.access(person))[0].Err)
	_, err = running.Register(w.ctx)
	refused("the register of the running replica", err)
}

func open(w *world) error {
	_, err := ledger.Open(w.ctx, w.config())
	return err
}

func read(w *world) error {
	log, err := ledger.Open(w.ctx, w.config())
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	defer log.Close(w.ctx)
	_, err = log.Opening(w.ctx, 5)
	return err
}

func rebuild(w *world) error {
	_, err := w.rebuild()
	return err
}

// A genesis that its registrar did not sign makes no log, not even an empty one that could not be
// opened.
func TestForgedGenesis(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.dsn = testdb.SQLite(t)
	w.store, w.record = w.openStore(), w.openRecord("file:"+filepath.Join(t.TempDir(), "signed"))
	forged := w.forge(w.genesis(), w.genesis())
	if _, err := ledger.Create(w.ctx, w.config(), forged); !errors.Is(err, wire.BadSignature) {
		t.Errorf("creating: got %v, want %v", err, wire.BadSignature)
	}
	if _, err := ledger.Open(w.ctx, w.config()); !errors.Is(err, ledger.ErrNoLog) {
		t.Errorf("opening: got %v, want %v", err, ledger.ErrNoLog)
	}
	log, err := ledger.Create(w.ctx, w.config(), w.genesis())
	if err != nil {
		t.Fatalf("creating with an honest genesis after it: %v", err)
	}
	log.Close(w.ctx)
}

func TestOpenRefusesOtherKeys(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	if _, err := ledger.Create(w.ctx, w.config(), w.genesis()); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("creating it again: %v", err)
	}
	dir := t.TempDir() + "/other"
	if err := ledger.GenerateKeys(dir, origin); err != nil {
		t.Fatal(err)
	}
	if err := ledger.GenerateKeys(dir, origin); err == nil {
		t.Error("keys were overwritten")
	}
	other, err := ledger.LoadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	good := w.keys
	w.keys = other
	if _, err := ledger.Open(w.ctx, w.config()); !errors.Is(err, ledger.ErrKeys) {
		t.Errorf("with another log key: %v", err)
	}
	mixed := *good
	mixed.VRF = other.VRF
	w.keys = &mixed
	if _, err := ledger.Open(w.ctx, w.config()); !errors.Is(err, ledger.ErrKeys) {
		t.Errorf("with another VRF key: %v", err)
	}
	w.must(w.access(person))
	w.keys = good
	mixed = *good
	mixed.Epochs = other.Epochs
	w.keys = &mixed
	if _, err := ledger.Open(w.ctx, w.config()); !errors.Is(err, ledger.ErrKeys) || !strings.Contains(err.Error(), "epoch key 1") {
		t.Errorf("with another epoch key: %v", err)
	}
	mixed.Epochs = map[uint32][]byte{2: other.Epochs[1]} // the first is lost: the log goes on under the next
	w.reopen()
	if _, err := w.log.Opening(w.ctx, 4); !errors.Is(err, ledger.ErrKeys) {
		t.Errorf("reading without the epoch key: %v", err)
	}
	cfg := w.config()
	cfg.Origin = "elsewhere.test"
	if _, err := ledger.Open(w.ctx, cfg); !errors.Is(err, ledger.ErrKeys) {
		t.Errorf("another origin: %v", err)
	}
}

// No id is in the database outside ciphertext.
func TestNoIDInTheDatabase(t *testing.T) {
	dsn := testdb.SQLite(t)
	w := newWorld(t, dsn)
	w.must(w.access(person))
	w.log.Close(w.ctx)
	db, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT value, extra, identity FROM leaf")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var cols [3][]byte
		if err := rows.Scan(&cols[0], &cols[1], &cols[2]); err != nil {
			t.Fatal(err)
		}
		if all := slices.Concat(cols[:]...); strings.Contains(string(all), person[4:]) || strings.Contains(string(all), "clinic") {
			t.Error("a row holds what it should not")
		}
	}
}
