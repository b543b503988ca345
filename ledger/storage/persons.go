package storage

import (
	"context"
	"fmt"

	"github.com/google/trillian"
)

// Persons returns the states that govern histories, as stored by SetPerson. A history without a
// state is absent from the map.
func (s *Storage) Persons(ctx context.Context, tree *trillian.Tree, ks [][32]byte) (map[[32]byte][]byte, error) {
	num, err := s.Number(ctx, tree)
	states := map[[32]byte][]byte{}
	if err == nil {
		o := personsOp(num, ks, states)
		o.Fresh = func() { clear(states) }
		err = s.Read(ctx, o)
	}
	return states, s.wrap(ctx, "reading the states that govern histories", err)
}

func personsOp(num TreeNumber, ks [][32]byte, into map[[32]byte][]byte) Op {
	o := selectPersons.Over(inTree32(num, ks))
	o.Scan = func(scan func(...any) error) error {
		var k, state []byte
		if err := scan(&k, &state); err != nil {
			return err
		}
		if len(k) != treePrefix+32 {
			return fmt.Errorf("%w: the key of a person has the wrong length", ErrCorrupt)
		}
		into[[32]byte(k[treePrefix:])] = state
		return nil
	}
	return o
}

func putPersons(f Form, num TreeNumber, persons map[[32]byte][]byte) Op {
	var ks, states [][]byte
	for _, k := range sorted32(persons) {
		ks, states = append(ks, num.Key(k[:])), append(states, persons[k])
	}
	return f.Over(ks, states)
}
