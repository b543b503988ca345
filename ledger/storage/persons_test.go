package storage

import (
	"context"
	"testing"
)

// A state that no look-up named is read inside the append, as one that was named; another log's is
// not.
func TestPersonOnDemand(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree, another := mustTree(t, s, "log"), mustTree(t, s, "another")
		named, unnamed, elsewhere, nobody := [32]byte{1}, [32]byte{2}, [32]byte{3}, [32]byte{4}
		err := s.Append(ctx, tree, Lookup{}, func(_ context.Context, tx *AppendTx) error {
			tx.SetPerson(named, []byte("one"))
			tx.SetPerson(unnamed, []byte("two"))
			tx.SetStream([16]byte{}, []byte("{}"))
			return nil
		})
		if err == nil {
			err = s.Append(ctx, another, Lookup{}, func(_ context.Context, tx *AppendTx) error {
				tx.SetPerson(elsewhere, []byte("three"))
				tx.SetStream([16]byte{}, []byte("{}"))
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		err = s.Append(ctx, tree, Lookup{Persons: [][32]byte{named, nobody}}, func(ctx context.Context, tx *AppendTx) error {
			for range 2 { // what was read is not read again, and reads the same
				for k, want := range map[[32]byte]string{named: "one", unnamed: "two", elsewhere: "", nobody: "", {5}: ""} {
					state, err := tx.Person(ctx, k)
					if err != nil || string(state) != want || (state == nil) != (want == "") {
						t.Errorf("history %x: %q, %v; want %q", k[0], state, err, want)
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
