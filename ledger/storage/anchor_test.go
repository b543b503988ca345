package storage

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"igledger/internal/testdb"
)

func TestAnchor(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		a, b := mustTree(t, s, "a"), mustTree(t, s, "b")
		if _, err := s.Anchor(ctx, a); !errors.Is(err, ErrNotFound) {
			t.Fatalf("an anchor before the first was set: %v", err)
		}
		for _, c := range []struct {
			size uint64
			at   int64 // ms; the interval is 1000
			want uint64
		}{
			{7, 5000, 7},
			{9, 5999, 7},  // too early
			{9, 6000, 9},  // in time
			{8, 9000, 9},  // behind
			{9, 9000, 9},  // the same again: the time stays
			{10, 6500, 9}, // and so this is too early
			{12, 8000, 12},
			{13, 7001, 12}, // a clock a little behind
			{14, 6999, 14}, // the anchor's time is in the future: a clock was wrong
		} {
			if err := s.MoveAnchor(ctx, a, Anchor{Size: c.size, Note: fmt.Appendf(nil, "note %d", c.size),
				At: time.UnixMilli(c.at)}, time.Second); err != nil {
				t.Fatal(err)
			}
			got, err := s.Anchor(ctx, a)
			if err != nil || got.Size != c.want || string(got.Note) != fmt.Sprint("note ", c.want) {
				t.Fatalf("%d at %d: the anchor is of %d, %q, %v; want %d", c.size, c.at, got.Size, got.Note, err, c.want)
			}
		}
		if _, err := s.Anchor(ctx, b); !errors.Is(err, ErrNotFound) {
			t.Errorf("another log's: %v", err)
		}
		if err := s.MoveAnchor(ctx, a, Anchor{}, time.Second); !errors.Is(err, ErrMisuse) {
			t.Errorf("size 0: %v", err)
		}
	})
}
