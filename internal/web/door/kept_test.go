package door_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"igledger/internal/web/door"
	"igledger/internal/web/shelf"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
)

func newShelf(t testing.TB) *shelf.Shelf {
	t.Helper()
	store, err := storage.Create(t.Context(), "sqlite::memory:")
	ok(t, err)
	t.Cleanup(func() { _ = store.Close() })
	s, err := shelf.New(t.Context(), store, bytes.Repeat([]byte{1}, 32), nil)
	ok(t, err)
	return s
}

// A long history that is kept is the history of the log: entry for entry, also after the log grew,
// and also if what is kept was altered.
func TestKept(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 700, 1)
	for range 3 {
		w.access(morag, 1, func(a *entry.Access) {
			a.Emergency, a.Text = true, &entry.Text{Justification: "Found\u2028unconscious"}
		})
	}
	w.access(morag, 2, func(a *entry.Access) { a.Foreign, a.Text = true, &entry.Text{Organisation: "Elsewhere"} })
	w.delegate(t, "access", now.AddDate(0, 0, -1), now.AddDate(1, 0, 0))
	w.fill(t, 400, 1)
	r := citizen(morag)
	want, err := w.History(t.Context(), r, morag) // without a shelf
	ok(t, err)
	same := func(why string, d *door.Door) {
		t.Helper()
		h, err := d.History(t.Context(), r, morag)
		ok(t, err)
		if len(h.Items) != len(want.Items) {
			t.Fatalf("%s: %d items, want %d", why, len(h.Items), len(want.Items))
		}
		for n, i := range h.Items {
			if !reflect.DeepEqual(i, want.Items[n]) {
				t.Fatalf("%s: item %d is\n%+v, want\n%+v", why, n, i, want.Items[n])
			}
		}
	}
	kept := newShelf(t)
	again := func() *door.Door { return door.New(door.Config{Log: w.Ledger.Log, Shelf: kept}) }
	same("nothing is kept", again())
	ok(t, again().KeepAhead(t.Context()))
	list, err := kept.List(t.Context(), "history", "", "", 100)
	ok(t, err)
	if len(list) != 1+4 { // the position, and the pieces of 1105 entries
		t.Fatalf("%d pieces are kept", len(list))
	}
	same("all is kept", again())
	w.access(morag, 3, nil)
	want, err = w.History(t.Context(), r, morag)
	ok(t, err)
	same("the log grew", again())
	list = slices.DeleteFunc(list, func(i shelf.Item) bool { return !strings.Contains(i.Key, "/") })
	for name, value := range map[string][]byte{
		"empty": {}, "cut": list[1].Value[:len(list[1].Value)/2], "of other entries": list[2].Value,
		"longer": append(slices.Clone(list[1].Value), 0), "noise": bytes.Repeat([]byte{0xff}, 4096),
	} {
		ok(t, kept.Put(t.Context(), "history", list[1].Key, value, list[1].Expires))
		same(name, again())
	}
}

// Histories for which there is no room are read again, and are right all the same.
func TestNoRoom(t *testing.T) {
	w := newWorld(t)
	w.access(morag, 1, nil)
	w.access(iain, 2, nil)
	d := door.New(door.Config{Log: w.Ledger.Log, Memory: 1})
	for range 2 {
		for _, id := range []string{morag, iain} {
			h, err := d.History(t.Context(), citizen(id), id)
			ok(t, err)
			if len(h.Items) != 2 {
				t.Errorf("%d items", len(h.Items))
			}
		}
	}
}
