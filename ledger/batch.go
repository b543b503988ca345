package ledger

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/storage"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
)

// outcome is the decision that one run of the transaction made on one item.
type outcome struct {
	index    uint64
	replayed bool
	flags    []entry.Flag
	verdict  *entry.Verdict
	path     [][]byte
	err      error
}

// batchTx is one run of the append transaction. It is not safe for concurrent use.
type batchTx struct {
	l       *Log
	tx      *storage.AppendTx
	key     *vault.Key
	batch   []*pending
	out     []outcome
	last    map[[16]byte]uint64       // highest number of each stream so far, in order of arrival
	known   map[[16]byte]*streamState // states of streams after the entries added so far, decoded
	streams streams                   // those of known that an entry was added to
	persons map[[32]byte][]byte       // states of persons after the entries added so far
	seen    map[[16]byte]int          // items of this batch, by key
	added   []int                     // items added, in the order of their indices
	state   *registerState
	note    []byte
	size    uint64
	rooted  bool // the last entry added is an index root
	root    wire.Hash
}

func newBatchTx(l *Log, tx *storage.AppendTx, key *vault.Key, batch []*pending) *batchTx {
	b := &batchTx{
		l: l, tx: tx, key: key, batch: batch, out: make([]outcome, len(batch)),
		last: map[[16]byte]uint64{}, known: map[[16]byte]*streamState{},
		persons: map[[32]byte][]byte{}, seen: map[[16]byte]int{},
	}
	b.streams = streams{most: uint64(l.cfg.MaxStreams), load: b.stream, grown: map[[16]byte]*streamState{}}
	return b
}

func (b *batchTx) run(ctx context.Context) error {
	if err := b.l.signing.check(ctx, b.tx.Head); err != nil {
		return err
	}
	b.state = b.l.reg.Load()
	b.size = b.tx.Head.Size
	if b.tx.Head.Register > b.state.upto { // another replica changed the register
		records, err := b.tx.RegisterSince(ctx, b.state.upto)
		if err != nil {
			return err
		}
		b.state, err = b.state.advance(records)
		if err != nil {
			return err
		}
	}
	if err := b.decide(ctx); err != nil {
		return err
	}
	if len(b.added) == 0 {
		return nil
	}
	for key, state := range encodeStreams(b.streams.grown) {
		b.tx.SetStream(key, state)
	}
	head, err := b.tx.Integrate(ctx)
	if err != nil {
		return err
	}
	b.size, b.root = head.Size, head.Root
	c := proof.Checkpoint{Origin: b.l.cfg.Origin, Size: head.Size, Root: head.Root}
	b.note, err = c.Sign(b.l.cfg.Keys.Log)
	if err != nil {
		return err
	}
	for _, i := range b.added {
		o := &b.out[i]
		o.path, err = b.tx.InclusionProof(o.index)
		if err != nil {
			return err
		}
	}
	b.tx.SetCheckpoint(b.note)
	if b.rooted {
		b.tx.SetAnchor()
	}
	return nil
}

// decide takes the entries of the batch. Public entries come first, in order of arrival, because
// each may change what the next is allowed to do. Sealed entries are admitted in order of arrival.
// Among them consents, delegations and links come first and keep their order, so that they are
// valid for the accesses of the batch; the others get their places in random order. An index root
// comes last of all, so that the checkpoint of its batch ends in it: that checkpoint is the next
// anchor.
//
// An entry that is refused is noted as such, and the others go on. An error ends the transaction.
func (b *batchTx) decide(ctx context.Context) error {
	if err := b.addPublic(); err != nil {
		return err
	}
	acts, others, err := b.admitSealed()
	if err != nil {
		return err
	}
	// The system seeds the ChaCha8 source of math/rand/v2, so a reader of the log cannot undo the
	// shuffle.
	rand.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	for _, i := range append(acts, others...) {
		if err := b.addSealed(ctx, i); err != nil {
			return err
		}
	}
	if err := b.addRoot(); err != nil {
		return err
	}
	b.settleRepeated()
	return nil
}

// addPublic adds the public entries of the batch other than index roots.
func (b *batchTx) addPublic() error {
	for i, p := range b.batch {
		if p.e.Type.Sealed() || p.e.Type == entry.TypeIndexRoot || b.repeated(i) {
			continue
		}
		if _, err := b.allow(i); err != nil {
			return err
		}
	}
	return nil
}

// addRoot adds the index root of the batch. A batch takes one: the sender of a second one has to
// send it again.
func (b *batchTx) addRoot() error {
	for i, p := range b.batch {
		if p.e.Type != entry.TypeIndexRoot || b.repeated(i) {
			continue
		}
		if b.rooted {
			b.refuse(i, &BusyError{RetryAfter: time.Second})
			continue
		}
		var err error
		if b.rooted, err = b.allow(i); err != nil {
			return err
		}
	}
	return nil
}

// allow adds public item i if it is allowed at the next index. It reports whether it added it.
func (b *batchTx) allow(i int) (added bool, err error) {
	err = b.authorise(b.batch[i], b.size)
	if err == nil {
		err = b.begun(b.batch[i])
	}
	if err != nil {
		b.refuse(i, err)
		return false, nil
	}
	return true, b.add(i, nil)
}

// admitSealed checks the keys of the sealed entries at the first index that any of them can get: no
// key changes above it in this batch. It returns the items that may be judged: consents,
// delegations and links as acts, and the others.
func (b *batchTx) admitSealed() (acts, others []int, err error) {
	for i, p := range b.batch {
		if !p.e.Type.Sealed() || b.repeated(i) {
			continue
		}
		err := b.authorise(p, b.size)
		if err == nil {
			err = b.begun(p)
		}
		if err != nil {
			b.refuse(i, err)
			continue
		}
		flags, err := b.sequence(p)
		if err != nil {
			return nil, nil, err
		}
		b.out[i].flags = append(slices.Clip(p.content.Flags), flags...)
		b.seen[p.key] = i
		switch p.e.Type {
		case entry.TypeConsent, entry.TypeDelegation, entry.TypeLink:
			acts = append(acts, i)
		default:
			others = append(others, i)
		}
	}
	return acts, others, nil
}

// addSealed judges item i at its own index and adds it, together with the new state of its person.
func (b *batchTx) addSealed(ctx context.Context, i int) error {
	p, o := b.batch[i], &b.out[i]
	j, refused, err := b.judge(ctx, p)
	if err != nil {
		return err
	}
	if refused != nil {
		b.refuse(i, refused)
		return nil
	}
	if _, ok := p.e.Body.(*entry.Access); ok {
		kept, err := b.streams.keeps(p.e, p.stream)
		if err != nil {
			return err
		}
		if !kept { // no number was compared with any
			o.flags = append(slices.DeleteFunc(o.flags, entry.Flag.Sequence), entry.FlagTooManyStreams)
		}
	}
	c := p.content
	c.Flags, c.Verdict = append(o.flags, j.Flags...), j.Verdict
	opening, err := b.l.vault.Seal(b.key, b.size, p.leafHash, p.link, c)
	if err != nil {
		// A mistake in this program. Nothing of the entry has been written yet, and the others can
		// go on.
		b.l.cfg.Logger.Error("an entry cannot be stored",
			"alarm", true, "type", p.e.Type, "index", b.size, "error", err)
		b.refuse(i, err)
		return nil
	}
	o.flags, o.verdict = c.Flags, c.Verdict
	if j.Person != nil {
		b.persons[p.history.K] = j.Person
		b.tx.SetPerson(p.history.K, b.l.vault.SealPerson(b.key, p.history.K, j.Person))
	}
	return b.add(i, opening)
}

// refuse notes that item i is not added, and the index at which it was judged.
func (b *batchTx) refuse(i int, err error) { b.out[i].index, b.out[i].err = b.size, err }

// settleRepeated sets the outcome of items that repeat an earlier one of the batch: its index, or
// its refusal.
func (b *batchTx) settleRepeated() {
	for i, p := range b.batch {
		j := b.seen[p.key]
		if _, inLog := b.tx.Found[p.key]; inLog || !b.out[i].replayed || j == i {
			continue
		}
		b.out[i].index = b.out[j].index
		if b.out[j].err != nil {
			b.out[i] = b.out[j]
		}
	}
}

// repeated settles an item whose (iss, jti) is in the log or earlier in this batch.
func (b *batchTx) repeated(i int) bool {
	p, o := b.batch[i], &b.out[i]
	found, inLog := b.tx.Found[p.key]
	first, inBatch := b.seen[p.key]
	switch {
	case inLog && found.Identity == p.identity:
		*o = outcome{index: found.Index, replayed: true}
	case inLog:
		*o = outcome{index: found.Index, err: ErrConflict}
	case inBatch && b.batch[first].identity == p.identity:
		*o = outcome{replayed: true}
	case inBatch:
		*o = outcome{err: ErrConflict}
	}
	return inLog || inBatch
}

// add adds item i at the next index and to its history. opening is its encrypted opening, nil for a
// public entry.
func (b *batchTx) add(i int, opening []byte) error {
	p, index := b.batch[i], b.size
	got, err := b.tx.Add(storage.Leaf{
		Key: p.key, Identity: p.identity, Chain: p.history.K,
		Value: p.leaf, Extra: opening, Register: register.Shared(p.e.Type),
	})
	if err != nil {
		return err
	}
	if got != index {
		return errors.New("the storage assigned an index that is not the next one")
	}
	chain, ok := b.tx.Chains[p.history.K]
	if !ok {
		chain.Head = p.history.Head0
	}
	state := proof.State{Count: chain.Count, Head: chain.Head}.Add(index, p.leafHash)
	next := storage.Chain{Count: state.Count, Head: state.Head, Last: index}
	b.tx.SetChain(p.history.K, next)
	b.tx.Chains[p.history.K] = next
	b.seen[p.key] = i
	b.added = append(b.added, i)
	b.out[i].index = index
	b.size++
	return b.streams.take(p.e, p.stream, index, p.content.Received)
}

// authorise steps the state of the log by the entry, which is to get index. The error says why the
// entry is not allowed there.
func (b *batchTx) authorise(p *pending, index uint64) error {
	next := b.state
	if register.Shared(p.e.Type) { // readers of b.state must not see it change
		changed := *b.state
		if p.e.Type.ChangesRegister() {
			changed.State = b.state.Clone()
		}
		changed.upto = index + 1
		next = &changed
	}
	if err := next.StepSigned(p.e, index); err != nil {
		return err
	}
	b.state = next
	return nil
}

// sequence compares an access's number with the highest of its stream so far.
func (b *batchTx) sequence(p *pending) ([]entry.Flag, error) {
	a, ok := p.e.Body.(*entry.Access)
	if !ok {
		return nil, nil
	}
	if a.Seq == nil {
		return []entry.Flag{entry.FlagNoSequence}, nil
	}
	last, ok := b.last[p.stream]
	if !ok {
		s, err := b.stream(p.stream)
		if err != nil {
			return nil, err
		}
		last = s.Seen.Highest()
	}
	b.last[p.stream] = max(last, *a.Seq)
	switch {
	case *a.Seq <= last:
		return []entry.Flag{entry.FlagSequenceBack}, nil
	case *a.Seq > last+1:
		return []entry.Flag{entry.FlagSequenceGap}, nil
	}
	return nil, nil
}

// stream returns the state of a stream, which is decoded once a batch.
func (b *batchTx) stream(key [16]byte) (*streamState, error) {
	s, ok := b.known[key]
	if ok {
		return s, nil
	}
	s = new(streamState)
	if data, ok := b.tx.Streams[key]; ok {
		stored, err := parseStream(data)
		if err != nil {
			return nil, err
		}
		s = stored
	}
	b.known[key] = s
	return s, nil
}
