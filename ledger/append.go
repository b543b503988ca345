package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"runtime"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
)

// Result is the answer for one entry.
type Result struct {
	Index    uint64         // position in the log
	Replayed bool           // the entry was in the log before, and this is a new receipt for it
	Flags    []entry.Flag   // the ledger's remarks
	Verdict  *entry.Verdict // what the rules say of an access or decision that was just appended

	// Receipt proves the entry against the checkpoint of its own batch or, if Replayed, against the
	// newest one.
	Receipt *bundle.Receipt

	// Err, unless nil, says why the entry was refused; then the log keeps nothing of it. After
	// storage.ErrUnavailable or an error of the context the outcome is unknown: send the entry
	// again.
	Err error
}

// Limits of an entry's times against the ledger's clock.
const (
	MaxAhead = 5 * time.Minute
	LateBy   = 24 * time.Hour
)

// pending is an entry on its way into the log, with all that can be computed without the database
// lock.
type pending struct {
	e        *entry.Entry
	key      [16]byte
	identity [32]byte

	history  proof.History
	leaf     []byte
	leafHash wire.Hash

	link     vault.Link // sealed only
	vrfProof []byte
	content  vault.Content
	stream   [16]byte // see streamOf
	reports  [16]byte // stream of whose day it speaks, which must have begun; zero: none
	delegate struct { // of a delegation: the person who acts
		id string
		k  wire.Hash
	}

	path [][]byte // inclusion path in checkpoint, after commit
	note []byte   // checkpoint, after commit
	res  Result
}

// unit is a group of entries that one caller waits for.
type unit struct {
	items []*pending
	done  chan struct{}
}

// Append appends entries, which entry.Parse returned, and blocks until each is durable and
// integrated, or refused. One bad entry does not affect the others. The public entries of one call
// keep their order, but for index roots: see batchTx.decide. Sealed ones are shuffled within a
// batch, so that positions say little about the time of arrival. If the queue is full, all of them
// get a *BusyError at once.
func (l *Log) Append(ctx context.Context, entries ...*entry.Entry) []Result {
	items := make([]*pending, len(entries))
	keys := l.signers(ctx, entries)
	if len(entries) == 1 {
		items[0] = l.newPending(entries[0], keys)
	} else {
		var g errgroup.Group
		g.SetLimit(runtime.GOMAXPROCS(0))
		for i, e := range entries {
			g.Go(func() error { items[i] = l.newPending(e, keys); return nil })
		}
		_ = g.Wait() // never fails: each item holds its own error
	}
	results := make([]Result, len(items))
	good := make([]*pending, 0, len(items))
	queued := make([]int, 0, len(items)) // which of items good has
	for i, p := range items {
		if p.res.Err != nil {
			results[i].Err = p.res.Err
			continue
		}
		good, queued = append(good, p), append(queued, i)
	}
	if err := l.enqueue(ctx, good); err != nil {
		for _, i := range queued { // their res may yet be written by the batcher
			results[i].Err = err
		}
		return results
	}
	for _, i := range queued {
		p := items[i]
		results[i] = p.res
		switch {
		case p.res.Err != nil:
		case p.res.Replayed:
			results[i] = l.replayed(ctx, p)
		default:
			results[i].Receipt = p.receipt()
		}
	}
	return results
}

// enqueue hands good to the batcher and waits until each entry is answered.
func (l *Log) enqueue(ctx context.Context, good []*pending) error {
	if len(good) == 0 {
		return nil
	}
	if n := l.waiting.Add(int64(len(good))); n > int64(l.cfg.MaxQueue) {
		l.waiting.Add(-int64(len(good)))
		l.stats.busy.Add(1)
		return &BusyError{RetryAfter: time.Second}
	}
	defer l.waiting.Add(-int64(len(good)))
	defer l.stats.enter(time.Now())()
	var units []*unit
	for len(good) > 0 {
		n := min(len(good), l.cfg.MaxBatch)
		units = append(units, &unit{items: good[:n], done: make(chan struct{})})
		good = good[n:]
	}
	l.mu.RLock()
	if l.closed {
		l.mu.RUnlock()
		return ErrClosed
	}
	for _, u := range units {
		l.queue <- u // never blocks: its capacity is MaxQueue units of at least one entry
	}
	l.mu.RUnlock()
	for _, u := range units {
		select {
		case <-u.done:
		case <-ctx.Done(): // the entries may still be appended: a caller that sends them again gets receipts
			return fmt.Errorf("waiting for the append: %w", ctx.Err())
		}
	}
	return nil
}

// signers is the register that the entries of one call are first judged by. It keeps strangers out:
// an entry whose signature does not verify under a key that is registered, or that a registered
// organisation adds in the same call, costs neither a tag nor a place in the queue. A tag would
// tell its sender, by the time it takes, whether the person is in the ledger.
type signers struct {
	reg   *register.Register
	grown *register.Register // reg and what the call itself registers; nil: nothing
}

// anyIndex is above every index of a log, with room for the entries of a call above itself.
const anyIndex = 1 << 62

func (l *Log) signers(ctx context.Context, entries []*entry.Entry) signers {
	s := signers{reg: l.reg.Load().Register}
	for _, e := range entries {
		if s.reg.Key(e.KID) == nil { // another replica may have registered it
			if reg, err := l.Register(ctx); err == nil {
				s.reg = reg
			}
			break
		}
	}
	grown := register.State{Register: s.reg}
	for i, e := range entries {
		if !e.Type.ChangesRegister() || e.Type == entry.TypeGenesis {
			continue
		}
		at := anyIndex + uint64(i)
		if s.grown == nil && s.reg.Verify(e, at) == nil {
			grown = grown.Clone()
			s.grown = grown.Register
		}
		if s.grown != nil {
			_ = grown.Step(e, at) // what the register refuses is refused under the lock, with its reason
		}
	}
	return s
}

// key returns the public key with the thumbprint kid, false if there is none.
func (s signers) key(kid string) (wire.JWK, bool) {
	k := s.reg.Key(kid)
	if k == nil && s.grown != nil {
		k = s.grown.Key(kid)
	}
	if k == nil {
		return wire.JWK{}, false
	}
	return k.Key.JWK, true
}

// newPending checks what needs no lock, and seals. A refusal is in res.Err.
func (l *Log) newPending(e *entry.Entry, by signers) *pending {
	p := &pending{e: e, identity: e.Identity()}
	p.res.Err = l.check(p, by)
	if p.res.Err != nil {
		return p
	}
	p.key, p.stream, p.reports = idempotencyKey(e.Issuer, e.ID), streamOf(e), reportsOn(e)
	if e.Type.Sealed() {
		p.link.Tag, p.vrfProof = l.tags.tag(e.ShownSub())
	}
	p.history = proof.HistoryOf(e, p.link.Tag)
	if !e.Type.Sealed() {
		p.leaf = proof.PublicLeaf(e.Compact)
		p.leafHash = proof.LeafHash(p.leaf)
		return p
	}
	rand.Read(p.link.TagSalt[:])
	rand.Read(p.content.BodySalt[:])
	p.content.SDJWT = e.SDJWT()
	p.leaf = proof.SealedLeaf(proof.TagCommit(p.link.TagSalt, p.link.Tag),
		proof.BodyCommit(p.content.BodySalt, e.Compact))
	p.leafHash = proof.LeafHash(p.leaf)
	if persons := e.Persons(); len(persons) > 1 && entry.CheckID(persons[1]) == nil {
		tag, _ := l.tags.tag(persons[1])
		p.delegate.id, p.delegate.k = persons[1], proof.TagKey(tag)
	}
	return p
}

// check refuses or flags what can be decided without the lock. The key's status is checked again at
// the entry's own index.
func (l *Log) check(p *pending, by signers) error {
	e := p.e
	if e.Audience != l.cfg.Origin {
		return &wire.Error{Code: wire.WrongAudience, What: "entry", Detail: "aud must be " + l.cfg.Origin}
	}
	now := l.cfg.Now()
	p.content.Received = now
	times := []time.Time{time.Unix(e.IssuedAt, 0)}
	if e.Type.Sealed() {
		switch sub := e.ShownSub(); {
		case sub == "":
			return &wire.Error{Code: wire.BadDisclosure, What: "entry",
				Detail: "the disclosure of sub is missing: without it the entry cannot be filed under its person"}
		case sub == entry.RegWithheld || sub == entry.RegPadding:
			// A source that could file there without an order could hide an access from the person
			// it is about.
			return &wire.Error{Code: wire.BadID, What: "entry",
				Detail: "entries go into this register only with an order, which this version does not support"}
		case !entry.CheckDigitOK(sub) || !entry.CheckDigitOK(second(e)):
			p.content.Flags = append(p.content.Flags, entry.FlagCheckDigit)
		}
	}
	if a, ok := e.Body.(*entry.Access); ok {
		times = append(times, a.RecordedTime(), a.Time())
	}
	if c, ok := e.Body.(*entry.Consent); ok { // decided tomorrow, it would outweigh all that is decided until then
		if t, err := entry.ParseTime(c.Decided); err == nil && t.After(now.Add(MaxAhead)) {
			return ErrFuture
		}
	}
	late := false
	for i, t := range times {
		if t.After(now.Add(MaxAhead)) {
			return ErrFuture
		}
		late = late || i < 2 && t.Before(now.Add(-LateBy))
	}
	if late {
		p.content.Flags = append(p.content.Flags, entry.FlagLate)
	}
	if g, ok := e.Body.(*entry.Genesis); ok {
		return e.JWS.Verify(g.Registrar.Key.JWK)
	}
	k, ok := by.key(e.KID)
	if !ok {
		return by.reg.Authorise(e, anyIndex) // which says why not
	}
	return e.JWS.Verify(k) // k is the only key with this thumbprint, so commit need not verify again
}

// second returns the id of the other person or number that an entry names besides the one it is
// filed under, "" if there is none or it is withheld.
func second(e *entry.Entry) string {
	switch b := e.Body.(type) {
	case *entry.Delegation:
		if b.Delegate != nil {
			return b.Delegate.ID
		}
	case *entry.Link:
		return b.Other
	}
	return ""
}

// receipt returns the receipt of an entry that was just appended.
func (p *pending) receipt() *bundle.Receipt {
	r := &bundle.Receipt{Leaf: p.leaf, Proof: proofText(p.res.Index, p.path, p.note)}
	if p.e.Type.Sealed() {
		r.TagSalt = &p.link.TagSalt
		r.Tag = &p.link.Tag
		r.BodySalt = &p.content.BodySalt
		r.VRFProof = p.vrfProof
	}
	return r
}

func proofText(index uint64, path [][]byte, note []byte) string {
	proof := proof.Inclusion{Index: index, Checkpoint: note, Hashes: make([]wire.Hash, len(path))}
	for i, h := range path {
		proof.Hashes[i] = wire.Hash(h)
	}
	return string(proof.Marshal())
}

// idempotencyKey returns the first 6 bytes of jti ‖ SHA-256(iss ‖ 0x00 ‖ 16 bytes of jti)[:10]. In
// a UUIDv7 the first 6 bytes are the time, so new keys are side by side in the database and do not
// dirty a page each. The 80 bits of hash stop an organisation from hitting another's key on
// purpose.
func idempotencyKey(iss, jti string) [16]byte {
	id, _ := uuid.Parse(jti) // entry.Parse checked it
	sum := sha256.Sum256(append([]byte(iss+"\x00"), id[:]...))
	return [16]byte(append(id[:6:6], sum[:10]...))
}

// start runs the batcher: a group commit over all callers, with one transaction in flight per
// process. What it has committed is published while it collects and commits the next batch.
func (l *Log) start() {
	committed := make(chan answered, 1)
	go func() {
		defer close(l.done)
		l.answer(committed)
	}()
	go func() {
		defer close(committed)
		var carry *unit
		for {
			first := carry
			carry = nil
			if first == nil {
				u, ok := <-l.queue
				if !ok {
					return
				}
				first = u
			}
			units, n := []*unit{first}, len(first.items)
			timer := time.NewTimer(l.cfg.Linger)
		collect:
			for n < l.cfg.MaxBatch {
				select {
				case u, ok := <-l.queue:
					if !ok {
						break collect
					}
					if n+len(u.items) > l.cfg.MaxBatch {
						carry = u
						break collect
					}
					units, n = append(units, u), n+len(u.items)
				case <-timer.C:
					break collect
				}
			}
			timer.Stop()
			batch := make([]*pending, 0, n)
			for _, u := range units {
				batch = append(batch, u.items...)
			}
			committed <- answered{l.commit(context.Background(), batch), units}
		}
	}()
}

// answered is a batch that is over but for its publication.
type answered struct {
	tx    *batchTx // nil: nothing has to be published
	units []*unit
}

// answer publishes what was committed, and then tells the callers.
func (l *Log) answer(committed <-chan answered) {
	for first := range committed {
		list := []answered{first}
		for more := true; more; {
			select {
			case next, ok := <-committed:
				if more = ok; ok {
					list = append(list, next)
				}
			default:
				more = false
			}
		}
		var done []*batchTx
		for _, a := range list {
			if a.tx != nil {
				done = append(done, a.tx)
			}
		}
		l.publish(context.Background(), done)
		for _, a := range list {
			for _, u := range a.units {
				close(u.done)
			}
		}
	}
}

// Close takes no more entries, appends those that wait, and returns when every entry is answered
// and the lease on the log is given up, or ctx ends.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	select {
	case <-l.leased.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("draining the queue: %w", ctx.Err())
	}
}
