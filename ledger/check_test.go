package ledger_test

import (
	"context"
	"math"

	"golang.org/x/mod/sumdb/tlog"

	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// reopen opens the log again, as another process would.
func (w *world) reopen() {
	w.t.Helper()
	w.store = w.openStore()
	log, err := ledger.Open(w.ctx, w.config())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { log.Close(context.Background()) })
	w.logs, w.log = append(w.logs, log), log
}

// rebuild rebuilds the log with nobody beside it, and opens it again.
func (w *world) rebuild() (*ledger.Rebuilt, error) {
	w.t.Helper()
	for _, log := range append(w.logs, w.log) {
		if err := log.Close(w.ctx); err != nil {
			w.t.Fatal(err)
		}
	}
	r, err := ledger.Rebuild(w.ctx, w.config(), nil)
	if err == nil {
		w.reopen()
	}
	return r, err
}

// checkLog checks the whole log after a test: as an auditor does (package verifier: every leaf, the
// register's rules, the root), with Go's own tlog package (the tiles prove every leaf), and that
// every history can be recomputed and opened.
func (w *world) checkLog() {
	w.t.Helper()
	note, err := w.log.Checkpoint(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := wire.NewLogVerifier(w.log.VerifierKey())
	if err != nil {
		w.t.Fatal(err)
	}
	cp, err := proof.OpenCheckpoint(note, v)
	if err != nil {
		w.t.Fatal(err)
	}
	replay, err := verifier.NewLogReplay(w.log.VerifierKey())
	if err != nil {
		w.t.Fatal(err)
	}
	tiles := tlog.TileHashReader(tlog.Tree{N: int64(cp.Size), Hash: tlog.Hash(cp.Root)}, tileReader{w})
	heads := map[wire.Hash]wire.Hash{}
	counts := map[wire.Hash]uint64{}
	var openings []*bundle.Opening
	for start := uint64(0); start < cp.Size; start += 256 {
		width := min(256, cp.Size-start)
		bundle, err := w.log.EntryBundle(w.ctx, start/256, int(width))
		if err != nil {
			w.t.Fatal(err)
		}
		leaves, err := verifier.ParseBundle(bundle, int(width), start)
		if err != nil {
			w.t.Fatal(err)
		}
		for i, leaf := range leaves {
			index := start + uint64(i)
			if err := replay.Add(leaf); err != nil {
				w.t.Fatalf("entry %d: %v", index, err)
			}
			path, err := tlog.ProveRecord(int64(cp.Size), int64(index), tiles)
			if err == nil {
				err = tlog.CheckRecord(path, int64(cp.Size), tlog.Hash(cp.Root), int64(index), tlog.RecordHash(leaf))
			}
			if err != nil {
				w.t.Fatalf("entry %d is not under the root by sumdb/tlog: %v", index, err)
			}
			parsed, _ := proof.ParseLeaf(leaf)
			var k, head0 wire.Hash
			if parsed.Public {
				e, _ := entry.Parse(parsed.JWS)
				k, head0 = proof.NameKey(e.Name()), proof.NameHead0(e.Name())
			} else {
				o, err := w.log.Opening(w.ctx, index)
				if err != nil {
					w.t.Fatal(err)
				}
				if _, err := verifier.OpenLeaf(o, leaf); err != nil {
					w.t.Fatalf("opening %d: %v", index, err)
				}
				openings = append(openings, o)
				k, head0 = proof.TagKey(o.Tag), proof.TagHead0(o.Tag)
			}
			if counts[k] == 0 {
				heads[k] = head0
			}
			heads[k] = proof.NextHead(heads[k], index, proof.LeafHash(leaf))
			counts[k]++
		}
	}
	if replay.Size() != cp.Size || replay.Root() != cp.Root {
		w.t.Fatalf("the leaves do not hash to the root of the checkpoint of size %d", cp.Size)
	}
	tree, err := w.store.FindTree(w.ctx, origin)
	if err != nil {
		w.t.Fatal(err)
	}
	for k, count := range counts {
		chains, err := w.store.Chains(w.ctx, tree, [][32]byte{k})
		if c := chains[k]; err != nil || c.Count != count || c.Head != heads[k] {
			w.t.Errorf("a history of %d entries is stored with %d and another head, or not at all: %v", count, c.Count, err)
		}
		records, err := w.store.Chain(w.ctx, tree, k, math.MaxUint64, math.MaxInt32)
		if err != nil || uint64(len(records)) != count {
			w.t.Errorf("following a history of %d entries returned %d: %v", count, len(records), err)
		}
	}
	ids := map[string]bool{}
	for _, o := range openings {
		e, err := entry.ParseParts(o.JWS, o.Disclosures)
		if err != nil {
			w.t.Fatal(err)
		}
		if ids[e.Issuer+e.ID] {
			w.t.Errorf("entry %d is in the log twice", o.Index)
		}
		ids[e.Issuer+e.ID] = true
	}
}

// tileReader serves the log's tiles to sumdb/tlog, which checks them.
type tileReader struct{ w *world }

func (r tileReader) Height() int { return 8 }

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		b, err := r.w.log.Tile(r.w.ctx, t.L, uint64(t.N), t.W)
		if err != nil {
			return nil, err
		}
		data = append(data, b)
	}
	return data, nil
}

func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
