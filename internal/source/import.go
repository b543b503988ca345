package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"igledger/audit"
	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/verifier/fetch"
)

// Summary counts what an import did.
type Summary struct {
	Events     int    `json:"events"`     // read
	Known      int    `json:"known"`      // events that an earlier run took in
	Logged     int    `json:"logged"`     // entries whose receipts this run checked; an event has one per person
	Forgotten  int    `json:"forgotten"`  // entries whose signed bytes this run deleted, because their receipts were enough
	Waiting    int    `json:"waiting"`    // entries in the log whose signed bytes are kept until cosigners have seen them
	Dropped    int    `json:"dropped"`    // old receipts that this run dropped, because there was no room
	Quorum     bool   `json:"quorum"`     // the policy asks for cosigners; false: nobody but the log vouches for its receipts
	Refused    int    `json:"refused"`    // entries that the ledger refused permanently
	Unreadable int    `json:"unreadable"` // events that are not AuditEvents
	Size       uint64 `json:"logSize"`    // size of the log at the newest receipt
}

// Input is a source of events: one AuditEvent, a Bundle, a JSON array, or several of these in
// sequence, as in NDJSON.
type Input struct {
	Name string // for messages
	Open func() (io.ReadCloser, error)
}

// importer is an import in progress.
type importer struct {
	*Agent
	seq     uint64
	waiting []posted // signed, not yet in the outbox
	unseen  int      // entries sent since the cosigners were last looked for, whose receipts are not enough yet
	stopped error    // the log's answer that it has stopped: nothing more is sent in this run
	sum     Summary
}

// Import sends what an earlier run left in the outbox, then reads all inputs, in order. When it
// returns without error, every event of the inputs is in the log or was reported to OnReject. After
// an error, call Import again with the same inputs: it continues where this call stopped. The
// summary covers what was done so far.
//
// If the log has stopped, all inputs are read into the outbox, and the error says so (Stopped).
func (a *Agent) Import(ctx context.Context, inputs ...Input) (Summary, error) {
	im := &importer{Agent: a}
	a.met = false
	err := im.run(ctx, inputs)
	im.sum.Quorum = !a.receipts.policy.AsksNobody()
	waiting, countErr := a.outbox.waitingForWitnesses(ctx)
	im.sum.Waiting = waiting
	if err == nil && countErr != nil {
		err = fmt.Errorf("reading the outbox: %w", countErr)
	}
	return im.sum, err
}

func (im *importer) run(ctx context.Context, inputs []Input) error {
	var err error
	im.seq, err = im.outbox.lastSeq(ctx)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	if err := im.drain(ctx); err != nil { // what an interrupted run left
		return err
	}
	for _, in := range inputs {
		if err := im.input(ctx, in); err != nil {
			return err
		}
	}
	if err := im.flush(ctx); err != nil {
		return err
	}
	if im.stopped != nil {
		return im.stopped
	}
	if err := im.glance(ctx); err != nil {
		return err
	}
	return im.witnessed(ctx, true)
}

func (im *importer) input(ctx context.Context, input Input) error {
	in, err := input.Open()
	if err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	defer in.Close()
	seen := map[uuid.UUID]int{}
	err = audit.Events(in, func(ev audit.Event) error {
		im.sum.Events++
		key := audit.EventKey(ev.Raw)
		// Two accesses in the same second may be identical to the last byte. The second one in an
		// input is a different access, and gets the same key each time the input is read.
		seen[key]++
		if n := seen[key]; n > 1 {
			key = uuid.NewSHA1(key, []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		}
		if err := im.event(ctx, input.Name, ev, key); err != nil {
			return &importError{err}
		}
		return nil
	}, func(err *audit.StreamError) {
		im.sum.Unreadable++
		im.OnReject(&InputError{input.Name, false, err})
	})
	var own *importError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own): // the ledger or the outbox, not the file
		return own.err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	// Events before this point, and the other files, are taken in. Only the rest of this file is
	// not read.
	im.sum.Unreadable++
	im.OnReject(&InputError{input.Name, true, err})
	return nil
}

// importError marks an error of the import itself as it passes through audit.Events.
type importError struct{ err error }

func (e *importError) Error() string { return e.err.Error() }
func (e *importError) Unwrap() error { return e.err }

// event converts, signs and queues one event. An event that cannot be converted is reported and
// counted; it is not an error.
func (im *importer) event(ctx context.Context, name string, ev audit.Event, key uuid.UUID) error {
	known, err := im.outbox.known(ctx, key[:])
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	for _, p := range im.waiting { // not yet in the outbox
		known = known || string(p.event) == string(key[:])
	}
	if known {
		im.sum.Known++
		return nil
	}
	conv := audit.Conversion{Issuer: im.Org, Audience: im.receipts.Origin(), Source: im.Source, Map: im.Map}
	accesses, _, err := conv.FromEvent(ev)
	var signed []posted
	for i := 0; err == nil && i < len(accesses); i++ {
		var e *entry.Entry
		seq := im.seq + uint64(i) + 1
		accesses[i].Seq = &seq
		e, err = entry.Sign(im.Signer, accesses[i])
		if err == nil {
			signed = append(signed, posted{event: key[:], part: i, seq: seq, sdjwt: e.SDJWT()})
		}
	}
	if err != nil {
		im.sum.Unreadable++
		im.OnReject(&EventError{name, ev.Number, err})
		return nil
	}
	im.seq += uint64(len(signed))
	im.waiting = append(im.waiting, signed...)
	if len(im.waiting) >= im.Batch {
		return im.flush(ctx)
	}
	return nil
}

// flush makes queued entries durable, then sends them.
func (im *importer) flush(ctx context.Context) error {
	if len(im.waiting) > 0 {
		if err := im.outbox.put(ctx, im.waiting, im.Now().UTC().Format(time.DateOnly)); err != nil {
			return err
		}
		im.waiting = nil
	}
	return im.drain(ctx)
}

// drain sends everything in the outbox, in sequence, and checks the receipts. If the log has
// stopped, it sends nothing, which is no error yet: the inputs are to reach the outbox.
func (im *importer) drain(ctx context.Context) error {
	if im.stopped != nil {
		return nil
	}
	err := im.sendAll(ctx)
	if Stopped(err) {
		im.stopped, err = err, nil
	}
	return err
}

// Stopped reports whether err says that the log has stopped, so that only its operator can help.
func Stopped(err error) bool {
	var e *fetch.StoppedError
	return client.Stopped(err) || errors.As(err, &e)
}

func (im *importer) sendAll(ctx context.Context) error {
	for {
		list, err := im.outbox.waiting(ctx, im.Batch)
		if err != nil {
			return fmt.Errorf("reading the outbox: %w", err)
		}
		if len(list) == 0 {
			return nil
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
	done := make([]settled, len(list))
	var taken []acked
	for i, res := range results {
		switch {
		case res.Problem == nil:
			a, err := im.checked(list[i].sdjwt, res.Receipt)
			if err != nil {
				return err
			}
			done[i] = settled{posted: list[i], acked: a}
			taken = append(taken, a)
		case !final(res.Problem):
			return &RefusedError{list[i].seq, res.Problem}
		default:
			done[i] = settled{posted: list[i], problem: res.Problem.Code()}
			im.sum.Refused++
			im.OnReject(&EntryError{list[i].seq, res.Problem})
		}
	}
	if err := im.holdAll(ctx, taken, false); err != nil {
		return err
	}
	dropped, err := im.outbox.settle(ctx, done)
	if err != nil {
		return err
	}
	im.sum.Logged, im.sum.Dropped = im.sum.Logged+len(taken), im.sum.Dropped+dropped
	for _, a := range taken {
		im.sum.Size = max(im.sum.Size, a.got.Index+1)
		if a.enough {
			im.sum.Forgotten++
		} else {
			im.unseen++
		}
	}
	im.OnSent(len(list))
	return nil
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
	got, err := a.receipts.check(e, receipt)
	return acked{sdjwt, e.ID, receipt, got, a.receipts.enough(got)}, err
}
