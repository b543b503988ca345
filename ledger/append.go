package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math"
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

// Result is what became of one entry.
type Result struct {
	Index    uint64          // position in the log
	Replayed bool            // the entry had been in the log before: this is its first receipt anew
	Flags    []entry.Flag    // the ledger's remarks
	Verdict  *entry.Verdict  // what policy says, of accesses and decisions just appended
	Receipt  *bundle.Receipt // against the checkpoint of the entry's own batch or, replayed, the newest one
	Err      error           // if not nil the entry was refused and nothing of it was kept, or (ErrUnavailable, context errors) it is unknown: send it again
}

// Limits of an entry's times against the ledger's clock.
const (
	MaxAhead = 5 * time.Minute
	LateBy   = 24 * time.Hour
)

// pending is an entry on its way, with all that can be worked out without the database lock.
type pending struct {
	e        *entry.Entry
	verified bool // signature checked; false if the key was not known yet
	key      [16]byte
	identity [32]byte

	history  proof.History
	leaf     []byte
	leafHash wire.Hash

	link     vault.Link // sealed only
	vrfProof []byte
	content  vault.Content
	stream   [16]byte // see streamOf
	delegate struct { // of a delegation: who acts
		id string
		k  wire.Hash
	}

	path [][]byte // inclusion path in checkpoint, after commit
	note []byte   // checkpoint, after commit
	res  Result
}

// unit is what one caller waits for.
type unit struct {
	items []*pending
	done  chan struct{}
}

// Append appends entries, parsed by entry.Parse, and blocks until each is durable and integrated or refused. One bad entry does not touch the
// others. Entries of one call keep their order as far as public ones go; sealed ones are shuffled within a batch, so that positions say
// little of arrival. When the queue is full all of them get a *BusyError at once.
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
	good := make([]*pending, 0, len(items))
	for _, p := range items {
		if p.res.Err == nil {
			good = append(good, p)
		}
	}
	err := l.enqueue(ctx, good)
	results := make([]Result, len(items))
	for i, p := range items {
		if results[i] = (Result{Err: err}); p.res.Err != nil {
			results[i] = Result{Err: p.res.Err} // refused before it was queued
		}
	}
	if err != nil {
		return results
	}
	for i, p := range items {
		if results[i] = p.res; p.res.Err != nil {
			continue
		}
		if p.res.Replayed {
			results[i] = l.replayed(ctx, p)
		} else {
			results[i].Receipt = p.receipt()
		}
	}
	return results
}

// enqueue waits until all of good are answered.
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
		case <-ctx.Done(): // the entries may yet be appended; the caller sends them again and gets its receipts
			return fmt.Errorf("waiting for the append: %w", ctx.Err())
		}
	}
	return nil
}

// signers is the register that entries are first judged by, and the keys that entries of the same call may yet bring into it. Strangers get no
// further than this: neither a tag nor a place in the queue is spent on an entry by a key that is nowhere.
type signers struct {
	reg *register.Register
	new map[string]bool
}

func (l *Log) signers(ctx context.Context, entries []*entry.Entry) signers {
	s := signers{reg: l.reg.Load().Register}
	unknown := false
	for _, e := range entries {
		if k, ok := e.Body.(*entry.Key); ok {
			if s.new == nil {
				s.new = map[string]bool{}
			}
			s.new[k.Key.JWK.Thumbprint()] = true
		}
		unknown = unknown || s.reg.Key(e.KID) == nil
	}
	if unknown { // perhaps another replica registered it
		if reg, err := l.Register(ctx); err == nil {
			s.reg = reg
		}
	}
	return s
}

// newPending checks what needs no lock and seals. Failures stand in res.Err.
func (l *Log) newPending(e *entry.Entry, by signers) *pending {
	p := &pending{e: e, identity: e.Identity()}
	if p.res.Err = l.check(p, by); p.res.Err != nil {
		return p
	}
	p.key, p.stream = idempotencyKey(e.Issuer, e.ID), streamOf(e)
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
	p.leaf = proof.SealedLeaf(proof.TagCommit(p.link.TagSalt, p.link.Tag), proof.BodyCommit(p.content.BodySalt, e.Compact))
	p.leafHash = proof.LeafHash(p.leaf)
	if persons := e.Persons(); len(persons) > 1 && entry.CheckID(persons[1]) == nil {
		tag, _ := l.tags.tag(persons[1])
		p.delegate.id, p.delegate.k = persons[1], proof.TagKey(tag)
	}
	return p
}

// check refuses or flags what can be told without the lock. The key's status is checked again at the entry's own position.
func (l *Log) check(p *pending, by signers) error {
	e := p.e
	if e.Audience != l.cfg.Origin {
		return &wire.Error{Code: wire.WrongAudience, What: "entry", Detail: "aud is not " + l.cfg.Origin}
	}
	now := l.cfg.Now()
	p.content.Received = now
	times := []time.Time{time.Unix(e.IssuedAt, 0)}
	if e.Type.Sealed() {
		switch sub := e.ShownSub(); {
		case sub == "":
			return &wire.Error{Code: wire.BadDisclosure, What: "entry", Detail: "the disclosure sub is missing: nobody would find this entry"}
		case sub == entry.RegWithheld || sub == entry.RegPadding:
			// Whoever could file there without an order could hide an access from the person it is about.
			return &wire.Error{Code: wire.BadID, What: "entry", Detail: "this register takes entries only with an order, which this version does not know"}
		case !entry.CheckDigitOK(sub):
			p.content.Flags = append(p.content.Flags, entry.FlagCheckDigit)
		}
	}
	if a, ok := e.Body.(*entry.Access); ok {
		times = append(times, a.RecordedTime(), a.Time())
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
		p.verified = true
		return e.JWS.Verify(g.Registrar.Key.JWK)
	}
	if k := by.reg.Key(e.KID); k != nil {
		p.verified = true
		return e.JWS.Verify(k.Key.JWK)
	}
	if by.new[e.KID] {
		return nil // commit looks again, under the lock, once the key's own entry is in
	}
	return by.reg.Authorise(e, math.MaxUint64) // which says why not
}

// receipt builds the receipt of a freshly appended entry.
func (p *pending) receipt() *bundle.Receipt {
	r := &bundle.Receipt{Leaf: p.leaf, Proof: proofText(p.res.Index, p.path, p.note)}
	if p.e.Type.Sealed() {
		r.TagSalt, r.Tag, r.BodySalt, r.VRFProof = &p.link.TagSalt, &p.link.Tag, &p.content.BodySalt, p.vrfProof
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

// idempotencyKey is the first 6 bytes of jti ‖ SHA-256(iss ‖ 0x00 ‖ 16 bytes of jti)[:10]. In a UUIDv7 the first 6 bytes are the time, so new keys stand
// side by side in the database instead of dirtying a page each; 80 bits of hash keep one organisation from meeting another's key on purpose.
func idempotencyKey(iss, jti string) [16]byte {
	id, _ := uuid.Parse(jti) // entry.Parse checked it
	sum := sha256.Sum256(append([]byte(iss+"\x00"), id[:]...))
	return [16]byte(append(id[:6:6], sum[:10]...))
}

// start runs the batcher: one transaction in flight per process, group commit over all callers.
func (l *Log) start() {
	go func() {
		defer close(l.done)
		var carry *unit
		for {
			first := carry
			carry = nil
			if first == nil {
				var ok bool
				if first, ok = <-l.queue; !ok {
					return
				}
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
			l.commit(context.Background(), batch)
			for _, u := range units {
				close(u.done)
			}
		}
	}()
}

// Close takes no more entries, appends those that wait, and returns when all is answered or ctx ends.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("draining the queue: %w", ctx.Err())
	}
}
