package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"igledger/consent/fhir/tree"
	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/verifier/fetch"
	"igledger/verifier/fetch/retry"
)

// Summary counts what an import did. What was read adds up: Events = Known + Taken + Refused +
// Waiting + Unclear + Unreadable, also if the import was interrupted.
type Summary struct {
	Events     int `json:"events"`        // read, with the values that are no events
	Known      int `json:"known"`         // events that an earlier run took in
	Taken      int `json:"taken"`         // events that this run took in, and whose entries are in the log as they were
	Refused    int `json:"refused"`       // events that this run took in, of which the log has a plainer form; see EntryError
	Waiting    int `json:"waiting"`       // events that this run took in and that wait in the outbox to be sent
	Unclear    int `json:"notUnderstood"` // events that Config.Strict kept out
	Unreadable int `json:"unreadable"`    // values that are not AuditEvents

	// Of entries; an event has one for each person.
	Logged     int `json:"logged"`     // whose receipts this run checked, also of what earlier runs left
	Plainer    int `json:"plainer"`    // that the ledger refused as they were
	Outbox     int `json:"outbox"`     // that wait in the outbox to be sent, of whatever run
	Forgotten  int `json:"forgotten"`  // whose signed bytes this run deleted, because their receipts were enough
	Uncosigned int `json:"uncosigned"` // in the log, whose signed bytes are kept until cosigners have seen them

	Dropped int    `json:"dropped"`      // old receipts that this run dropped, because there was no room
	Quorum  bool   `json:"quorum"`       // the policy asks for cosigners; false: nobody but the log vouches for its receipts
	Found   int    `json:"found"`        // local numbers of patients that the look-up knew
	Unasked int    `json:"lookupFailed"` // look-ups that failed
	Size    uint64 `json:"logSize"`      // size of the log at the newest receipt
}

// Input is a source of events: one AuditEvent, a Bundle, a JSON array, or several of these in
// sequence, as in NDJSON.
type Input struct {
	Name string // for messages
	Open func() (io.ReadCloser, error)
}

// importer is an import in progress. One goroutine reads, converts and signs; another sends what is
// in the outbox, and checks receipts.
type importer struct {
	*Agent
	gathered []gathered // read, not yet in the outbox
	lookup   *lookup    // nil: none
	fresh    fresh      // entries that this run signed and has not sent yet
	unseen   int        // entries sent since the cosigners were last looked for, whose receipts are not enough yet
	stopped  error      // why nothing more is sent in this run: the log has stopped, or is away
	begun    mark       // what the outbox had when this run began
	queue               // what this run has sent and what it holds back

	mu  sync.Mutex // guards sum, and is held while Config's functions are called
	sum Summary
}

// tell calls f alone.
func (im *importer) tell(f func()) {
	im.mu.Lock()
	defer im.mu.Unlock()
	f()
}

// Import sends what an earlier run left in the outbox, then reads all inputs, in order. When it
// returns without error, every event of the inputs is in the log or was reported to OnReject. After
// an error, call Import again with the same inputs: it continues where this call stopped. The
// summary covers what was done so far. Agents with the same outbox, also of other processes, take
// turns.
//
// If the log has stopped, or cannot be reached for as long as Client.MaxWait, all inputs are read
// into the outbox, and the error says so (Stopped, Away). An entry that is refused because of a key
// that the source signs with no more is passed over, and a *RefusedError says so in the end.
func (a *Agent) Import(ctx context.Context, inputs ...Input) (Summary, error) {
	im := &importer{Agent: a, lookup: newLookup(a.Map, tree.Patients{Issuer: a.Org, Source: a.Source, Map: a.Map})}
	a.met = false
	begun, err := a.outbox.mark(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("reading the outbox: %w", err)
	}
	im.begun = begun
	err = im.run(ctx, inputs)
	if im.lookup != nil {
		im.sum.Found, im.sum.Unasked = im.lookup.sum.found, im.lookup.sum.failed
	}
	im.sum.Quorum = !a.receipts.policy.AsksNobody()
	countErr := im.count(context.WithoutCancel(ctx))
	if err == nil && countErr != nil {
		err = fmt.Errorf("reading the outbox: %w", countErr)
	}
	return im.sum, err
}

func (im *importer) run(ctx context.Context, inputs []Input) error {
	if err := im.drain(ctx); err != nil { // what an interrupted run left
		return err
	}
	if err := im.all(ctx, inputs); err != nil {
		return err
	}
	if im.stopped != nil {
		return im.stopped
	}
	err := im.locked(ctx, func() error {
		if err := im.glance(ctx); err != nil {
			return err
		}
		return im.witnessed(ctx, true)
	})
	if err == nil && im.held != nil {
		err = im.held
	}
	return err
}

// ahead is how many batches the reading may be ahead of the sending.
const ahead = 4

// all reads the inputs into the outbox while what is there is sent.
func (im *importer) all(ctx context.Context, inputs []Input) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	batches, sent := make(chan struct{}, ahead), make(chan error, 1)
	go func() {
		var err error
		for range batches {
			if err != nil {
				continue
			}
			if err = im.drain(ctx); err != nil {
				stop()
			}
		}
		sent <- err
	}()
	read := func() error {
		for _, in := range inputs {
			if err := im.input(reading, in, batches); err != nil {
				return err
			}
		}
		return im.flush(reading, batches)
	}()
	close(batches)
	if err := <-sent; err != nil { // then reading has been stopped
		return err
	}
	return read
}

// drain sends everything in the outbox, in sequence, and checks the receipts. If the log has
// stopped or is away, it sends nothing, which is no error yet: the inputs are to reach the outbox.
func (im *importer) drain(ctx context.Context) error {
	if im.stopped != nil {
		return nil
	}
	err := im.locked(ctx, func() error { return im.sendAll(ctx) })
	if ctx.Err() == nil && (Stopped(err) || Away(err)) {
		im.stopped, err = err, nil
	}
	return err
}

// Stopped reports whether err says that the log has stopped, so that only its operator can help.
func Stopped(err error) bool {
	var e *fetch.StoppedError
	return client.Stopped(err) || errors.As(err, &e)
}

// Away reports whether err says that the log could not be reached or read for as long as the source
// waits.
func Away(err error) bool {
	var e *retry.GaveUpError
	return errors.As(err, &e) || errors.Is(err, fetch.ErrUnreadable) && !Stopped(err)
}

func (im *importer) sendAll(ctx context.Context) error {
	for {
		list, err := im.outbox.waiting(ctx, im.upTo, im.Batch)
		if err != nil {
			return fmt.Errorf("reading the outbox: %w", err)
		}
		if len(list) == 0 {
			return im.outbox.tidy(ctx)
		}
		if err := im.meet(ctx); err != nil {
			return err
		}
		if err := im.send(ctx, list); err != nil {
			return err
		}
		if im.unseen >= lookEvery {
			if err := im.witnessed(ctx, false); err != nil {
				return err
			}
		}
	}
}

func (im *importer) send(ctx context.Context, list []posted) error {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.sdjwt
	}
	results, err := im.Client.Submit(ctx, texts)
	if err != nil {
		return err
	}
	checked := im.checkAll(list, results)
	var done []settled
	var taken []acked
	var refusals []refusal
	var stop error // not at once: what the ledger took before and after is settled
	again, upTo := 0, list[len(list)-1].seq
	for i, res := range results {
		switch {
		case res.Problem == nil:
			if checked[i].err != nil {
				return checked[i].err
			}
			done = append(done, settled{posted: list[i], acked: checked[i].acked})
			taken = append(taken, checked[i].acked)
		case !final(res.Problem):
			signed, err := im.unsent(ctx, list[i], res.Problem)
			if err != nil {
				stop = cmp.Or(stop, err)
			}
			if signed {
				again, upTo = again+1, min(upTo, list[i].seq-1)
				continue
			}
			refusals = append(refusals, refusal{seq: list[i].seq, problem: res.Problem})
		case res.Problem.Status == http.StatusGone: // it is in the log, and its content was erased there
			done = append(done, settled{posted: list[i], problem: res.Problem.Code()})
			im.tell(func() {
				im.sum.Plainer++
				im.OnReject(&EntryError{list[i].seq, res.Problem})
			})
		default:
			a, err := im.refused(ctx, list[i], res.Problem)
			if no := new(RefusedError); errors.As(err, &no) {
				stop = cmp.Or(stop, err)
				refusals = append(refusals, refusal{seq: list[i].seq, problem: res.Problem})
				continue
			}
			if err != nil {
				return err
			}
			if a == nil {
				again, upTo = again+1, min(upTo, list[i].seq-1)
				continue
			}
			done = append(done, settled{posted: list[i], acked: *a})
			taken = append(taken, *a)
		}
	}
	if err := im.holdAll(ctx, taken, false); err != nil {
		return err
	}
	dropped, err := im.outbox.settle(ctx, done)
	if err == nil {
		err = im.outbox.noteRefusals(ctx, refusals, im.Now())
	}
	if err != nil {
		return err
	}
	im.upTo = upTo
	im.tell(func() {
		im.sum.Logged, im.sum.Dropped = im.sum.Logged+len(taken), im.sum.Dropped+dropped
		for _, a := range taken {
			im.sum.Size = max(im.sum.Size, a.got.Index+1)
			if a.enough {
				im.sum.Forgotten++
			} else {
				im.unseen++
			}
		}
		im.OnSent(len(list) - again)
	})
	return stop
}

type checkedReceipt struct {
	acked
	err error
}

// checkAll checks the receipts of an answer, on all processors.
func (im *importer) checkAll(list []posted, results []client.Result) []checkedReceipt {
	now := im.Now()
	out := make([]checkedReceipt, len(list))
	onAll(len(list), func(i int) {
		e := im.fresh.take(list[i])
		switch {
		case results[i].Problem != nil:
		case e != nil:
			out[i].acked, out[i].err = im.checkedEntry(e, list[i].sdjwt, results[i].Receipt, now)
		default:
			out[i].acked, out[i].err = im.checked(list[i].sdjwt, results[i].Receipt)
		}
	})
	return out
}

// final reports whether a refusal is about the entry itself, so that the ledger will always refuse
// it. Any other refusal is about the key, which may yet be registered (403), or about the server.
func final(p *client.Problem) bool {
	switch p.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return p.Code() != ""
	}
	return false
}

// checked checks the receipt of an entry of the outbox.
func (a *Agent) checked(sdjwt string, receipt *bundle.Receipt) (acked, error) {
	e, err := entry.Parse(sdjwt)
	if err != nil {
		return acked{}, fmt.Errorf("the outbox contains a damaged entry: %w", err)
	}
	return a.checkedEntry(e, sdjwt, receipt, a.receipts.now())
}

func (a *Agent) checkedEntry(e *entry.Entry, sdjwt string, receipt *bundle.Receipt, now time.Time) (acked, error) {
	got, err := a.receipts.check(e, receipt, now)
	return acked{sdjwt, e.ID, receipt, got, a.receipts.enough(got)}, err
}

// fresh holds entries between their signing and their sending, so that they need not be parsed
// again from the outbox. It holds few: whatever it does not hold is parsed.
type fresh struct {
	mu    sync.Mutex
	of    map[uint64]*entry.Entry // by sequence number
	bytes int
}

// maxFresh bounds what is held, in bytes of entries as they are in the outbox.
const maxFresh = 8 << 20

func (f *fresh) add(list []posted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range list {
		if f.of == nil || f.bytes+len(p.sdjwt) > maxFresh {
			f.of, f.bytes = map[uint64]*entry.Entry{}, 0
		}
		f.of[p.seq], f.bytes = p.signed, f.bytes+len(p.sdjwt)
	}
}

// take returns the entry of which the outbox has the text, and holds it no more. It returns nil if
// it does not hold that one.
func (f *fresh) take(p posted) *entry.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.of[p.seq]
	if e == nil {
		return nil
	}
	text := e.SDJWT()
	delete(f.of, p.seq)
	f.bytes -= len(text)
	if text != p.sdjwt { // it is sent in another form
		return nil
	}
	return e
}
