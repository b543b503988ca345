package fetch

import (
	"context"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// Signed is a log under one checkpoint that its key signed. What its methods return is proved to be
// in the log, whatever server it was read from. If the log is wrong, an error is a
// *verifier.Failure; otherwise it says what could not be read.
type Signed struct {
	Log  *Log
	Head proof.Checkpoint

	key string // verifier key
}

// OpenSigned reads the log's current checkpoint and checks its signature. from is as for Open.
func OpenSigned(ctx context.Context, from, logKey string) (*Signed, error) {
	key, err := verifier.LogKey(logKey)
	if err != nil {
		return nil, err
	}
	log, err := Open(from)
	if err != nil {
		return nil, err
	}
	note, err := log.Checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoint: %w", err)
	}
	head, err := verifier.OpenCheckpoint(note, key)
	if err != nil {
		return nil, err
	}
	return &Signed{log, head, logKey}, nil
}

// Leaf returns the leaf at index after checking its inclusion proof.
func (s *Signed) Leaf(ctx context.Context, index uint64) ([]byte, error) {
	if index >= s.Head.Size {
		return nil, &verifier.Failure{Check: verifier.CheckInclusion, Index: verifier.At(index),
			Expected: fmt.Sprintf("an entry below %d, where the signed checkpoint ends", s.Head.Size),
			Found:    "an entry beyond it",
			Meaning:  "the ledger names an entry that is not covered by the checkpoint that it signed"}
	}
	leaf, err := s.Log.Leaf(ctx, index, s.Head.Size)
	if err != nil {
		return nil, fmt.Errorf("reading entry %d: %w", index, err)
	}
	path, err := verifier.InclusionPath(s.Log.Tiles(ctx), index, s.Head.Size)
	if err != nil {
		return nil, fmt.Errorf("reading the proof of entry %d: %w", index, err)
	}
	if err := verifier.CheckInclusionOf(proof.LeafHash(leaf), index, path, s.Head); err != nil {
		return nil, err
	}
	return leaf, nil
}

// Genesis returns leaf 0. It is the only place from which sources and verifiers take the VRF key,
// with which they check under which person an entry is filed.
func (s *Signed) Genesis(ctx context.Context) (*entry.Genesis, error) {
	if s.Head.Size == 0 {
		return nil, EmptyLog()
	}
	leaf, err := s.Leaf(ctx, 0)
	if err != nil {
		return nil, err
	}
	return verifier.CheckGenesis(leaf, s.key)
}

// EmptyLog returns the failure of a log that has no genesis.
func EmptyLog() *verifier.Failure {
	return &verifier.Failure{Check: verifier.CheckGenesisLeaf, Expected: "a genesis at leaf 0", Found: "an empty log",
		Meaning: "the log does not begin as a ledger must, or its entries were removed"}
}
