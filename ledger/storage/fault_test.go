package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// faulty puts failures between the provider and its engine.
type faulty struct {
	database
	// step is asked before each statement, commits included; an error fails it, undone.
	step func(sql string) error
	// after is asked after each commit that succeeded; an error is reported in its place.
	after func() error
}

func (f *faulty) begin(ctx context.Context, ops ...Op) (tx, error) {
	if err := f.ask("BEGIN"); err != nil {
		return nil, err
	}
	t, err := f.database.begin(ctx)
	if err != nil {
		return nil, err
	}
	ft := &faultyTx{tx: t, f: f}
	if err := ft.do(ctx, ops...); err != nil {
		ft.rollback()
		return nil, err
	}
	return ft, nil
}

func (f *faulty) ask(sql string) error {
	if f.step == nil {
		return nil
	}
	return f.step(sql)
}

type faultyTx struct {
	tx
	f *faulty
}

func (t *faultyTx) do(ctx context.Context, ops ...Op) error {
	for _, o := range ops { // one by one, so that those before the failing one have been done
		if err := t.f.ask(o.SQL); err != nil {
			return err
		}
		if err := t.tx.do(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (t *faultyTx) commit(ctx context.Context, ops ...Op) error {
	if err := t.do(ctx, ops...); err != nil {
		return err
	}
	if err := t.f.ask("COMMIT"); err != nil {
		return err
	}
	if err := t.tx.commit(ctx); err != nil {
		return err
	}
	if t.f.after != nil {
		return t.f.after()
	}
	return nil
}

func failAt(n int, err error) func(string) error {
	return func(string) error {
		if n--; n == 0 {
			return err
		}
		return nil
	}
}

var (
	errLost      = &lostError{io.ErrUnexpectedEOF}
	errConflict  = &pgconn.PgError{Code: "40001", Message: "restart transaction (injected)"}
	errDeadlock  = &pgconn.PgError{Code: "40P01", Message: "deadlock detected (injected)"}
	errAmbiguous = &pgconn.PgError{Code: "40003", Message: "result is ambiguous (injected)"}
	errDisk      = &pgconn.PgError{Code: "53100", Message: "disk full (injected)"}
	errFinal     = errors.New("injected")
)

// TestEveryStatementFails fails each statement of an append in turn, in each way it can fail, and
// looks at what is left: a log that verifies, with the batch in it once or not at all, that can be
// appended to.
func TestEveryStatementFails(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		f := &faulty{database: s.db}
		s.db = f
		tree := mustTree(t, s, "log")
		n := 250 // the first batches complete a tile, so its statement is there to fail
		all := someLeaves("w", 0, n)
		mustAppend(t, s, tree, all)
		for _, c := range []struct {
			name   string
			err    error
			stored bool // Append runs again and succeeds
		}{
			{"conflict", errConflict, true}, {"deadlock", errDeadlock, true}, {"lost", errLost, true},
			{"ambiguous", errAmbiguous, true}, {"disk full", errDisk, false}, {"final", errFinal, false},
		} {
			for at := 1; ; at++ {
				batch := someLeaves("w", n, 9)
				statements := 0
				fail := failAt(at, c.err)
				failed := false
				f.step = func(sql string) error {
					statements++
					err := fail(sql)
					failed = failed || err != nil
					return err
				}
				_, err := appendLeaves(ctx, s, tree, batch)
				f.step = nil
				if !failed { // past the last statement
					if err != nil {
						t.Fatal(err)
					}
					n, all = n+len(batch), append(all, batch...)
					if at < 12 {
						t.Fatalf("an append has only %d statements?", statements)
					}
					break
				}
				if (err == nil) != c.stored {
					t.Fatalf("%s at statement %d: %v", c.name, at, err)
				}
				if c.err == errDisk && !errors.Is(err, ErrUnavailable) || c.err == errFinal && !errors.Is(err, errFinal) {
					t.Fatalf("%s at statement %d: wrong error %v", c.name, at, err)
				}
				if head, err := s.Head(ctx, tree); err != nil || c.stored != (head.Size == uint64(n+len(batch))) {
					t.Fatalf("%s at statement %d: %d leaves, had %d, %v", c.name, at, head.Size, n, err)
				}
				mustAppend(t, s, tree, batch) // the client's repeat
				n, all = n+len(batch), append(all, batch...)
			}
			if head := checkLog(t, s, tree); head.Size != uint64(n) {
				t.Fatalf("%s: %d leaves, want %d", c.name, head.Size, n)
			}
			checkChains(t, s, tree, all)
		}
	})
}

// TestCommitReportedAsFailed lets commits happen and reports errors.
func TestCommitReportedAsFailed(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		f := &faulty{database: s.db}
		s.db = f
		tree := mustTree(t, s, "log")
		n := 0
		for i, injected := range []error{errLost, errAmbiguous, errFinal} {
			batch := someLeaves("w", n, 200)
			once := failAt(1, injected)
			f.after = func() error { return once("") }
			runs := 0
			var at []uint64
			err := s.Append(ctx, tree, lookupOf(batch), func(ctx context.Context, tx *AppendTx) error {
				runs++
				at = nil
				return addAll(ctx, tx, batch, &at)
			})
			f.after = nil
			if injected == errFinal {
				// Nothing an engine does; the caller hears of an error, and its repeat finds all.
				if !errors.Is(err, errFinal) {
					t.Fatalf("Append: %v", err)
				}
				at = mustAppend(t, s, tree, batch)
			} else if err != nil || runs != 2 {
				t.Fatalf("case %d: Append ran f %d times: %v", i, runs, err)
			}
			for j, index := range at {
				if index != uint64(n+j) {
					t.Fatalf("leaf %d is said to be at %d", n+j, index)
				}
			}
			n += len(batch)
			if head := checkLog(t, s, tree); head.Size != uint64(n) {
				t.Fatalf("case %d: %d leaves, want %d", i, head.Size, n)
			}
		}
		// For ever lost: unavailable, and what was committed is there.
		f.after = func() error { return errLost }
		batch := someLeaves("w", n, 5)
		if _, err := appendLeaves(ctx, s, tree, batch); err != nil {
			t.Fatalf("the second run finds the leaves and commits nothing, yet: %v", err)
		}
		f.after = nil
		f.step = func(string) error { return errLost }
		if _, err := appendLeaves(ctx, s, tree, batch); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("Append without a database: %v", err)
		}
		f.step = nil
		if head := checkLog(t, s, tree); head.Size != uint64(n+5) {
			t.Fatalf("%d leaves, want %d", head.Size, n+5)
		}
	})
}

// TestCreationFails: a tree is created once, whatever is lost on the way.
func TestCreationFails(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		f := &faulty{database: s.db}
		s.db = f
		for at := 1; ; at++ {
			failed := false
			step := failAt(at, errConflict)
			f.step = func(sql string) error {
				err := step(sql)
				failed = failed || err != nil
				return err
			}
			tree, created, err := s.TreeByName(ctx, fmt.Sprint("tree ", at))
			if err != nil || !created || tree.TreeId == 0 {
				t.Fatalf("TreeByName, failing at %d: %v", at, err)
			}
			if !failed {
				break
			}
		}
		f.step = nil
		once := failAt(1, errLost)
		f.after = func() error { return once("") }
		if _, _, err := s.TreeByName(ctx, "lost"); err != nil {
			t.Fatal(err)
		}
		f.after = nil
		rows, err := SelectTrees(ctx, s.Read, "")
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, r := range rows {
			if names[r.Tree.DisplayName] {
				t.Fatalf("two trees are called %s", r.Tree.DisplayName)
			}
			names[r.Tree.DisplayName] = true
		}
	})
}
