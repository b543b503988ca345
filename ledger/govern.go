package ledger

import (
	"context"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// What governs accesses, entry.Rules, is told of every public entry in the transaction that appends it, and judges every sealed one at its own place. What
// it must remember of a person (her consents, delegations and other numbers) stands encrypted beside her history and is written in the same transaction. So a verdict
// follows from the entries below the access and nothing else, whichever replica appends.

// errUngoverned refuses what nobody here could judge.
func errUngoverned(t entry.Type) error {
	return &wire.Error{Code: wire.UnknownType, What: "entry", Detail: "this ledger runs without the rules that entries of type " + string(t) + " obey"}
}

// needsRules reports whether nothing can be said of the type without rules.
func needsRules(t entry.Type) bool {
	return t.Governs() || t == entry.TypeConsent || t == entry.TypeDelegation || t == entry.TypeDecision
}

// judge asks the rules about sealed item i, which is to stand at b.size.
func (b *batchTx) judge(ctx context.Context, i int) error {
	p := b.batch[i]
	if b.state.rules == nil {
		return nil
	}
	var failed error
	j, err := b.state.rules.Judge(p.e, b.size, func(id string) []byte {
		state, err := b.person(ctx, b.history(p, id))
		if err != nil {
			failed = err
		}
		return state
	})
	if b.failed != nil {
		return b.failed
	}
	if failed != nil {
		err = failed
	}
	if err != nil && p.e.Type == entry.TypeAccess {
		// It happened, so it is logged. A rebuild says what its verdict should have been.
		b.l.cfg.Logger.Error("an access has no verdict", "alarm", true, "index", b.size, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	b.out[i].verdict = j.Verdict
	b.out[i].flags = append(b.out[i].flags, j.Flags...)
	if j.Person != nil {
		b.persons[p.chain] = j.Person
		b.tx.SetPerson(p.chain, b.l.vault.SealPerson(b.key, p.chain, j.Person))
	}
	return nil
}

// history is that of a person whom the rules ask of when they judge p. The entry names most of them, and these were looked up beforehand; a linked number stands
// in the state of another.
func (b *batchTx) history(p *pending, id string) wire.Hash {
	switch id {
	case p.e.ShownSub():
		return p.chain
	case p.delegate.id:
		return p.delegate.k
	}
	tag, _ := b.l.tags.tag(id)
	return proof.TagKey(tag)
}

// person gives the state of a history's person, decrypted once a batch.
func (b *batchTx) person(ctx context.Context, k wire.Hash) ([]byte, error) {
	if state, ok := b.persons[k]; ok {
		return state, nil
	}
	sealed, err := b.tx.Person(ctx, k)
	if err != nil {
		b.failed = err
		return nil, err
	}
	var state []byte
	if sealed != nil {
		if state, err = b.l.vault.UnsealPerson(ctx, k, sealed); err != nil {
			return nil, err
		}
	}
	b.persons[k] = state
	return state, nil
}

// Rules gives what governs accesses now; nil if the ledger runs without. It is a Config.Rules that has been told of every public entry.
func (l *Log) Rules(ctx context.Context) (register.Rules, error) {
	s, err := l.current(ctx)
	if err != nil {
		return nil, err
	}
	return s.rules, nil
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
