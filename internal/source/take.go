package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"igledger/audit"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// gathered is an event on its way into the outbox.
type gathered struct {
	audit.Event
	input    string // name
	reading  int64  // number of the reading of the input
	key      uuid.UUID
	accesses []*entry.Access
	stored   uuid.UUID // key under which it goes into the outbox
	first    uint64    // number of its first entry
	signed   []posted
	notes    []audit.Note
	err      error
}

// input reads an input, and says on batches when more of it is in the outbox.
func (im *importer) input(ctx context.Context, input Input, batches chan<- struct{}) error {
	in, err := input.Open()
	if err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	defer in.Close()
	reading, err := im.outbox.nextReading(ctx)
	if err != nil {
		return err
	}
	failed := false
	err = audit.Events(in, func(ev audit.Event) error {
		im.gathered = append(im.gathered, gathered{Event: ev, input: input.Name, reading: reading})
		if len(im.gathered) < im.Batch {
			return nil
		}
		err := im.flush(ctx, batches)
		failed = err != nil
		return err
	}, func(err *audit.StreamError) { im.unreadable(&InputError{input.Name, false, err}) })
	switch {
	case err == nil:
		return nil
	case failed: // the ledger or the outbox, not the file
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if cannot := new(fs.PathError); errors.As(err, &cannot) { // a folder, or a disk that fails: not what is in the file
		return fmt.Errorf("reading events: %w", err)
	}
	// Events before this point, and the other files, are taken in. Only the rest of this file is
	// not read.
	im.unreadable(&InputError{input.Name, true, err})
	return nil
}

func (im *importer) unreadable(err error) {
	im.tell(func() {
		im.sum.Events++
		im.sum.Unreadable++
		im.OnReject(err)
	})
}

// flush puts what was gathered into the outbox, and has it sent.
func (im *importer) flush(ctx context.Context, batches chan<- struct{}) error {
	if err := im.take(ctx); err != nil {
		return err
	}
	select {
	case batches <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take makes what was gathered durable. An event that cannot be converted is reported and counted;
// it is not an error.
func (im *importer) take(ctx context.Context) error {
	list := im.gathered
	im.gathered = nil
	if len(list) == 0 {
		return nil
	}
	im.convert(ctx, list)
	known := 0
	err := im.outbox.inTx(ctx, func(tx *sql.Tx) error {
		day, err := lastDay(ctx, tx, im.Now().UTC().Format(time.DateOnly))
		if err != nil {
			return err
		}
		seq, err := lastSeq(ctx, tx)
		if err != nil {
			return err
		}
		out, err := prepare(ctx, tx)
		if err != nil {
			return err
		}
		defer out.close()
		var signing []*gathered // in order, to be signed at once
		store := func() error {
			n, err := im.store(ctx, out, signing, seq, day)
			seq, signing = n, nil
			return err
		}
		waits := map[uuid.UUID]bool{} // keys of what is to be signed
		for i := range list {
			g := &list[i]
			if waits[g.key] { // met twice: meet has to find the first
				if err := store(); err != nil {
					return err
				}
				clear(waits)
			}
			var isKnown bool
			g.stored, isKnown, err = out.meet(ctx, g.key, g.reading)
			if err != nil {
				return err
			}
			if isKnown {
				known++
				g.err, g.notes = nil, nil
				continue
			}
			if g.err == nil && im.Strict {
				g.err = unclear(g.notes)
			}
			if g.err == nil {
				signing, waits[g.key] = append(signing, g), true
			}
		}
		return store()
	})
	if err != nil {
		return err
	}
	for i := range list {
		im.fresh.add(list[i].signed)
	}
	im.tell(func() {
		im.sum.Events += len(list)
		im.sum.Known += known
		for i := range list {
			g := &list[i]
			if no := new(UnclearError); errors.As(g.err, &no) {
				im.sum.Unclear++
			} else if g.err != nil {
				im.sum.Unreadable++
			}
			if len(g.signed) > 0 {
				im.sum.Taken++ // until count says what became of it
			}
			if g.err != nil {
				im.OnReject(&EventError{g.input, g.Number, g.Line, g.err})
				continue
			}
			for _, n := range g.notes {
				im.OnNote(Noted{g.input, g.Number, g.Line, n})
			}
		}
	})
	return nil
}

// convert converts events, on all processors.
func (im *importer) convert(ctx context.Context, list []gathered) {
	conv := audit.Conversion{Issuer: im.Org, Audience: im.receipts.Origin(), Source: im.Source, Map: im.Map}
	if im.lookup != nil {
		conv.Resolve = func(system, value string) string { return im.lookup.resolve(ctx, system, value) }
	}
	onAll(len(list), func(i int) {
		g := &list[i]
		g.key, g.accesses, g.notes, g.err = conv.Read(g.Event)
	})
}

// onAll calls f for every number below n, on all processors, and returns when all calls have.
func onAll(n int, f func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	workers.Wait()
}

// store signs the entries of events, numbers them from seq+1, and stores them. It returns the last
// number that was given out. An event that cannot be an entry has the reason in err. If it is the
// key that does not sign, as a device that does not answer, that is no fault of an event but of
// the run.
func (im *importer) store(ctx context.Context, out *taking, list []*gathered, seq uint64, day string) (uint64, error) {
	im.number(list, seq)
	for _, g := range list {
		if claim := new(wire.Error); errors.As(g.err, &claim) {
			continue
		} else if g.err != nil {
			return seq, fmt.Errorf("signing: %w", g.err)
		}
		for _, n := range g.notes {
			if n.Code == audit.SizeCut {
				if err := keepOriginal(ctx, out.tx, g.stored, g.Raw); err != nil {
					return seq, err
				}
				break
			}
		}
		if err := out.put(ctx, g.signed, day, g.reading); err != nil {
			return seq, err
		}
		seq += uint64(len(g.signed))
	}
	return seq, nil
}

// number signs the entries of events on all processors, with numbers from seq+1. A number is given
// out only to what is signed: if an event cannot be, those after it are signed again, with its
// numbers.
func (im *importer) number(list []*gathered, seq uint64) {
	for len(list) > 0 {
		next := seq + 1
		for _, g := range list {
			g.first, next = next, next+uint64(len(g.accesses))
		}
		onAll(len(list), func(i int) { im.sign(list[i]) })
		bad := func(g *gathered) bool { return g.err != nil }
		i := slices.IndexFunc(list, bad)
		if i < 0 {
			return
		}
		seq, list = list[i].first-1, slices.DeleteFunc(slices.Clone(list[i:]), bad)
	}
}

// sign signs the entries of an event, numbered from g.first.
func (im *importer) sign(g *gathered) {
	g.signed = make([]posted, len(g.accesses))
	for i, a := range g.accesses {
		n := g.first + uint64(i)
		a.Seq = &n
		var e *entry.Entry
		if e, g.err = entry.Sign(im.Signer, a); g.err != nil {
			g.signed = nil
			return
		}
		g.signed[i] = posted{event: g.stored[:], part: i, seq: n, sdjwt: e.SDJWT(), signed: e}
	}
}

// taking is the statements that take a batch of events into the outbox.
type taking struct {
	tx                *sql.Tx
	find, again, have *sql.Stmt
	insert            *sql.Stmt
}

func prepare(ctx context.Context, tx *sql.Tx) (*taking, error) {
	t := &taking{tx: tx}
	for _, s := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&t.find, "SELECT reading, times FROM entry WHERE event = ? AND part = 0"},
		{&t.again, "UPDATE entry SET reading = ?, times = ? WHERE event = ? AND part = 0"},
		{&t.have, "SELECT times FROM entry WHERE event = ? AND part = 0"},
		{&t.insert, "INSERT INTO entry (event, part, seq, sdjwt, day, reading, times) VALUES (?, ?, ?, ?, ?, ?, 1)"},
	} {
		var err error
		if *s.stmt, err = tx.PrepareContext(ctx, s.query); err != nil {
			t.close()
			return nil, err
		}
	}
	return t, nil
}

func (t *taking) close() {
	for _, s := range []*sql.Stmt{t.find, t.again, t.have, t.insert} {
		if s != nil {
			s.Close()
		}
	}
}

// put stores the signed entries of an event, numbered on day, before anything is sent.
func (t *taking) put(ctx context.Context, list []posted, day string, reading int64) error {
	for _, p := range list {
		if _, err := t.insert.ExecContext(ctx, p.event, p.part, int64(p.seq), p.sdjwt, day, reading); err != nil {
			return err
		}
	}
	return nil
}

// meet notes that an event was met in a reading of an input. It returns the key of this access, and
// whether an earlier run took it in. Two accesses in the same second may be identical to the last
// byte: the second one in an input is a different access, and gets the same key each time the input
// is read.
func (t *taking) meet(ctx context.Context, event uuid.UUID, reading int64) (key uuid.UUID, known bool, err error) {
	var last, times int64
	err = t.find.QueryRowContext(ctx, event[:]).Scan(&last, &times)
	if errors.Is(err, sql.ErrNoRows) {
		return event, false, nil
	}
	if err != nil {
		return key, false, err
	}
	if last != reading {
		times = 0
	}
	times++
	_, err = t.again.ExecContext(ctx, reading, times, event[:])
	if err != nil || times == 1 {
		return event, true, err
	}
	n := uint32(times)
	key = uuid.NewSHA1(event, []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	err = t.have.QueryRowContext(ctx, key[:]).Scan(&times)
	if errors.Is(err, sql.ErrNoRows) {
		return key, false, nil
	}
	return key, err == nil, err
}
