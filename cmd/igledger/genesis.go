package main

import (
	"context"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

// provenLog is a log under one checkpoint that its key signed: what is read from it stands in it, whoever serves it.
type provenLog struct {
	log    *fetch.Log
	head   proof.Checkpoint
	logKey string
}

func openLog(ctx context.Context, from, logKey string) (*provenLog, error) {
	key, err := verifier.LogKey(logKey)
	if err != nil {
		return nil, usage("--log-key: %v", err)
	}
	log, err := fetch.Open(from)
	if err != nil {
		return nil, err
	}
	note, err := log.Checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoint: %w", err)
	}
	head, err := verifier.OpenCheckpoint(note, key)
	if err != nil {
		return nil, refused("%w", err)
	}
	return &provenLog{log, head, logKey}, nil
}

// leaf reads a leaf and believes it only with an inclusion proof.
func (p *provenLog) leaf(ctx context.Context, index uint64) ([]byte, error) {
	if index >= p.head.Size {
		return nil, refused("entry %d lies beyond the signed checkpoint of %d entries", index, p.head.Size)
	}
	leaf, err := p.log.Leaf(ctx, index, p.head.Size)
	if err != nil {
		return nil, fmt.Errorf("reading entry %d: %w", index, err)
	}
	path, err := verifier.InclusionPath(p.log.Tiles(ctx), index, p.head.Size)
	if err != nil {
		return nil, fmt.Errorf("reading the proof of entry %d: %w", index, err)
	}
	if err := verifier.CheckInclusionOf(proof.LeafHash(leaf), index, path, p.head); err != nil {
		return nil, refused("%w", err)
	}
	return leaf, nil
}

// public reads a public entry. Its signature was checked by the ledger and is not here.
func (p *provenLog) public(ctx context.Context, index uint64) (*entry.Entry, error) {
	b, err := p.leaf(ctx, index)
	if err != nil {
		return nil, err
	}
	leaf, err := proof.ParseLeaf(b)
	if err != nil {
		return nil, refused("entry %d: %w", index, err)
	}
	if !leaf.Public {
		return nil, refused("entry %d is sealed", index)
	}
	e, err := leaf.Entry()
	if err != nil {
		return nil, refused("entry %d: %w", index, err)
	}
	return e, nil
}

// fetchGenesis reads leaf 0: a source takes the VRF key, by which it checks under whom its entries were filed, from nowhere else.
func fetchGenesis(ctx context.Context, base, logKey string) (*entry.Genesis, error) {
	log, err := openLog(ctx, base, logKey)
	if err != nil {
		return nil, err
	}
	leaf, err := log.leaf(ctx, 0)
	if err != nil {
		return nil, err
	}
	g, err := verifier.CheckGenesis(leaf, logKey)
	if err != nil {
		return nil, refused("%w", err)
	}
	return g, nil
}
