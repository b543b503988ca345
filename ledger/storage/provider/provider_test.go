package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/log"
	"github.com/google/trillian/quota"
	trillianstorage "github.com/google/trillian/storage"
	"github.com/google/trillian/types"
	"github.com/google/trillian/util/clock"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"igledger/internal/testdb"
	"igledger/ledger/storage"
)

func logLeaf(index int64, what string) *trillian.LogLeaf {
	id := sha256.Sum256([]byte(what))
	return &trillian.LogLeaf{
		LeafIndex: index, LeafValue: []byte(what), ExtraData: []byte("extra " + what),
		LeafIdentityHash: id[:], MerkleLeafHash: rfc6962.DefaultHasher.HashLeaf([]byte(what)),
	}
}

// TestSequencedStatuses checks what Trillian's suite does not: the status of each leaf.
func TestSequencedStatuses(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		p := openTest(t, dsn)
		tree := mustTree(t, p, "log")
		a, b, c := logLeaf(0, "a"), logLeaf(1, "b"), logLeaf(2, "c")
		if _, err := p.AddSequencedLeaves(ctx, tree, []*trillian.LogLeaf{a, b, c}, time.Now()); err != nil {
			t.Fatal(err)
		}
		cases := []struct {
			name string
			leaf *trillian.LogLeaf
			code codes.Code
			says *trillian.LogLeaf // the stored leaf that is returned
		}{
			{"identical retry", logLeaf(1, "b"), codes.AlreadyExists, b},
			{"another leaf at the index", logLeaf(2, "x"), codes.FailedPrecondition, c},
			{"identity is elsewhere", logLeaf(7, "a"), codes.FailedPrecondition, a},
			{"new", logLeaf(3, "d"), codes.OK, logLeaf(3, "d")},
			{"twice in one call", logLeaf(3, "d"), codes.AlreadyExists, logLeaf(3, "d")},
			{"index taken in this call", logLeaf(3, "e"), codes.FailedPrecondition, logLeaf(3, "d")},
			{"identity taken in this call", logLeaf(4, "d"), codes.FailedPrecondition, logLeaf(3, "d")},
			{"no such index", logLeaf(-1, "n"), codes.OutOfRange, nil},
			{"beyond all indices", logLeaf(storage.MaxLeaves, "n"), codes.OutOfRange, nil},
		}
		var leaves []*trillian.LogLeaf
		for _, c := range cases {
			leaves = append(leaves, c.leaf)
		}
		res, err := p.AddSequencedLeaves(ctx, tree, leaves, time.Now())
		if err != nil || len(res) != len(cases) {
			t.Fatalf("AddSequencedLeaves: %d results, %v", len(res), err)
		}
		for i, c := range cases {
			if got := codes.Code(res[i].Status.Code); got != c.code {
				t.Errorf("%s: %v, want %v", c.name, got, c.code)
			}
			if c.says != nil && (res[i].Leaf.LeafIndex != c.says.LeafIndex || !bytes.Equal(res[i].Leaf.LeafValue, c.says.LeafValue)) {
				t.Errorf("%s: returned leaf %d", c.name, res[i].Leaf.LeafIndex)
			}
		}
		bad := logLeaf(9, "short")
		bad.LeafIdentityHash = []byte("short")
		if _, err := p.AddSequencedLeaves(ctx, tree, []*trillian.LogLeaf{bad}, time.Now()); status.Code(err) != codes.InvalidArgument {
			t.Errorf("short identity: %v", err)
		}
	})
}

// TestTrillianIntegrates runs Trillian's sequencer on the provider as its own signer would, and
// then igledger's Append on the same tree.
func TestTrillianIntegrates(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		p := openTest(t, dsn)
		tree := mustTree(t, p, "log")
		ids, err := p.GetActiveLogIDs(ctx)
		if err != nil || len(ids) != 1 || ids[0] != tree.TreeId {
			t.Fatalf("GetActiveLogIDs: %v, %v", ids, err)
		}
		const total = 700
		var hashes [][]byte
		for from := 0; from < total; from += 100 {
			var leaves []*trillian.LogLeaf
			for i := range 100 {
				l := logLeaf(int64(from+i), fmt.Sprint("leaf ", from+i))
				leaves, hashes = append(leaves, l), append(hashes, l.MerkleLeafHash)
			}
			if _, err := p.AddSequencedLeaves(ctx, tree, leaves, time.Now()); err != nil {
				t.Fatal(err)
			}
			for { // in bites that do not fit the tiles
				n, err := log.IntegrateBatch(ctx, tree, 37, 0, 0, clock.System, p, quota.Noop())
				if err != nil {
					t.Fatalf("IntegrateBatch: %v", err)
				}
				if n == 0 {
					break
				}
			}
		}
		head, err := p.s.Head(ctx, tree)
		if err != nil || head.Size != total || head.Checkpoint != nil {
			t.Fatalf("head %d, %v", head.Size, err)
		}
		checkLog(t, p, tree)
		tx, err := p.SnapshotForTree(ctx, tree)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Close()
		for _, i := range []int{0, 255, 256, 600, 699} {
			got, err := tx.GetLeavesByHash(ctx, [][]byte{hashes[i]}, true)
			if err != nil || len(got) != 1 || got[0].LeafIndex != int64(i) {
				t.Fatalf("GetLeavesByHash of leaf %d: %v, %v", i, got, err)
			}
		}
		if got, err := tx.GetLeavesByHash(ctx, [][]byte{make([]byte, 32)}, true); err != nil || len(got) > 0 {
			t.Fatalf("GetLeavesByHash of nothing: %v, %v", got, err)
		}
		mustAppend(t, p, tree, someLeaves(0, 300))
		if head := checkLog(t, p, tree); head.Size != total+300 {
			t.Fatalf("%d leaves after Append", head.Size)
		}
	})
}

// TestForeignLeafHash: a leaf whose Merkle leaf hash is not RFC 6962's is stored and returned, but
// not integrated, as its hash could not be computed again from its value.
func TestForeignLeafHash(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		p := openTest(t, dsn)
		tree := mustTree(t, p, "log")
		own, foreign := logLeaf(0, "a"), logLeaf(1, "b")
		foreign.MerkleLeafHash = bytes.Repeat([]byte{7}, 32)
		if _, err := p.AddSequencedLeaves(ctx, tree, []*trillian.LogLeaf{own, foreign}, time.Now()); err != nil {
			t.Fatal(err)
		}
		tx, err := p.SnapshotForTree(ctx, tree)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tx.GetLeavesByRange(ctx, 0, 2)
		if err != nil || len(got) != 2 || !bytes.Equal(got[0].MerkleLeafHash, own.MerkleLeafHash) ||
			!bytes.Equal(got[1].MerkleLeafHash, foreign.MerkleLeafHash) {
			t.Fatalf("GetLeavesByRange: %v, %v", got, err)
		}
		for _, c := range []struct {
			limit, integrated int
			size              uint64 // afterwards
		}{
			{2, 0, 0}, {1, 1, 1}, {1, 0, 1},
		} {
			n, err := log.IntegrateBatch(ctx, tree, c.limit, 0, 0, clock.System, p, quota.Noop())
			if n != c.integrated || (err == nil) != (n > 0) {
				t.Fatalf("IntegrateBatch of %d: %d, %v", c.limit, n, err)
			}
			if err != nil && !strings.Contains(err.Error(), "Merkle leaf hash of leaf 1") {
				t.Fatalf("IntegrateBatch of %d: %v", c.limit, err)
			}
			if head := checkLog(t, p, tree); head.Size != c.size {
				t.Fatalf("%d leaves, want %d", head.Size, c.size)
			}
		}
	})
}

// TestReplicasOpen: several providers may create their table in one database at once.
func TestReplicasOpen(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		const n = 4
		errs := make(chan error, n)
		for range n {
			s, err := storage.Create(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			go func() {
				_, err := New(t.Context(), s)
				errs <- err
			}()
		}
		for range n {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestAppendMeetsQueuedLeaves: leaves that wait for Trillian's sequencer are not overwritten.
func TestAppendMeetsQueuedLeaves(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		p := openTest(t, dsn)
		tree := mustTree(t, p, "log")
		if _, err := p.AddSequencedLeaves(ctx, tree, []*trillian.LogLeaf{logLeaf(0, "a")}, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := appendLeaves(p, tree, someLeaves(0, 2)); err == nil || errors.Is(err, storage.ErrUnavailable) {
			t.Fatalf("Append over a stored leaf: %v", err)
		}
		if rs, err := p.s.Records(ctx, tree, 0, 5); err != nil || len(rs) != 0 {
			t.Fatalf("a leaf that is not integrated is served: %d, %v", len(rs), err)
		}
		if _, err := p.s.Tile(ctx, tree, 0, 0, 1); !errors.Is(err, storage.ErrNotFound) {
			t.Fatalf("a leaf that is not integrated has a tile: %v", err)
		}
	})
}

func TestTreesThatTakeNoLeaves(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		p := openTest(t, dsn)
		frozen, logTree, gone := mustTree(t, p, "frozen"), mustTree(t, p, "log tree"), mustTree(t, p, "gone")
		kept := mustTree(t, p, "kept")
		mustAppend(t, p, kept, someLeaves(0, 300))
		mustAppend(t, p, gone, someLeaves(0, 300))
		for _, tree := range []*trillian.Tree{kept, gone} { // what an append alone does not leave behind
			if _, err := p.AddSequencedLeaves(ctx, tree, []*trillian.LogLeaf{logLeaf(300, "waits")}, time.Now()); err != nil {
				t.Fatal(err)
			}
			num, err := p.s.Number(ctx, tree)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.s.Transact(ctx, statements(
				storage.Op{SQL: "INSERT INTO person (k, state) VALUES ($1, $2)", Args: []any{num.Key(make([]byte, 32)), []byte("x")}},
				storage.Op{SQL: "INSERT INTO anchor (tree, size, note) VALUES ($1, 1, $2)", Args: []any{int64(num), []byte("x")}},
				storage.Op{SQL: "INSERT INTO witnessed (tree, size) VALUES ($1, 1)", Args: []any{int64(num)}},
				storage.Op{SQL: "INSERT INTO cosignature (place, signed, cosigner, note, line) VALUES ($1, 1, 'w', $2, $2)",
					Args: []any{num.Place(0), []byte("x")}},
			)); err != nil {
				t.Fatal(err)
			}
		}
		admin := p.Admin()
		freeze := func(tree *trillian.Tree) { tree.TreeState = trillian.TreeState_FROZEN }
		if _, err := trillianstorage.UpdateTree(ctx, admin, frozen.TreeId, freeze); err != nil {
			t.Fatal(err)
		}
		if _, err := trillianstorage.UpdateTree(ctx, admin, logTree.TreeId, freeze); err != nil {
			t.Fatal(err)
		}
		toLog := func(tree *trillian.Tree) { tree.TreeType = trillian.TreeType_LOG }
		if _, err := trillianstorage.UpdateTree(ctx, admin, logTree.TreeId, toLog); err != nil {
			t.Fatal(err)
		}
		if _, err := trillianstorage.SoftDeleteTree(ctx, admin, gone.TreeId); err != nil {
			t.Fatal(err)
		}
		// The callers' trees are as they were: it is the database that decides.
		for _, tree := range []*trillian.Tree{frozen, logTree, gone} {
			if err := appendLeaves(p, tree, someLeaves(300, 1)); !errors.Is(err, storage.ErrFrozen) {
				t.Errorf("%s: %v", tree.DisplayName, err)
			}
		}
		if _, err := p.s.FindTree(ctx, "gone"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a deleted tree is found: %v", err)
		}
		if err := trillianstorage.HardDeleteTree(ctx, admin, gone.TreeId); err != nil {
			t.Fatal(err)
		}
		if err := appendLeaves(p, gone, someLeaves(300, 1)); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Append to a tree that is gone: %v", err)
		}
		for table, want := range map[string]int64{
			"leaf": 301, "idem": 301, "sequenced": 1, "chain": 7, "source": 1, "register": 27, "tile": 2, "head": 3, "tree": 3,
			"person": 1, "anchor": 1, "witnessed": 1, "cosignature": 1,
		} {
			var n int64
			if err := p.s.Read(ctx, storage.Op{SQL: "SELECT count(*) FROM " + table,
				Scan: func(scan func(...any) error) error { return scan(&n) }}); err != nil {
				t.Fatal(err)
			}
			if n != want {
				t.Errorf("%d rows in %s after deleting a tree, want %d", n, table, want)
			}
		}
		checkLog(t, p, kept)
	})
}

// TestSnapshotNeedsInit: with ErrTreeNeedsInit comes a transaction that can be used and closed.
func TestSnapshotNeedsInit(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		p := openTest(t, dsn)
		_, err := trillianstorage.CreateTree(ctx, p.Admin(), &trillian.Tree{
			TreeState: trillian.TreeState_ACTIVE, TreeType: trillian.TreeType_PREORDERED_LOG, DisplayName: "raw",
		})
		if status.Code(err) != codes.InvalidArgument { // MaxRootDuration must be set
			t.Fatalf("CreateTree: %v", err)
		}
		raw := mustTree(t, p, "raw")
		tree, err := p.s.FindTree(ctx, "raw")
		if err != nil || tree.TreeId != raw.TreeId {
			t.Fatal(err)
		}
		if err := p.s.Transact(ctx, statements(storage.Op{SQL: "UPDATE head SET signed = NULL"})); err != nil {
			t.Fatal(err)
		}
		tx, err := p.SnapshotForTree(ctx, tree)
		if !errors.Is(err, trillianstorage.ErrTreeNeedsInit) || tx == nil {
			t.Fatalf("SnapshotForTree: %v, %v", tx, err)
		}
		if _, err := tx.LatestSignedLogRoot(ctx); !errors.Is(err, trillianstorage.ErrTreeNeedsInit) {
			t.Fatalf("LatestSignedLogRoot: %v", err)
		}
		if err := errors.Join(tx.Commit(ctx), tx.Close(), tx.Close()); err != nil {
			t.Fatal(err)
		}
		if err := appendLeaves(p, tree, someLeaves(0, 1)); !errors.Is(err, storage.ErrFrozen) {
			t.Fatalf("Append: %v", err)
		}
		root, err := (&types.LogRootV1{RootHash: rfc6962.DefaultHasher.EmptyRoot(), TimestampNanos: 1}).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.ReadWriteTransaction(ctx, tree, func(ctx context.Context, tx trillianstorage.LogTreeTX) error {
			return tx.StoreSignedLogRoot(ctx, &trillian.SignedLogRoot{LogRoot: root})
		}); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, p, tree, someLeaves(0, 1))
		checkLog(t, p, tree)
	})
}
