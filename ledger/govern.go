package ledger

import (
	"cmp"
	"context"
	"errors"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// The rules, a register.Rules, are told of every public entry in the transaction that appends it,
// and judge every sealed entry at its own index. What they must remember of a person (their
// consents, delegations and other numbers) is stored encrypted with the person's history and
// written in the same transaction. So a verdict follows from the entries below the access and
// nothing else, whichever replica appends.

// judge asks the rules about sealed item p, which is to get the index b.size. refused says why the
// rules do not allow it; err ends the transaction.
func (b *batchTx) judge(ctx context.Context, p *pending) (j register.Judgement, refused, err error) {
	var unreadable error
	j, refused = b.state.Rules.Judge(p.e, b.size, func(id string) []byte {
		state, damaged, failed := b.person(ctx, b.history(p, id))
		unreadable = cmp.Or(unreadable, damaged)
		err = cmp.Or(err, failed)
		return state
	})
	if err == nil && errors.Is(refused, register.ErrUnable) {
		err = refused // not the fault of the entry, which is to be sent again
	}
	if err != nil {
		return register.Judgement{}, nil, err
	}
	refused = cmp.Or(unreadable, refused)
	if refused != nil && p.e.Type == entry.TypeAccess {
		// The access happened, so it is logged. A rebuild says what its verdict should have been.
		b.l.cfg.Logger.Error("an access has no verdict", "alarm", true, "index", b.size, "error", refused)
		return register.Judgement{}, nil, nil
	}
	return j, refused, nil
}

// history returns the key of the history of a person that the rules ask about when they judge p.
// The entry names most of these persons, and their keys were computed beforehand. A linked number
// is named only in the state of another person.
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

// person returns the state of a history's person, decrypted once a batch, or nil if they have none.
// If this one state cannot be read, damaged says why; err means that the database cannot be read.
func (b *batchTx) person(ctx context.Context, k wire.Hash) (state []byte, damaged, err error) {
	if state, ok := b.persons[k]; ok {
		return state, nil, nil
	}
	sealed, err := b.tx.Person(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	if sealed != nil {
		state, damaged = b.l.vault.UnsealPerson(ctx, k, sealed)
		if damaged != nil {
			return nil, damaged, nil
		}
	}
	b.persons[k] = state
	return state, nil, nil
}

// Rules returns the rules as they are now: Config.Rules after every public entry of the log.
func (l *Log) Rules(ctx context.Context) (register.Rules, error) {
	s, err := l.current(ctx)
	if err != nil {
		return nil, err
	}
	return s.Rules, nil
}

// Person returns the state that the rules keep of a person, for register.Rules.Judge, or nil if
// there is none.
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
