package main

import (
	"context"
	"fmt"

	"igledger/ledger/entry"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

// fetchGenesis reads leaf 0 from a log and believes it only with an inclusion proof under a checkpoint signed by logKey: a source takes the VRF key,
// by which it checks under whom its entries were filed, from nowhere else.
func fetchGenesis(ctx context.Context, base, logKey string) (*entry.Genesis, error) {
	key, err := verifier.LogKey(logKey)
	if err != nil {
		return nil, usage("--log-key: %v", err)
	}
	log, err := fetch.Open(base)
	if err != nil {
		return nil, err
	}
	note, err := log.Checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoint: %w", err)
	}
	cp, err := verifier.OpenCheckpoint(note, key)
	if err != nil {
		return nil, refused("%w", err)
	}
	leaf, err := log.Leaf(ctx, 0, cp.Size)
	if err != nil {
		return nil, fmt.Errorf("reading the genesis: %w", err)
	}
	path, err := verifier.InclusionPath(log.Tiles(ctx), 0, cp.Size)
	if err != nil {
		return nil, fmt.Errorf("reading the genesis: %w", err)
	}
	if err := verifier.CheckInclusionOf(entry.LeafHash(leaf), 0, path, cp); err != nil {
		return nil, refused("%w", err)
	}
	g, err := verifier.CheckGenesis(leaf, logKey)
	if err != nil {
		return nil, refused("%w", err)
	}
	return g, nil
}
