package storage

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func cosigned(size uint64, by string, at int64) Cosignature {
	return Cosignature{Size: size, Cosigner: by, Time: time.Unix(at, 0).UTC(),
		Note: fmt.Appendf(nil, "note %d", size), Line: fmt.Appendf(nil, "%s %d\n", by, at)}
}

func linesOf(list []Cosignature) (s string) {
	for _, c := range list {
		s += fmt.Sprintf("%d:%s", c.Size, c.Line)
	}
	return s
}

func TestCosignatures(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		a, b := mustTree(t, s, "a"), mustTree(t, s, "b")
		if _, err := s.Witnessed(ctx, a); !errors.Is(err, ErrNotFound) {
			t.Fatalf("Witnessed of a log without cosignatures: %v", err)
		}
		if c, err := s.CosignedBy(ctx, a, "w1"); err != nil || c.Size != 0 {
			t.Fatalf("CosignedBy an unknown cosigner: %+v, %v", c, err)
		}
		add := func(list ...Cosignature) {
			t.Helper()
			for range 2 { // two replicas do the same
				if err := s.AddCosignatures(ctx, a, list...); err != nil {
					t.Fatal(err)
				}
			}
		}
		add(cosigned(7, "w2", 100), cosigned(7, "w1", 100), cosigned(9, "w1", 110), cosigned(1, "w2", 90))
		add(cosigned(9, "w1", 120)) // again, later
		add(cosigned(9, "w1", 115)) // an earlier one that arrives late does not take its place
		for _, c := range []struct {
			size uint64
			want string
		}{{7, "7:w1 100\n7:w2 100\n"}, {9, "9:w1 120\n"}, {1, "1:w2 90\n"}, {8, ""}, {0, ""}} {
			list, err := s.Cosignatures(ctx, a, c.size)
			if err != nil || linesOf(list) != c.want {
				t.Errorf("size %d: %q, %v; want %q", c.size, linesOf(list), err, c.want)
			}
		}
		for by, want := range map[string]uint64{"w1": 9, "w2": 7, "w3": 0} {
			if c, err := s.CosignedBy(ctx, a, by); err != nil || c.Size != want || want > 0 && c.Cosigner != by {
				t.Errorf("%s has cosigned %d, want %d (%v)", by, c.Size, want, err)
			}
		}
		for _, size := range []uint64{7, 1} { // no way back
			if err := s.SetWitnessed(ctx, a, size); err != nil {
				t.Fatal(err)
			}
			if list, err := s.Witnessed(ctx, a); err != nil || linesOf(list) != "7:w1 100\n7:w2 100\n" ||
				string(list[0].Note) != "note 7" {
				t.Errorf("witnessed: %q, %v", linesOf(list), err)
			}
		}
		// Another log has its own.
		if list, err := s.Cosignatures(ctx, b, 7); err != nil || len(list) != 0 {
			t.Errorf("another log's: %q, %v", linesOf(list), err)
		}
		if c, err := s.CosignedBy(ctx, b, "w1"); err != nil || c.Size != 0 {
			t.Errorf("another log's: %+v, %v", c, err)
		}
		if _, err := s.Witnessed(ctx, b); !errors.Is(err, ErrNotFound) {
			t.Errorf("another log's: %v", err)
		}
		if err := s.AddCosignatures(ctx, a, cosigned(0, "w1", 1)); !errors.Is(err, ErrMisuse) {
			t.Errorf("size 0: %v", err)
		}
	})
}

// What a witness adds every second for years must not fill the database, and the largest witnessed
// checkpoint must not be lost in it.
func TestOldCosignaturesGo(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		mustTree(t, s, "neighbour")
		tree := mustTree(t, s, "log")
		other := mustTree(t, s, "other")
		for _, l := range []struct {
			size uint64
			by   string
		}{{5, "w1"}, {5, "w2"}, {3, "w1"}, {4, "w3"}, {2, "w3"}} {
			if err := errors.Join(s.AddCosignatures(ctx, tree, cosigned(l.size, l.by, 1)),
				s.AddCosignatures(ctx, other, cosigned(l.size, l.by, 1))); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SetWitnessed(ctx, tree, 5); err != nil {
			t.Fatal(err)
		}
		var many []Cosignature
		for i := range uint64(keptCosignatures + 10) {
			many = append(many, cosigned(100+i, "w1", int64(i)))
		}
		if err := s.AddCosignatures(ctx, tree, many...); err != nil {
			t.Fatal(err)
		}
		for size, want := range map[uint64]int{3: 0, 2: 0, 4: 1, 5: 2, 109: 0, 110: 1, 109 + keptCosignatures: 1} {
			if list, err := s.Cosignatures(ctx, tree, size); err != nil || len(list) != want {
				t.Errorf("size %d: %d cosignatures, %v; want %d", size, len(list), err, want)
			}
		}
		if list, err := s.Witnessed(ctx, tree); err != nil || len(list) != 2 {
			t.Errorf("witnessed: %q, %v", linesOf(list), err)
		}
		if c, err := s.CosignedBy(ctx, tree, "w3"); err != nil || c.Size != 4 { // who went silent is not forgotten
			t.Errorf("the last of a cosigner who went silent: %+v, %v", c, err)
		}
		if list, err := s.Cosignatures(ctx, other, 3); err != nil || len(list) != 1 {
			t.Errorf("another log lost its own: %q, %v", linesOf(list), err)
		}
	})
}
