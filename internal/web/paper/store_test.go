package paper

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/testdb"
	"igledger/internal/web/paper/sealed"
	"igledger/internal/web/shelf"
	"igledger/ledger/storage"
)

const (
	morag = "chi:0101011237"
	other = "nhs:9434765919"
)

type storeWorld struct {
	*Store
	at    time.Time
	store *storage.Storage
}

func eachStore(t *testing.T, test func(*testing.T, *storeWorld)) {
	testdb.Each(t, func(t *testing.T, url string) {
		st, err := storage.Create(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		w := &storeWorld{at: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), store: st}
		now := func() time.Time { return w.at }
		s, err := shelf.New(t.Context(), st, bytes.Repeat([]byte{7}, 32), now)
		if err != nil {
			t.Fatal(err)
		}
		w.Store = NewStore(s, 0, now)
		test(t, w)
	})
}

func TestStore(t *testing.T) {
	eachStore(t, func(t *testing.T, w *storeWorld) {
		ctx := t.Context()
		data := []byte("sealed bytes")
		p, err := w.Keep(ctx, []string{morag, other}, "NHSL", data)
		if err != nil || p.ID != sealed.ID(data) || !p.Ends.Equal(w.at.Add(Life)) {
			t.Fatalf("%+v %v", p, err)
		}
		got, _, err := w.Fetch(ctx, p.ID)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("fetched %q: %v", got, err)
		}
		again, err := w.Keep(ctx, []string{morag}, "", data)
		if err != nil || again.ID != p.ID || again.Desk != "NHSL" {
			t.Errorf("kept twice: %+v %v", again, err)
		}
		for _, owner := range []string{morag, other} {
			list, err := w.Of(ctx, owner)
			if err != nil || len(list) != 1 || list[0].ID != p.ID {
				t.Errorf("%v %v", list, err)
			}
		}

		// Somebody else neither lists it nor takes it back, and owns no copy of it.
		const stranger = "chi:3112990005"
		if list, err := w.Of(ctx, stranger); err != nil || len(list) > 0 {
			t.Errorf("a stranger lists %v: %v", list, err)
		}
		if err := w.TakeBack(ctx, stranger, p.ID); !errors.Is(err, ErrNone) {
			t.Errorf("a stranger takes it back: %v", err)
		}
		if _, err := w.Keep(ctx, []string{stranger}, "", data); !errors.Is(err, ErrNone) {
			t.Errorf("a stranger keeps a copy: %v", err)
		}
		if err := w.TakeBack(ctx, stranger, p.ID); !errors.Is(err, ErrNone) {
			t.Errorf("a stranger takes the copy back: %v", err)
		}
		for _, id := range []string{"", "x", sealed.ID([]byte("nothing"))} {
			if _, _, err := w.Fetch(ctx, id); !errors.Is(err, ErrNone) {
				t.Errorf("%q: %v", id, err)
			}
		}

		w.at = w.at.Add(time.Hour)
		if err := w.TakeBack(ctx, other, p.ID); err != nil {
			t.Fatal(err)
		}
		if got, p, err := w.Fetch(ctx, p.ID); !errors.Is(err, ErrTakenBack) || got != nil || !p.TakenBack.Equal(w.at) {
			t.Errorf("after it was taken back: %q %+v %v", got, p, err)
		}
		taken := w.at
		// Who has a copy of what was taken back does not bring it back, not even unseen.
		for _, owner := range []string{morag, stranger} {
			if _, err := w.Keep(ctx, []string{owner}, "", data); owner == stranger && !errors.Is(err, ErrNone) {
				t.Errorf("kept again by %s: %v", owner, err)
			}
			if _, err := w.shelf.Get(ctx, sealedShelf, p.ID); !errors.Is(err, shelf.ErrNotFound) {
				t.Errorf("what was taken back is there again: %v", err)
			}
		}
		w.at = w.at.Add(time.Hour)
		if err := w.TakeBack(ctx, morag, p.ID); err != nil {
			t.Errorf("twice: %v", err)
		}
		if _, p, _ := w.Fetch(ctx, p.ID); !p.TakenBack.Equal(taken) {
			t.Errorf("taken back at %v, want the first time %v", p.TakenBack, taken)
		}
	})
}

func TestStoreEnds(t *testing.T) {
	eachStore(t, func(t *testing.T, w *storeWorld) {
		p, err := w.Keep(t.Context(), []string{morag}, "", []byte("sealed"))
		if err != nil {
			t.Fatal(err)
		}
		w.at = p.Ends
		if got, _, err := w.Fetch(t.Context(), p.ID); !errors.Is(err, ErrEnded) || got != nil {
			t.Errorf("at its end: %q %v", got, err)
		}
		if list, err := w.Of(t.Context(), morag); err != nil || len(list) != 1 || list[0].Live(w.at) {
			t.Errorf("%v %v", list, err)
		}
		w.at = p.Ends.Add(remembered)
		if _, _, err := w.Fetch(t.Context(), p.ID); !errors.Is(err, ErrNone) {
			t.Errorf("long after: %v", err)
		}
		if list, err := w.Of(t.Context(), morag); err != nil || len(list) != 0 {
			t.Errorf("long after: %v %v", list, err)
		}
	})
}

// Nobody fills the database with codes, and what has ended makes room.
func TestStoreBound(t *testing.T) {
	eachStore(t, func(t *testing.T, w *storeWorld) {
		for i := range maxLive {
			if _, err := w.Keep(t.Context(), []string{morag}, "", []byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Keep(t.Context(), []string{other, morag}, "", []byte("more")); !errors.Is(err, sealed.ErrTooMany) {
			t.Errorf("more: %v", err)
		}
		if err := w.TakeBack(t.Context(), morag, sealed.ID([]byte{3})); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Keep(t.Context(), []string{morag}, "", []byte("more")); err != nil {
			t.Errorf("one more after one less: %v", err)
		}
	})
}

// Who has the database does not see whose the codes are.
func TestStoreHidesOwners(t *testing.T) {
	eachStore(t, func(t *testing.T, w *storeWorld) {
		if _, err := w.Keep(t.Context(), []string{morag}, "NHSL", []byte("sealed")); err != nil {
			t.Fatal(err)
		}
		var rows []string
		err := w.store.Read(t.Context(), storage.Op{SQL: "SELECT k, value FROM shelf", Fresh: func() { rows = nil },
			Scan: func(scan func(...any) error) error {
				var k, v []byte
				err := scan(&k, &v)
				rows = append(rows, string(k)+string(v))
				return err
			}})
		if err != nil || len(rows) != 3 {
			t.Fatalf("%d rows: %v", len(rows), err)
		}
		if slices.ContainsFunc(rows, func(r string) bool { return strings.Contains(r, "0101011237") || strings.Contains(r, "NHSL") }) {
			t.Error("a row shows whose it is")
		}
	})
}
