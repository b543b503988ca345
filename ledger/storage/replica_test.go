package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"igledger/internal/testdb"
)

// inParallel runs f(0) … f(n-1) at once, released together.
func inParallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-start
			errs[i] = f(i)
		}()
	}
	close(start)
	wg.Wait()
	return errors.Join(errs...)
}

// TestReplicasOpenFreshDatabase: several processes' worth of Open, migration and first tree at
// once.
func TestReplicasOpenFreshDatabase(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		const n = 4
		stores, ids, made := make([]*Storage, n), make([]int64, n), make([]bool, n)
		if err := inParallel(n, func(i int) error {
			s, err := Create(ctx, dsn)
			if err != nil {
				return err
			}
			stores[i] = s
			tree, created, err := s.TreeByName(ctx, "log")
			if err == nil {
				ids[i], made[i] = tree.TreeId, created
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		creators := 0
		for i := range n {
			defer stores[i].Close()
			if ids[i] != ids[0] {
				t.Errorf("replicas got trees %d and %d", ids[0], ids[i])
			}
			if made[i] {
				creators++
			}
		}
		if creators != 1 {
			t.Errorf("%d replicas created the tree", creators)
		}
	})
}

// TestReplicasAppend: several Storages on one database, each with several writers, who also repeat
// each other's leaves.
func TestReplicasAppend(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		const replicas, writers, batches = 3, 2, 12
		tree := mustTree(t, openTest(t, dsn), "log")
		stores := make([]*Storage, replicas)
		for i := range stores {
			stores[i] = openTest(t, dsn)
		}
		var mu sync.Mutex
		answers := map[[16]byte]uint64{}
		var all []Leaf
		if err := inParallel(replicas*writers, func(i int) error {
			s := stores[i%replicas]
			// The first writer of each replica has the same name: they race for the same keys.
			writer := "same"
			if i >= replicas {
				writer = fmt.Sprint("writer ", i)
			}
			for b := range batches {
				leaves := someLeaves(writer, b*10, 10)
				at, err := appendLeaves(ctx, s, tree, leaves)
				if err != nil {
					return err
				}
				mu.Lock()
				for j, l := range leaves {
					if old, ok := answers[l.Key]; !ok {
						all = append(all, l)
					} else if old != at[j] {
						err = fmt.Errorf("leaf was said to be at %d and at %d", old, at[j])
					}
					answers[l.Key] = at[j]
				}
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		head := checkLog(t, stores[0], tree)
		if want := uint64((1 + replicas) * batches * 10); head.Size != want {
			t.Fatalf("%d leaves, want %d", head.Size, want)
		}
		checkChains(t, stores[0], tree, all)
		// What a replica remembers must not differ from what is there.
		for _, s := range stores {
			var hashes [][]byte
			rs, err := s.Values(ctx, tree, 0, head.Size)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range rs {
				hashes = append(hashes, hasher.HashLeaf(v))
			}
			checkTiles(t, s, tree, head, hashes)
			checkProofs(t, s, tree, head, hashes)
		}
	})
}

// TestServerKilled kills PostgreSQL under load, twice. What was acknowledged is there afterwards;
// what was not is there once or not at all; and the writers' repeats store it.
func TestServerKilled(t *testing.T) {
	server := testdb.StartPostgres(t)
	ctx := context.Background()
	dsn := server.Database(t)
	s := openTest(t, dsn)
	tree := mustTree(t, s, "log")
	var all []Leaf
	for round := range 2 {
		const writers = 4
		progress := make(chan struct{}, 1<<12)
		killed := make(chan error, 1)
		go func() { // in the middle of the load: once some batches are through
			for range 10 {
				<-progress
			}
			killed <- server.Kill()
		}()
		var mu sync.Mutex
		acked := map[[16]byte]uint64{}
		var unanswered []Leaf
		if err := inParallel(writers, func(i int) error {
			for b := 0; ; b++ {
				leaves := someLeaves(fmt.Sprintf("round %d writer %d", round, i), b*20, 20)
				at, err := appendLeaves(ctx, s, tree, leaves)
				mu.Lock()
				if err != nil {
					unanswered = append(unanswered, leaves...)
				} else {
					for j, l := range leaves {
						acked[l.Key] = at[j]
					}
				}
				all = append(all, leaves...)
				mu.Unlock()
				if err != nil {
					if !errors.Is(err, ErrUnavailable) {
						return err
					}
					return nil
				}
				progress <- struct{}{}
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := <-killed; err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		checkLog(t, s, tree)
		for key, index := range acked {
			found, err := s.ByKey(ctx, tree, [][16]byte{key})
			if err != nil || found[key].Index != index {
				t.Fatalf("acknowledged leaf %d is lost: %v", index, err)
			}
		}
		mustAppend(t, s, tree, unanswered)
	}
	if head := checkLog(t, s, tree); head.Size != uint64(len(all)) {
		t.Fatalf("%d leaves, want %d", head.Size, len(all))
	}
	checkChains(t, s, tree, all)
}
