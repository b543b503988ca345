package door_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"igledger/internal/testneeds"
	"igledger/internal/web/door"
	"igledger/internal/web/shelf"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
)

// clockShelf returns a shelf that ends its values by a clock.
func clockShelf(t *testing.T, clock func() time.Time) *shelf.Shelf {
	t.Helper()
	store, err := storage.Create(t.Context(), "sqlite::memory:")
	ok(t, err)
	t.Cleanup(func() { _ = store.Close() })
	s, err := shelf.New(t.Context(), store, bytes.Repeat([]byte{1}, 32), clock)
	ok(t, err)
	return s
}

// pieces returns what lies on a shelf: the pieces of histories, and how far the log was read.
func pieces(t *testing.T, s *shelf.Shelf) (list []shelf.Item, position *shelf.Item) {
	t.Helper()
	all, err := s.List(t.Context(), "history", "", "", 1000)
	ok(t, err)
	for _, i := range all {
		if strings.Contains(i.Key, "/") {
			list = append(list, i)
		} else {
			position = &i
		}
	}
	return list, position
}

// Whatever was kept ahead, by two replicas that were killed and started again at any time, is
// what a door finds that keeps nothing and reads the log each time.
func TestKeptAheadIsTheLog(t *testing.T) {
	w := newWorld(t)
	kept := newShelf(t)
	again := func() *door.Door { return door.New(door.Config{Log: w.Ledger.Log, Shelf: kept}) }
	random := rand.New(rand.NewPCG(1, 2))
	people := []string{morag, iain, entry.RegEveryone}
	replicas := []*door.Door{again(), again()}
	for range testneeds.Part(14, 4) {
		id := people[random.IntN(len(people))]
		var batch []*entry.Entry
		for range random.IntN(3 * door.Piece) {
			e, err := entry.Sign(w.key, w.template(id, random.IntN(900)))
			ok(t, err)
			batch = append(batch, e)
		}
		for _, r := range w.Ledger.Log.Append(t.Context(), batch...) {
			ok(t, r.Err)
		}
		_, before := pieces(t, kept)
		ok(t, replicas[random.IntN(2)].KeepAhead(t.Context()))
		list, after := pieces(t, kept)
		switch random.IntN(4) {
		case 0: // killed after pieces were kept, before the position was
			if before != nil {
				ok(t, kept.Put(t.Context(), "history", before.Key, before.Value, before.Expires))
			}
			replicas[random.IntN(2)] = again()
		case 1: // killed while pieces of a history were kept, the first time
			for _, i := range list[random.IntN(len(list)+1):] {
				ok(t, kept.Delete(t.Context(), "history", i.Key))
			}
			if after != nil {
				ok(t, kept.Delete(t.Context(), "history", after.Key))
			}
			replicas[0], replicas[1] = again(), again()
		case 2:
			replicas[random.IntN(2)] = again()
		}
	}
	for _, d := range replicas {
		ok(t, d.KeepAhead(t.Context()))
	}
	if list, _ := pieces(t, kept); len(list) < 2*2 {
		t.Errorf("%d pieces are kept", len(list))
	}
	for _, id := range people[:2] {
		want, err := w.History(t.Context(), citizen(id), id) // without a shelf
		ok(t, err)
		for _, d := range append(replicas, again()) {
			h, err := d.History(t.Context(), citizen(id), id)
			ok(t, err)
			if len(h.Items) != len(want.Items) {
				t.Fatalf("%d items, want %d", len(h.Items), len(want.Items))
			}
			for n, i := range h.Items {
				if !reflect.DeepEqual(i, want.Items[n]) {
					t.Fatalf("item %d is\n%+v, want\n%+v", n, i, want.Items[n])
				}
			}
		}
	}
}

// Nobody has to look for a long history to be kept, its last whole piece included, and it stays
// kept although each piece has an end.
func TestKeptBeforeAnybodyLooks(t *testing.T) {
	testneeds.Time(t, "a log of several thousand entries")
	w := newWorld(t)
	clock := time.Now()
	now := func() time.Time { return clock }
	kept := clockShelf(t, now)
	again := func() *door.Door { return door.New(door.Config{Log: w.Ledger.Log, Shelf: kept, Now: now}) }
	w.fill(t, 2*door.Piece-1, 1)
	d := again()
	ok(t, d.KeepAhead(t.Context()))
	if list, _ := pieces(t, kept); len(list) != 0 {
		t.Errorf("%d pieces of a short history are kept", len(list))
	}
	for _, want := range []int{2, 2, 2, 2} {
		w.fill(t, door.Piece/4, 1)
		ok(t, d.KeepAhead(t.Context()))
		if list, _ := pieces(t, kept); len(list) != want {
			t.Errorf("%d pieces are kept, want %d", len(list), want)
		}
	}
	w.fill(t, 1, 1)
	ok(t, again().KeepAhead(t.Context())) // a start goes on where the last one was
	for days := range 40 {
		if list, _ := pieces(t, kept); len(list) != 3 {
			t.Fatalf("after %d days %d pieces are kept", days*10, len(list))
		}
		clock = clock.AddDate(0, 0, 10)
		if days%2 == 0 {
			d = again()
		}
		ok(t, d.KeepAhead(t.Context()))
	}
}

// What a delegate was granted is found after a start that reads the log no further, by a replica,
// and by one that was killed before it had kept how far it was.
func TestActsForAfterStart(t *testing.T) {
	testneeds.Time(t, "a log of several thousand entries")
	w := newWorld(t)
	kept := newShelf(t)
	again := func() *door.Door { return door.New(door.Config{Log: w.Ledger.Log, Shelf: kept}) }
	finds := func(why string, d *door.Door, want int) {
		t.Helper()
		list, err := d.ActsFor(t.Context(), iain)
		ok(t, err)
		if len(list) != want || want > 0 && (list[0].ID != morag || list[0].Kind != "HPOWATT") {
			t.Errorf("%s: %+v", why, list)
		}
	}
	early := again()
	finds("nothing is granted", early, 0)
	w.delegate(t, "access", now.AddDate(0, 0, -1), now.AddDate(1, 0, 0))
	finds("granted", again(), 1)
	w.fill(t, 3*2048, 1)
	finds("found again, before the position is kept", again(), 1)
	finds("after the start", again(), 1)
	finds("a replica", early, 1)
	if list, err := again().ActsFor(context.Background(), morag); err != nil || len(list) > 0 {
		t.Errorf("who acts for nobody finds %+v: %v", list, err)
	}
	all, err := kept.List(t.Context(), "granted", "", "", 10)
	ok(t, err)
	if len(all) != 2 { // one delegate, and how far the log was read
		t.Errorf("%d values are kept", len(all))
	}
	for _, i := range all {
		if strings.Contains(i.Key, iain) || strings.Contains(i.Key, morag) {
			t.Errorf("a person is in a key")
		}
	}
	_, err = w.Sign(t.Context(), "TST", entry.PurposeAgreements,
		&entry.Delegation{Delegation: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11", Act: "revoked", Sub: morag})
	ok(t, err)
	finds("revoked", again(), 0)
	finds("revoked, at a replica", early, 0)
}
