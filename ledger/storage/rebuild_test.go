package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"igledger/internal/testneeds"
)

// deriveFrom derives what appendLeaves has stored of these leaves.
func deriveFrom(all []Leaf) func(Record) (Derived, error) {
	heads := map[[32]byte][32]byte{}
	return func(r Record) (Derived, error) {
		l := all[r.Index]
		heads[l.Chain] = nextHead(heads[l.Chain], r.Index, l.Value)
		return Derived{Key: l.Key, Chain: l.Chain, Head: heads[l.Chain], Register: l.Register}, nil
	}
}

// oneStream is the stream that one append of 300 leaves has stored.
func oneStream() (Final, error) {
	return Final{Streams: map[[16]byte][]byte{{1}: {300 & 0xff}}}, nil
}

// dump returns all rows of the derived tables.
func dump(t *testing.T, s *Storage) string {
	t.Helper()
	var out strings.Builder
	for _, d := range derived {
		err := s.Read(context.Background(), Op{
			SQL: "SELECT " + d.columns + " FROM " + d.name + " ORDER BY " + d.columns,
			Scan: func(scan func(...any) error) error {
				row := make([]any, strings.Count(d.columns, ",")+1)
				for i := range row {
					row[i] = new(any)
				}
				err := scan(row...)
				out.WriteString(d.name)
				for _, v := range row {
					fmt.Fprintf(&out, " %v", *v.(*any))
				}
				out.WriteString("\n")
				return err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// The process that rebuilds dies before each statement in turn. Nothing that is in use has changed,
// the log goes on, and the next rebuild ends.
func TestRebuildKilledAtEveryStatement(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		all := someLeaves("w", 0, 300)
		mustAppend(t, s, tree, all)
		before := dump(t, s)
		for at := 1; ; at += testneeds.Part(1, 3) {
			dying := openTest(t, dsn)
			dead := false
			n := at
			dying.db = &faulty{database: dying.db, step: func(string) error {
				if n--; n == 0 {
					dead = true
				}
				if dead { // a dead process sends nothing more
					return errFinal
				}
				return nil
			}}
			_, err := dying.Rebuild(ctx, tree, deriveFrom(all), oneStream)
			dying.Close()
			if got := dump(t, s); got != before {
				t.Fatalf("killed at statement %d: the tables differ", at)
			}
			if err := s.Accepts(ctx, tree); err != nil {
				t.Fatalf("killed at statement %d: %v", at, err)
			}
			if !dead {
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d statements", at-1)
				break
			}
			if err == nil {
				t.Fatalf("killed at statement %d, it succeeded", at)
			}
		}
		more := someLeaves("w", 300, 10)
		mustAppend(t, s, tree, more)
		all = append(all, more...)
		// What is wrong in the tables is put right.
		for _, sql := range []string{
			"DELETE FROM tile", "DELETE FROM idem", "DELETE FROM register", "UPDATE chain SET last = 0",
			"UPDATE chain SET count = count + 1", "DELETE FROM history",
		} {
			if err := s.write(ctx, Op{SQL: sql}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Rebuild(ctx, tree, deriveFrom(all), oneStream); err != nil {
			t.Fatal(err)
		}
		checkLog(t, s, tree)
		checkChains(t, s, tree, all)
		mustAppend(t, s, tree, someLeaves("w", 310, 10))
	})
}

// A rebuild does not run beside a process that has the log open, nor does it overwrite what such a
// process, or another rebuild, has done meanwhile.
func TestRebuildAlone(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		all := someLeaves("w", 0, 20)
		mustAppend(t, s, tree, all)
		a, b := Holder{1}, Holder{2}
		for _, h := range []Holder{a, b, a} {
			if err := s.Lease(ctx, tree, h, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		var used *InUseError
		if _, err := s.Rebuild(ctx, tree, deriveFrom(all), oneStream); !errors.As(err, &used) || used.Holders != 2 ||
			used.Ends <= 0 || used.Ends > time.Hour {
			t.Fatalf("beside two: %v", err)
		}
		if err := s.EndLease(ctx, tree, a); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Rebuild(ctx, tree, deriveFrom(all), oneStream); !errors.As(err, &used) || used.Holders != 1 {
			t.Fatalf("beside one: %v", err)
		}
		if err := s.Lease(ctx, tree, b, -time.Minute); err != nil { // a process that was killed a minute ago
			t.Fatal(err)
		}
		for name, meanwhile := range map[string]func() error{
			"a server starts": func() error { return s.Lease(ctx, tree, a, time.Hour) },
			"the log grows": func() error {
				more := someLeaves("w", len(all), 1)
				mustAppend(t, s, tree, more)
				all = append(all, more...)
				return nil
			},
			"another rebuild": func() error {
				_, err := s.Rebuild(ctx, tree, deriveFrom(all), oneStream)
				return err
			},
		} {
			_, err := s.Rebuild(ctx, tree, deriveFrom(all), func() (Final, error) { return Final{}, meanwhile() })
			if !errors.Is(err, ErrOvertaken) && !errors.As(err, &used) {
				t.Errorf("%s: %v", name, err)
			}
			if err := s.EndLease(ctx, tree, a); err != nil {
				t.Fatal(err)
			}
			checkLog(t, s, tree)
			checkChains(t, s, tree, all)
		}
		if _, err := s.Rebuild(ctx, tree, deriveFrom(all), oneStream); err != nil {
			t.Errorf("alone: %v", err)
		}
	})
}
