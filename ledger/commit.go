package ledger

import (
	"context"
	"errors"
	"time"

	"igledger/ledger/storage"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
)

// commitTimeout bounds one transaction with its retries. After it callers get
// storage.ErrUnavailable.
const commitTimeout = 20 * time.Second

// commit appends a batch in one transaction and sets the res of every item. Decisions made under
// the lock are kept in a batchTx until the transaction has committed, because its function may run
// again. What it returns has to be published before its items are answered; nil: nothing has.
func (l *Log) commit(ctx context.Context, batch []*pending) *batchTx {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	began := time.Now()
	var b *batchTx
	var key *vault.Key
	err := l.room()
	if err == nil {
		err = l.signing.usable(ctx)
	}
	if err == nil {
		key, err = l.vault.Prepare(ctx, 2*len(batch)) // each entry may need an opening and the state of its person
	}
	if err == nil {
		err = l.store.Append(ctx, l.tree, lookup(batch), func(ctx context.Context, tx *storage.AppendTx) error {
			b = newBatchTx(l, tx, key, batch)
			return b.run(ctx)
		})
	}
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, storage.ErrUnavailable) {
			err = errors.Join(storage.ErrUnavailable, err)
		}
		if l.failed(err) {
			l.cfg.Logger.Error("append failed", "entries", len(batch), "error", err)
		}
		for _, p := range batch {
			p.res = Result{Err: err}
		}
		return nil
	}
	if b.state != l.reg.Load() {
		l.publishRegister(b.state)
	}
	for i, p := range batch {
		o := b.out[i]
		p.res = Result{Index: o.index, Replayed: o.replayed, Flags: o.flags, Verdict: o.verdict, Err: o.err}
		p.path, p.note = o.path, b.note
	}
	l.stats.batch(len(b.added), len(batch), b.size, time.Since(began))
	if len(b.added) == 0 {
		l.stats.failing.Store(false)
		return nil
	}
	l.stats.full.Store(false)
	l.signing.committed(b.size, b.root)
	return b
}

// publish moves the signing record to the last of these batches, which were committed in this
// order. If that fails, their new entries are in the log but have no receipt: sent again, they get
// one as soon as the record can be moved.
func (l *Log) publish(ctx context.Context, done []*batchTx) {
	if len(done) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	last := done[len(done)-1]
	err := l.signing.publish(ctx, last.size, last.root, last.note)
	if err == nil {
		l.stats.failing.Store(false)
		l.leased.appended.Store(l.cfg.Now().UnixNano())
		return
	}
	l.cfg.Logger.Error("entries were appended but cannot be published", "size", last.size, "error", err)
	l.failed(err)
	for _, b := range done {
		for _, i := range b.added {
			b.batch[i].res.Err = err
		}
	}
}

// failed notes that a batch failed, until one does not: Ready then takes nothing for granted. It
// reports whether the one before it did not, or for another
// reason: a database that is away, or a full disk, is one line in the log and not one for each try.
func (l *Log) failed(err error) (news bool) {
	l.stats.failed.Add(1)
	why := err.Error()
	before := l.stats.why.Swap(&why)
	news = !l.stats.failing.Swap(true) || before == nil || *before != why
	if errors.Is(err, ErrFull) {
		l.stats.full.Store(true)
	}
	return news
}

// publishRegister moves the cached register forward, never back: Register may have moved it
// further.
func (l *Log) publishRegister(next *registerState) {
	for {
		cur := l.reg.Load()
		if cur.upto >= next.upto || l.reg.CompareAndSwap(cur, next) {
			return
		}
	}
}

// lookup names everything that the transaction for a batch looks up, each once.
func lookup(batch []*pending) storage.Lookup {
	var look storage.Lookup
	keys := map[[16]byte]bool{}
	chains := map[[32]byte]bool{}
	streams := map[[16]byte]bool{{}: true} // the zero key is none
	persons := map[[32]byte]bool{{}: true} // the zero key is none
	for _, p := range batch {
		if !keys[p.key] {
			keys[p.key] = true
			look.Keys = append(look.Keys, p.key)
		}
		if !chains[p.history.K] {
			chains[p.history.K] = true
			look.Chains = append(look.Chains, p.history.K)
		}
		for _, k := range [][16]byte{p.stream, others(p.stream), p.reports, others(p.reports)} {
			if !streams[k] && k != ([16]byte{}) { // zero: it is of no stream
				streams[k] = true
				look.Streams = append(look.Streams, k)
			}
		}
		if !p.e.Type.Sealed() {
			continue
		}
		for _, k := range []wire.Hash{p.history.K, p.delegate.k} {
			if !persons[k] {
				persons[k] = true
				look.Persons = append(look.Persons, k)
			}
		}
	}
	return look
}
