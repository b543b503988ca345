package ledger

import (
	"cmp"
	"context"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// What governs accesses, entry.Rules, is told of every public entry in the transaction that appends it, and judges every sealed one at its own place. What
// it must remember of a person (her consents, delegations and other numbers) stands encrypted beside her history and is written in the same transaction. So a verdict
// follows from the entries below the access and nothing else, whichever replica appends.

// judge asks the rules about sealed item p, which is to get the index b.size. refused says why it may not
// be added; err ends the transaction.
func (b *batchTx) judge(ctx context.Context, p *pending) (j register.Judgement, refused, err error) {
	var unreadable error
	j, refused = b.state.Rules.Judge(p.e, b.size, func(id string) []byte {
		state, damaged, failed := b.person(ctx, b.history(p, id))
		unreadable, err = cmp.Or(unreadable, damaged), cmp.Or(err, failed)
		return state
	})
	if err != nil {
		return register.Judgement{}, nil, err
	}
	if refused = cmp.Or(unreadable, refused); refused != nil && p.e.Type == entry.TypeAccess {
		// It happened, so it is logged. A rebuild says what its verdict should have been.
		b.l.cfg.Logger.Error("an access has no verdict", "alarm", true, "index", b.size, "error", refused)
		return register.Judgement{}, nil, nil
	}
	return j, refused, nil
}

// history is that of a person whom the rules ask of when they judge p. The entry names most of them, and these were looked up beforehand; a linked number stands
// in the state of another.
func (b *batchTx) history(p *pending, id string) wire.Hash {
	switch id {
	case p.e.ShownSub():
		return p.history.K
	case p.delegate.id:
		return p.delegate.k
	}
	tag, _ := b.l.tags.tag(id)
	return proof.TagKey(tag)
}

// person returns the state of a history's person, decrypted once a batch; nil if they have none. damaged
// says that this one cannot be read, err that the database cannot.
func (b *batchTx) person(ctx context.Context, k wire.Hash) (state []byte, damaged, err error) {
	if state, ok := b.persons[k]; ok {
		return state, nil, nil
	}
	sealed, err := b.tx.Person(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	if sealed != nil {
		if state, damaged = b.l.vault.UnsealPerson(ctx, k, sealed); damaged != nil {
			return nil, damaged, nil
		}
	}
	b.persons[k] = state
	return state, nil, nil
}

// Rules returns what governs accesses now: Config.Rules, told of every public entry.
func (l *Log) Rules(ctx context.Context) (register.Rules, error) {
	s, err := l.current(ctx)
	if err != nil {
		return nil, err
	}
	return s.Rules, nil
}

// Person gives the state that the rules keep of a person, for entry.Rules.Judge; nil if there is none.
func (l *Log) Person(ctx context.Context, id string) ([]byte, error) {
	tag, _, err := l.Tag(id)
	if err != nil {
		return nil, err
	}
	k := proof.TagKey(tag)
	states, err := l.store.Persons(ctx, l.tree, [][32]byte{k})
	if err != nil || states[k] == nil {
		return nil, err
	}
	return l.vault.UnsealPerson(ctx, k, states[k])
}
