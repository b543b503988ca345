package ledger

import (
	"context"
	"errors"
	"math/rand/v2"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/storage"
	"igledger/ledger/vault"
)

// outcome is what one run of the transaction decided for one item.
type outcome struct {
	index    uint64
	replayed bool
	flags    []entry.Flag
	verdict  *entry.Verdict
	path     [][]byte
	err      error
}

// batchTx is one run of the append transaction.
type batchTx struct {
	l       *Log
	tx      *storage.AppendTx
	key     vault.Key
	batch   []*pending
	out     []outcome
	last    map[[16]byte]uint64  // highest number of each stream so far, as entries came
	known   map[[16]byte]*streamState // streams as the entries added leave them
	persons map[[32]byte][]byte  // states of persons as the entries so far leave them
	failed  error                // of reading one of them: the transaction is over
	seen    map[[16]byte]int     // items of this very batch, by key
	state   *registerState
	note    []byte
	size    uint64
}

func (b *batchTx) run(ctx context.Context) error {
	b.state = b.l.reg.Load()
	b.size = b.tx.Head.Size
	if b.tx.Head.Register > b.state.upto { // another replica changed the register
		records, err := b.tx.RegisterSince(ctx, b.state.upto)
		if err != nil {
			return err
		}
		if b.state, err = b.state.advance(records); err != nil {
			return err
		}
	}
	added, err := b.decide(ctx)
	if err != nil {
		return err
	}
	if len(added) == 0 {
		return nil
	}
	for key, state := range encodeStreams(b.known) { // only what was added made them known
		b.tx.SetStream(key, state)
	}
	head, err := b.tx.Integrate(ctx)
	if err != nil {
		return err
	}
	b.size = head.Size
	if b.note, err = (proof.Checkpoint{Origin: b.l.cfg.Origin, Size: head.Size, Root: head.Root}).Sign(b.l.cfg.Keys.Log); err != nil {
		return err
	}
	for _, i := range added {
		if b.out[i].path, err = b.tx.InclusionProof(b.out[i].index); err != nil {
			return err
		}
	}
	b.tx.SetCheckpoint(b.note)
	return nil
}

// decide goes through the batch and adds what may be added. Public entries come first, as they came, for each may change what the next may do.
// Sealed ones are judged as they came, at the first index any of them can get (no key changes above it in this batch), and then take their
// places in random order, after acts of consent and delegation and links, which keep theirs: what they say counts for the accesses of the batch. It gives the items that were added.
func (b *batchTx) decide(ctx context.Context) (added []int, err error) {
	var first, sealed []int
	for i, p := range b.batch {
		if p.e.Type.Sealed() || b.repeated(i) {
			continue
		}
		if b.out[i].err = b.authorise(p, b.size); b.out[i].err != nil {
			b.out[i].index = b.size
			continue
		}
		if err := b.add(i); err != nil {
			return nil, err
		}
		added = append(added, i)
	}
	for i, p := range b.batch {
		if !p.e.Type.Sealed() || b.repeated(i) {
			continue
		}
		if b.out[i].err = b.authorise(p, b.size); b.out[i].err != nil {
			b.out[i].index = b.size
			continue
		}
		b.out[i].flags = p.content.Flags[:len(p.content.Flags):len(p.content.Flags)]
		if a, ok := p.e.Body.(*entry.Access); ok {
			flags, err := b.sequence(p.stream, a)
			if err != nil {
				return nil, err
			}
			b.out[i].flags = append(b.out[i].flags, flags...)
		}
		b.seen[p.key] = i
		switch p.e.Type {
		case entry.TypeConsent, entry.TypeDelegation, entry.TypeLink:
			first = append(first, i)
		default:
			sealed = append(sealed, i)
		}
	}
	// The ChaCha8 source of math/rand/v2 is seeded by the system: who sees the log cannot undo the shuffle.
	rand.Shuffle(len(sealed), func(i, j int) { sealed[i], sealed[j] = sealed[j], sealed[i] })
	for _, i := range append(first, sealed...) {
		b.out[i].err = b.judge(ctx, i)
		if b.failed != nil {
			return nil, b.failed
		}
		if b.out[i].err != nil {
			b.out[i].index = b.size
			continue
		}
		if err := b.add(i); err != nil {
			return nil, err
		}
		added = append(added, i)
	}
	for i, p := range b.batch { // repetitions within the batch learn their index last
		if j := b.seen[p.key]; b.out[i].replayed && j != i && b.tx.Found[p.key] == (storage.Found{}) {
			b.out[i].index = b.out[j].index
			if b.out[j].err != nil {
				b.out[i] = b.out[j]
			}
		}
	}
	return added, nil
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

// add gives item i the next index, its encrypted opening and its place in its history.
func (b *batchTx) add(i int) error {
	p, index := b.batch[i], b.size
	leaf := storage.Leaf{Key: p.key, Identity: p.identity, Chain: p.chain, Value: p.leaf, Register: inRegister(p.e.Type)}
	if p.e.Type.Sealed() {
		c := p.content
		c.Flags, c.Verdict = b.out[i].flags, b.out[i].verdict
		leaf.Extra = b.l.vault.Seal(b.key, index, p.leafHash, p.link, c)
	}
	got, err := b.tx.Add(leaf)
	if err != nil {
		return err
	}
	if got != index {
		return errors.New("storage gave another index than the next one")
	}
	chain, ok := b.tx.Chains[p.chain]
	if !ok {
		chain.Head = p.head0
	}
	next := storage.Chain{Count: chain.Count + 1, Head: proof.NextHead(chain.Head, index, p.leafHash), Last: index}
	b.tx.SetChain(p.chain, next)
	b.tx.Chains[p.chain] = next
	b.seen[p.key] = i
	b.out[i].index = index
	b.size++
	if p.stream == ([16]byte{}) {
		return nil
	}
	s, err := b.stream(p.stream)
	if err == nil {
		s.take(p.e, index, p.content.Received)
	}
	return err
}

// authorise checks the key at the entry's own position and, for public entries, the rules of the register.
func (b *batchTx) authorise(p *pending, index uint64) error {
	check := b.state.reg.Authorise
	if !p.verified {
		check = b.state.reg.Verify
	}
	if err := check(p.e, index); err != nil {
		return err
	}
	if p.e.Type.Governs() {
		rules, err := b.state.rules.Admit(p.e, index, b.state.reg)
		if err == nil {
			b.state = &registerState{reg: b.state.reg, rules: rules, upto: index + 1}
		}
		return err
	}
	if !p.e.Type.ChangesRegister() {
		return b.state.reg.Apply(p.e, index) // changes nothing, but an index root may stand only above what it covers
	}
	next := &registerState{reg: b.state.reg.Clone(), rules: b.state.rules, upto: index + 1}
	if err := next.reg.Apply(p.e, index); err != nil {
		return err
	}
	if next.rules != nil {
		var err error
		if next.rules, err = next.rules.Admit(p.e, index, next.reg); err != nil {
			return err
		}
	}
	b.state = next
	return nil
}

// inRegister reports whether every replica must know of entries of the type before it can judge another.
func inRegister(t entry.Type) bool { return t.ChangesRegister() || t.Governs() }

// sequence compares an access's number with the highest of its stream so far.
func (b *batchTx) sequence(key [16]byte, a *entry.Access) ([]entry.Flag, error) {
	if a.Seq == nil {
		return []entry.Flag{entry.FlagNoSequence}, nil
	}
	last, ok := b.last[key]
	if !ok {
		s, err := b.stream(key)
		if err != nil {
			return nil, err
		}
		last = s.Seen.Highest()
	}
	b.last[key] = max(last, *a.Seq)
	switch {
	case *a.Seq <= last:
		return []entry.Flag{entry.FlagSequenceBack}, nil
	case *a.Seq > last+1:
		return []entry.Flag{entry.FlagSequenceGap}, nil
	}
	return nil, nil
}

// stream gives the state of a stream, decoded once a batch.
func (b *batchTx) stream(key [16]byte) (*streamState, error) {
	s, ok := b.known[key]
	if ok {
		return s, nil
	}
	s = new(streamState)
	if data, ok := b.tx.Streams[key]; ok {
		var err error
		if s, err = parseStream(data); err != nil {
			return nil, err
		}
	}
	b.known[key] = s
	return s, nil
}
