package verifier_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"igledger/internal/testlog"
	"igledger/internal/testneeds"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// tree is a log of n sealed leaves after the genesis, with its files.
func tree(n int) (*testlog.Log, map[string][]byte) {
	l := testlog.New("ledger.test/2026")
	for i := len(l.Leaves); i < n; i++ {
		l.AddRaw(sealed(i))
	}
	return l, l.Files()
}

func sealed(i int) []byte {
	var h wire.Hash
	binary.BigEndian.PutUint64(h[:], uint64(i))
	return proof.SealedLeaf(h, h)
}

func tilesOf(files map[string][]byte) verifier.TileFunc {
	return func(level int, index uint64, width int) ([]byte, error) {
		data, ok := files[verifier.TilePath(level, index, width)]
		if !ok {
			return nil, errors.New(verifier.TilePath(level, index, width) + " is not there")
		}
		return data, nil
	}
}

// TestReplayTreeIsThatOfXMod compares root and tiles after every leaf with
// golang.org/x/mod/sumdb/tlog.
func TestReplayTreeIsThatOfXMod(t *testing.T) {
	n := testneeds.Part(66000, 1100) // all: three levels
	l, files := tree(n)
	r, err := verifier.NewLogReplay(l.Key)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"checkpoint": true}
	compare := func(tile verifier.Tile) {
		seen[tile.Path()] = true
		if err := verifier.CheckTile(tile, files[tile.Path()]); err != nil {
			t.Fatal(err)
		}
	}
	r.OnTile = compare
	for i, leaf := range l.Leaves {
		if err := r.Add(leaf); err != nil {
			t.Fatal(err)
		}
		if size := uint64(i + 1); i < 600 || i%1009 == 0 || size&(size-1) == 0 {
			if r.Root() != l.Root(size) {
				t.Fatalf("root of %d leaves differs", size)
			}
		}
	}
	for _, p := range r.Partials() {
		compare(p)
	}
	for path := range files {
		if !seen[path] && !bytes.Contains([]byte(path), []byte("entries")) {
			t.Errorf("tile %s of x/mod was not made", path)
		}
	}
	if r.Root() != l.Root(l.Size()) {
		t.Error("root differs")
	}
}

func TestInclusionPathLeadsToRoot(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 255, 256, 257, 513, 1000} {
		l, files := tree(n)
		head := proof.Checkpoint{Origin: l.Origin, Size: uint64(n), Root: l.Root(uint64(n))}
		for i := 0; i < n; i += 1 + n/40 {
			path, err := verifier.InclusionPath(tilesOf(files), uint64(i), head.Size)
			if err != nil {
				t.Fatal(err)
			}
			h := proof.LeafHash(l.Leaves[i])
			if err := verifier.CheckInclusionOf(h, uint64(i), path, head); err != nil {
				t.Errorf("leaf %d of %d: %v", i, n, err)
			}
			if err := verifier.CheckInclusionOf(h, uint64(i)+1, path, head); err == nil {
				t.Errorf("leaf %d of %d is taken for its neighbour", i, n)
			}
			if err := verifier.CheckInclusionOf(h, head.Size, path, head); err == nil {
				t.Errorf("a leaf beyond size %d: %v", n, err)
			}
			if n > 1 {
				if err := verifier.CheckInclusionOf(h, uint64(i), path[1:], head); err == nil {
					t.Errorf("leaf %d of %d: a short path is taken", i, n)
				}
				path[0][0] ^= 1
				if err := verifier.CheckInclusionOf(h, uint64(i), path, head); err == nil {
					t.Errorf("leaf %d of %d: a false path is taken", i, n)
				}
			}
			if got, err := verifier.LeafHashFromTile(tilesOf(files), uint64(i), head.Size); err != nil || got != h {
				t.Errorf("leaf hash %d of %d from the tile: %v", i, n, err)
			}
		}
		if _, err := verifier.InclusionPath(tilesOf(files), uint64(n), head.Size); !isFailure(err, verifier.CheckInclusion) {
			t.Errorf("a path for a leaf beyond size %d: %v", n, err)
		}
	}
}

func isFailure(err error, c verifier.Check) bool {
	var f *verifier.Failure
	return errors.As(err, &f) && f.Check == c
}

func TestConsistency(t *testing.T) {
	l, files := tree(777)
	tiles := tilesOf(files)
	head := func(l *testlog.Log, size uint64) proof.Checkpoint {
		return proof.Checkpoint{Origin: l.Origin, Size: size, Root: l.Root(size)}
	}
	now := head(l, 777)
	for _, size := range []uint64{0, 1, 2, 3, 8, 100, 255, 256, 257, 511, 512, 513, 768, 776, 777} {
		if err := verifier.CheckConsistency(head(l, size), now, tiles); err != nil {
			t.Errorf("from %d: %v", size, err)
		}
	}
	fork := l.Fork(300)
	fork.AddRandom(477)
	damaged := map[string][]byte{}
	for p, b := range files {
		b = bytes.Clone(b)
		b[len(b)-1] ^= 1
		damaged[p] = b
	}
	other := head(l, 300)
	other.Origin = "another.test"
	for name, c := range map[string]struct {
		saved, current proof.Checkpoint
		tiles          verifier.TileFunc
		cause          error // nil: neither a fork nor a rewound log
	}{
		"rewound":               {now, head(l, 700), tiles, verifier.ErrRewound},
		"forked, same size":     {head(fork, 777), now, tiles, verifier.ErrForked},
		"forked, smaller saved": {head(fork, 400), now, tiles, verifier.ErrForked},
		"forked at the end":     {head(fork, 301), now, tiles, verifier.ErrForked},
		"false root of nothing": {proof.Checkpoint{Origin: l.Origin}, now, tiles, verifier.ErrForked},
		"tiles that are false":  {head(l, 300), now, tilesOf(damaged), nil},
		"another log":           {other, now, tiles, nil},
	} {
		err := verifier.CheckConsistency(c.saved, c.current, c.tiles)
		if f := new(verifier.Failure); !errors.As(err, &f) || f.Check != verifier.CheckConsistent || f.Err != c.cause {
			t.Errorf("%s: %v, want a failure of consistency by %v", name, err, c.cause)
		}
	}
	if err := verifier.CheckConsistency(head(l, 300), now, tilesOf(nil)); err == nil || isFailure(err, verifier.CheckConsistent) {
		t.Errorf("tiles that cannot be read are no fork: %v", err)
	}
	if err := verifier.CheckConsistency(head(fork, 300), now, tiles); err != nil {
		t.Errorf("before they part, fork and log are one: %v", err)
	}
}

func TestOpenCheckpointTakesNoOtherSpelling(t *testing.T) {
	l := testlog.New("ledger.test/2026")
	key, err := verifier.LogKey(l.Key)
	if err != nil {
		t.Fatal(err)
	}
	signed := l.Checkpoint(1)
	if c, err := verifier.OpenCheckpoint(signed, key); err != nil || c.Size != 1 {
		t.Fatalf("good checkpoint: %v", err)
	}
	for pos := range signed {
		for bit := range 8 {
			b := bytes.Clone(signed)
			b[pos] ^= 1 << bit
			if _, err := verifier.OpenCheckpoint(b, key); !isFailure(err, verifier.CheckCheckpointSignature) {
				t.Errorf("byte %d bit %d flipped: %v", pos, bit, err)
			}
		}
	}
	for _, line := range []string{"— witness.test AAAAAAAA\n", "— witness.test AAAAAAB=\n"} { // the second has bits that mean nothing
		_, err := verifier.OpenCheckpoint(append(bytes.Clone(signed), line...), key)
		if good := !bytes.Contains([]byte(line), []byte("=")); good != (err == nil) {
			t.Errorf("with the line %q: %v", line, err)
		}
	}
	other, _ := verifier.LogKey(testlog.New("ledger.test/2026").Key)
	if _, err := verifier.OpenCheckpoint(signed, other); !isFailure(err, verifier.CheckCheckpointSignature) {
		t.Errorf("another key of the same name: %v", err)
	}
	extension := l.SignText(proof.Checkpoint{Origin: l.Origin, Size: 1}.Text() + "extension\n")
	if _, err := verifier.OpenCheckpoint(extension, key); !isFailure(err, verifier.CheckCheckpointSignature) {
		t.Errorf("lines that do not belong there: %v", err)
	}
}
