package storage

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testdb"
)

var rewrite = flag.Bool("update", false, "rewrite testdata")

func forms() map[string]Form {
	return map[string]Form{
		"selectKeys": selectKeys, "selectChains": selectChains, "selectStreams": selectStreams,
		"selectPersons": selectPersons, "selectTiles": selectTiles, "selectIdentities": selectIdentities,
		"selectRecords": selectRecords, "InsertLeaf": InsertLeaf, "InsertIdem": InsertIdem,
		"insertRegister": insertRegister, "upsertChain": upsertChain, "upsertStream": upsertStream,
		"upsertPerson": upsertPerson, "upsertTile": upsertTile, "rebuiltIdem": rebuiltIdem,
		"rebuiltRegister": rebuiltRegister, "rebuiltChain": rebuiltChain, "rebuiltSource": rebuiltSource,
		"rebuiltPerson": rebuiltPerson, "rebuiltTile": rebuiltTile, "rebuiltHistory": rebuiltHistory,
		"selectChainRows": selectChainRows, "insertHistory": insertHistory, "registerLeaves": registerLeaves,
	}
}

// testdata/statements.sql shows every statement over a set of rows as each engine is asked.
func TestStatements(t *testing.T) {
	source, err := os.ReadFile("statements.go")
	if err != nil {
		t.Fatal(err)
	}
	all := forms()
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) += (?:Select|Insert|Upsert|Form)[({]`).FindAllSubmatch(source, -1) {
		names = append(names, string(m[1]))
	}
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		t.Fatalf("statements.go has %q, this test has %q", names, got)
	}
	var b bytes.Buffer
	fmt.Fprint(&b, "-- Every statement over a set of rows: PostgreSQL, SQLite (once for each row), CockroachDB.\n"+
		"-- Made from statements.go by: go test ./ledger/storage -run TestStatements -update\n")
	for _, name := range names {
		f := all[name]
		fmt.Fprintf(&b, "\n-- %s\n", name)
		for _, e := range []Engine{PostgreSQL, SQLite, CockroachDB} {
			o := f.Over()
			fmt.Fprintf(&b, "/* %-11s */ %s;\n", e, o.in(e))
		}
	}
	file := filepath.Join("testdata", "statements.sql")
	if *rewrite {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(want, b.Bytes()) {
		t.Errorf("%s is not what the package asks: %v; run this test with -update and read the difference", file, err)
	}
}

// CockroachDB reads a table whole for these, while it has no statistics of it.
func TestCockroachIsNeverAskedForAScan(t *testing.T) {
	for name, f := range forms() {
		o := f.Over()
		if sql := o.in(CockroachDB); strings.Contains(sql, "ANY(") || strings.Contains(sql, "ON CONFLICT") ||
			strings.Contains(strings.ReplaceAll(sql, "INNER LOOKUP JOIN", ""), "JOIN") {
			t.Errorf("%s: %s", name, sql)
		}
	}
}

// each runs f on every engine of testdb.Each, and on PostgreSQL with the statements of CockroachDB,
// where that is not at hand.
func each(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Helper()
	testdb.Each(t, f)
	t.Run("cockroachdb's statements on postgresql", func(t *testing.T) {
		f(t, testdb.PostgreSQL(t)+"&"+standInMark)
	})
}

const standInMark = "application_name=cockroachdbs-statements"

// standIn is PostgreSQL that is asked as CockroachDB is. What PostgreSQL lacks is put into its own
// words: the join hint, and UPSERT. So everything else of these statements is run: their names,
// types and placeholders, what they return and what they write. Whether CockroachDB plans them well
// only CockroachDB can show.
type standIn struct{ database }

func (s *standIn) engine() Engine { return CockroachDB }

func (s *standIn) read(ctx context.Context, ops ...Op) error {
	return s.database.read(ctx, translated(ops)...)
}

func (s *standIn) snapshot(ctx context.Context, ops ...Op) error {
	return s.database.snapshot(ctx, translated(ops)...)
}

func (s *standIn) begin(ctx context.Context, ops ...Op) (tx, error) {
	t, err := s.database.begin(ctx, translated(ops)...)
	if err != nil {
		return nil, err
	}
	return &standInTx{t}, nil
}

type standInTx struct{ tx }

func (t *standInTx) do(ctx context.Context, ops ...Op) error { return t.tx.do(ctx, translated(ops)...) }

func (t *standInTx) commit(ctx context.Context, ops ...Op) error {
	return t.tx.commit(ctx, translated(ops)...)
}

func translated(ops []Op) []Op {
	out := slices.Clone(ops)
	for i := range out {
		out[i].SQL = inPostgres(out[i].in(CockroachDB))
	}
	return out
}

var upserts = regexp.MustCompile(`^UPSERT INTO (\w+) \((\w+), ([^)]*)\)`)

func inPostgres(sql string) string {
	sql = strings.ReplaceAll(sql, " LOOKUP JOIN ", " JOIN ")
	m := upserts.FindStringSubmatch(sql)
	if m == nil {
		return sql
	}
	var set []string
	for _, c := range strings.Split(m[3], ", ") {
		set = append(set, c+" = excluded."+c)
	}
	return "INSERT" + strings.TrimPrefix(sql, "UPSERT") +
		" ON CONFLICT (" + m[2] + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// An idempotency key that is there already is refused by the database itself, on every engine.
func TestKeyTakenInTheDatabase(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		mustAppend(t, s, tree, someLeaves("w", 0, 3))
		num, err := s.Number(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		key := testLeaf("w", 1).Key
		err = s.write(t.Context(), InsertIdem.Over([][]byte{num.Key(key[:])}, []int64{7}))
		if err == nil || errors.Is(err, ErrUnavailable) {
			t.Fatalf("a key was stored twice: %v", err)
		}
	})
}
