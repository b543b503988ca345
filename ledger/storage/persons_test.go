package storage

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/trillian"

	"igledger/internal/testdb"
)

// A state that no look-up named is read inside the append, as one that was named; another log's is
// not.
func TestPersonOnDemand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree, another := mustTree(t, s, "log"), mustTree(t, s, "another")
		leaves := someLeaves("w", 0, 4)
		named, unnamed, elsewhere, nobody := leaves[0].Chain, leaves[1].Chain, leaves[2].Chain, leaves[3].Chain
		set := func(tree *trillian.Tree, leaves []Leaf, states map[[32]byte]string) {
			err := s.Append(ctx, tree, lookupOf(leaves), func(ctx context.Context, tx *AppendTx) error {
				for k, state := range states {
					tx.SetPerson(k, []byte(state))
				}
				return addAll(ctx, tx, leaves, new([]uint64))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		set(tree, leaves[:2], map[[32]byte]string{named: "one", unnamed: "two"})
		set(another, leaves[2:3], map[[32]byte]string{elsewhere: "three"})
		err := s.Append(ctx, tree, Lookup{Persons: [][32]byte{named, nobody}}, func(ctx context.Context, tx *AppendTx) error {
			for range 2 { // what was read is not read again, and reads the same
				for k, want := range map[[32]byte]string{named: "one", unnamed: "two", elsewhere: "", nobody: "", {5}: ""} {
					state, err := tx.Person(ctx, k)
					if err != nil || string(state) != want || (state == nil) != (want == "") {
						t.Errorf("history %x: %q, %v; want %q", k, state, err, want)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Of a history whose chain is looked up too, the state is read if it has one: whether it got it
// with its first leaf or a later one, and after further leaves, a rebuild, and in a database of the
// time before chains said so.
func TestPersonOfAChain(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		var all []Leaf
		persons := map[[32]byte][]byte{}
		add := func(when string, set int) { // seven leaves, of the same seven histories each time
			t.Helper()
			leaves := someLeaves("w", len(all), 7)
			look := lookupOf(leaves)
			look.Persons = slices.Clone(look.Chains)
			err := s.Append(ctx, tree, look, func(ctx context.Context, tx *AppendTx) error {
				for i, l := range leaves {
					state, err := tx.Person(ctx, l.Chain)
					if err != nil || string(state) != string(persons[l.Chain]) {
						t.Errorf("%s: history %d has the state %q, %v; want %q", when, i, state, err, persons[l.Chain])
					}
				}
				if set >= 0 {
					tx.SetPerson(leaves[set].Chain, []byte(when))
				}
				return addAll(ctx, tx, leaves, new([]uint64))
			})
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			if set >= 0 {
				persons[leaves[set].Chain] = []byte(when)
			}
			all = append(all, leaves...)
		}
		add("first", 0)
		add("second", 1)
		add("changed", 0)
		add("later", -1)
		before := dump(t, s)
		final := func() (Final, error) {
			return Final{Streams: map[[16]byte][]byte{{1}: {7, 7, 7, 7}}, Persons: persons}, nil
		}
		if _, err := s.Rebuild(ctx, tree, deriveFrom(all), final); err != nil {
			t.Fatal(err)
		}
		if after := dump(t, s); after != before {
			t.Errorf("rebuilt:\n%s\nbefore:\n%s", after, before)
		}
		add("after a rebuild", 2)
		if err := s.write(ctx, Op{SQL: "UPDATE chain SET governed = 1"}); err != nil {
			t.Fatal(err)
		}
		add("upgraded", -1)
		add("upgraded and written", -1)

		leaves := someLeaves("w", len(all), 1)
		err := s.Append(ctx, tree, lookupOf(leaves), func(ctx context.Context, tx *AppendTx) error {
			tx.SetPerson([32]byte{9}, []byte("of nobody"))
			return addAll(ctx, tx, leaves, new([]uint64))
		})
		if !errors.Is(err, ErrMisuse) {
			t.Errorf("a state without a chain: %v", err)
		}
	})
}

// A chain of the time before chains said whether their persons have a state may have one.
func TestPersonsOfAnEarlierSchema(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		const first = "migrations/00001_tables.sql"
		tables, err := migrationFiles.ReadFile(first)
		if err != nil {
			t.Fatal(err)
		}
		old, err := open(t.Context(), dsn, schema{fstest.MapFS{first: {Data: tables}}, ours.versions, nil, false}, true)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		num := TreeNumber(1)
		k := [32]byte{1}
		err = old.write(t.Context(), Op{
			SQL: "INSERT INTO chain (k, count, head, last) VALUES ($1, 1, $2, 0)", Args: []any{num.Key(k[:]), k[:]},
		}, Op{
			SQL: "INSERT INTO leaf (place, identity, value, extra) VALUES ($1, $2, $2, $2)", Args: []any{num.Place(0), k[:]},
		})
		if err != nil {
			t.Fatal(err)
		}
		rows := map[[32]byte]chainRow{}
		look := chainRowOp(num, [][32]byte{k}, rows)
		if err := old.Read(t.Context(), look); err == nil {
			t.Fatal("the earlier schema has the column: this test proves nothing")
		}
		s, err := Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Read(t.Context(), look); err != nil || !rows[k].governed {
			t.Errorf("governed: %v, %v", rows[k].governed, err)
		}
	})
}
