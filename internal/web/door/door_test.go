package door_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"igledger/internal/client"
	"igledger/internal/testledger"
	"igledger/internal/web/door"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const (
	morag = "chi:0101010000"
	iain  = "chi:0202020005"
)

// now is one moment for accesses and doors. The ledger itself takes nothing from its future.
var now = time.Now()

// world is a ledger in which hospital TST, which holds records, reported accesses.
type world struct {
	*testledger.Ledger
	*door.Door
	key *wire.Signer
}

func newWorld(t testing.TB) *world {
	l := testledger.New(t)
	w := &world{Ledger: l}
	w.key = l.Enrol("TST", []entry.Role{entry.RoleController, entry.RoleSource},
		entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeSubmit)
	w.Door = door.New(door.Config{
		Log: l.Log, Index: l.Index, Signers: map[string][]*wire.Signer{"TST": {w.key}}, Patience: time.Hour,
	})
	return w
}

// access reports an access to id's record, days ago, altered.
func (w *world) access(id string, days int, alter func(*entry.Access)) uint64 {
	a := w.template(id, days)
	if alter != nil {
		alter(a)
	}
	return w.Append(w.key, a)
}

func (w *world) template(id string, days int) *entry.Access {
	return &entry.Access{
		Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Source: "EPR", Action: "R", Outcome: "0",
		Data: []string{"http://hl7.org/fhir/resource-types|Observation"}, Purpose: []string{"TREAT"},
		Recorded: now.AddDate(0, 0, -days).Format(time.RFC3339), Sub: id,
	}
}

func citizen(id string) door.Reader {
	return door.Reader{Person: true, ID: id, Session: "session of " + id}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A person sees their history with the newest first, by when it happened, and the looking itself,
// once for each sign-in.
func TestOwnHistory(t *testing.T) {
	w := newWorld(t)
	later := w.access(morag, 1, nil)
	earlier := w.access(morag, 9, nil)
	w.access(iain, 2, nil)
	for range 2 {
		h, err := w.History(t.Context(), citizen(morag), morag)
		ok(t, err)
		if len(h.Items) != 3 || !h.Whole || h.Items[1].Index != later || h.Items[2].Index != earlier {
			t.Fatalf("got %d items, whole: %v", len(h.Items), h.Whole)
		}
		if i := h.Items[0]; i.Reader != door.ByPerson || i.Verdict.Result != entry.Covered {
			t.Errorf("the looking is %+v, verdict %+v", i, i.Verdict)
		}
	}
	r := citizen(morag)
	r.Session = "another"
	h, err := w.History(t.Context(), r, morag)
	ok(t, err)
	if len(h.Items) != 4 {
		t.Errorf("a second sign-in made %d items", len(h.Items))
	}
	// What is known is extended, in its order.
	between := w.access(morag, 5, nil)
	h, err = w.History(t.Context(), r, morag)
	ok(t, err)
	if h.Items[3].Index != between {
		t.Errorf("an access that was reported late is not in its place")
	}
	e, o, err := w.Entry(t.Context(), h.Items[3])
	ok(t, err)
	if e.Type != entry.TypeAccess || len(o.VRFProof) == 0 {
		t.Errorf("the whole entry is %+v", e)
	}
}

// Who acts for a person sees what is under their other numbers as far as a delegation is recorded
// there too. What is not shown is counted, and no reading of it is logged.
func TestDelegateOfLinkedNumbers(t *testing.T) {
	w := newWorld(t)
	w.access(morag, 3, nil)
	start, end := time.Now().AddDate(0, 0, -1), time.Now().AddDate(1, 0, 0)
	r := citizen(iain)
	r.Delegation = w.delegate(t, "access", start, end)
	common := entry.Common{Issuer: "TST", Audience: testledger.Origin}
	for _, other := range []string{"temp:TST:A-1", "temp:TST:A-2"} {
		w.access(other, 2, nil)
		w.Append(w.key, &entry.Link{Common: common, Act: "linked", Reason: "one person", Sub: morag, Other: other})
	}
	const second = "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d12"
	w.Append(w.key, &entry.Delegation{Common: common, Delegation: second, Act: "granted", Kind: "HPOWATT", Scope: []string{"access"},
		Start: start.Format(time.RFC3339), End: end.Format(time.RFC3339), Sub: "temp:TST:A-2", Delegate: &entry.Delegate{ID: iain}})
	for range 2 {
		h, err := w.History(t.Context(), r, morag)
		ok(t, err)
		if !slices.Equal(h.IDs, []string{morag, "temp:TST:A-2"}) || h.Closed != 1 || !slices.Equal(h.Under, []string{r.Delegation, second}) {
			t.Fatalf("numbers %v under %v, %d closed", h.IDs, h.Under, h.Closed)
		}
		readings := 0
		for _, i := range h.Items {
			if i.Reader != door.ByDelegate {
				continue
			}
			readings++
			if i.Verdict.Result != entry.Covered {
				t.Errorf("the reading under number %d is %s %v", i.ID, i.Verdict.Result, i.Verdict.Rules)
			}
		}
		if readings != 2 {
			t.Errorf("%d readings of two numbers", readings)
		}
	}
	all, err := w.History(t.Context(), citizen(morag), morag)
	ok(t, err)
	for _, i := range all.Items {
		if i.Reader == door.ByDelegate && all.IDs[i.ID] == "temp:TST:A-1" {
			t.Error("a reading of what was not shown is logged")
		}
	}
}

// Nobody gets another's history, and nothing of the attempt is in it.
func TestNotYours(t *testing.T) {
	w := newWorld(t)
	w.access(iain, 2, nil)
	before := w.Size()
	for name, r := range map[string]door.Reader{
		"another person":             citizen(morag),
		"nobody":                     {Person: true, Session: "s"},
		"no session":                 {Person: true, ID: iain},
		"an invented delegation":     {Person: true, ID: morag, Session: "s", Delegation: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11"},
		"staff without a purpose":    {Org: "TST", Session: "s"},
		"staff on request":           {Org: "TST", Session: "s", Purpose: []string{"PATRQT"}, Request: "R", Identity: entry.ByDocuments},
		"staff who claim to sign in": {Org: "TST", Session: "s", Purpose: []string{"PATRQT"}, Request: "R", Identity: entry.BySignIn},
		"no organisation of the log": {Org: "NON", Session: "s", Purpose: []string{"HCOMPL"}},
	} {
		if h, err := w.History(t.Context(), r, iain); err == nil {
			t.Errorf("%s got %d items", name, len(h.Items))
		} else if r.Person && !errors.Is(err, door.ErrNotYours) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.Size() != before {
		t.Errorf("a refusal was logged as a reading")
	}
}

// delegate lets iain see morag's record.
func (w *world) delegate(t testing.TB, scope string, start, end time.Time) string {
	t.Helper()
	d := &entry.Delegation{
		Delegation: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11", Act: "granted", Kind: "HPOWATT", Scope: []string{scope},
		Start: start.Format(time.RFC3339), End: end.Format(time.RFC3339), Sub: morag, Delegate: &entry.Delegate{ID: iain},
	}
	_, err := w.Sign(t.Context(), "TST", entry.PurposeAgreements, d)
	ok(t, err)
	return d.Delegation
}

// Who acts for a person sees their history under the delegation, while it is in force, and the
// looking names it.
func TestDelegate(t *testing.T) {
	w := newWorld(t)
	w.access(morag, 3, nil)
	start, end := time.Now().AddDate(0, 0, -1), time.Now().AddDate(1, 0, 0)
	r := citizen(iain)
	r.Delegation = w.delegate(t, "access", start, end)
	h, err := w.History(t.Context(), r, morag)
	ok(t, err)
	i := h.Items[0]
	if i.Reader != door.ByDelegate || i.Delegation != r.Delegation || i.Verdict.Result != entry.Covered {
		t.Errorf("the looking is %+v, verdict %+v", i, i.Verdict)
	}
	if own, err := w.History(t.Context(), citizen(morag), morag); err != nil || own.Items[1].Reader != door.ByDelegate {
		t.Errorf("the person is not told: %v", err)
	}
	if list, err := w.ActsFor(t.Context(), iain); err != nil || len(list) != 1 || list[0].ID != morag ||
		list[0].Held.ID != r.Delegation {
		t.Errorf("who acts for somebody finds %+v: %v", list, err)
	}
	if list, err := w.ActsFor(t.Context(), morag); err != nil || len(list) > 0 {
		t.Errorf("who acts for nobody finds %+v: %v", list, err)
	}
	other := citizen(morag)
	other.Delegation = r.Delegation
	if _, err := w.History(t.Context(), other, iain); !errors.Is(err, door.ErrNotYours) {
		t.Errorf("the delegation works the other way round: %v", err)
	}
	_, err = w.Sign(t.Context(), "TST", entry.PurposeAgreements,
		&entry.Delegation{Delegation: r.Delegation, Act: "revoked", Sub: morag})
	ok(t, err)
	if _, err := w.History(t.Context(), r, morag); !errors.Is(err, door.ErrNotYours) {
		t.Errorf("a delegation that was revoked still works: %v", err)
	}
	if list, err := w.ActsFor(t.Context(), iain); err != nil || len(list) > 0 {
		t.Errorf("a delegation that was revoked is found: %+v: %v", list, err)
	}
}

func TestDelegateWithoutAccess(t *testing.T) {
	w := newWorld(t)
	r := citizen(iain)
	r.Delegation = w.delegate(t, "consent", time.Now().AddDate(0, 0, -1), time.Now().AddDate(1, 0, 0))
	if _, err := w.History(t.Context(), r, morag); !errors.Is(err, door.ErrNotYours) {
		t.Errorf("a delegation for consent shows the record: %v", err)
	}
}

// Staff read what their organisation owns, and a reading by the person is not theirs.
func TestStaff(t *testing.T) {
	w := newWorld(t)
	w.access(morag, 3, nil)
	_, err := w.History(t.Context(), citizen(morag), morag)
	ok(t, err)
	r := door.Reader{Org: "TST", Session: "s", Staff: &entry.Staff{ID: "IG7"}, Purpose: []string{"HCOMPL"}}
	h, err := w.History(t.Context(), r, morag)
	ok(t, err)
	if h.Whole || len(h.Items) != 2 || h.Items[0].Reader != door.ByOthers || h.Items[0].Staff != "IG7" {
		t.Errorf("the organisation sees %d items, whole: %v", len(h.Items), h.Whole)
	}
}

func TestSignWithoutKey(t *testing.T) {
	w := newWorld(t)
	for _, org := range []string{"REG", "NON", ""} {
		if _, err := w.Sign(t.Context(), org, entry.PurposeAgreements, &entry.Link{}); !errors.Is(err, door.ErrNoKey) {
			t.Errorf("%q: %v", org, err)
		}
	}
	_, err := w.Sign(context.Background(), "TST", entry.PurposeAdminister, &entry.Link{})
	if !errors.Is(err, door.ErrNoKey) {
		t.Errorf("a key signed for another purpose: %v", err)
	}
	if _, err := w.Submit(t.Context(), "a.b.c", nil); !errors.Is(err, door.ErrRefused) {
		t.Errorf("a bad entry: %v", err)
	}
}

// An officer sees the organisation's own work, which is logged once a day, and opens its own accesses
// only, which is logged in the person's history.
func TestWork(t *testing.T) {
	w := newWorld(t)
	w.Enrol("OTH", []entry.Role{entry.RoleController}, entry.PurposeAudit)
	uncovered := w.access(morag, 3, func(a *entry.Access) { a.Purpose = []string{"HMARKT"} })
	officer := door.Reader{Org: "TST", Session: "s", Staff: &entry.Staff{ID: "IG7"}, Purpose: []string{"HCOMPL"}}
	for range 2 {
		v, err := w.Work(t.Context(), officer)
		ok(t, err)
		if list := v.Lists[client.Uncovered]; !v.Complete || len(list) != 1 || list[0].Index != uncovered {
			t.Fatalf("complete %v, %+v", v.Complete, list)
		}
	}
	if n := w.Size(); n != uncovered+2 {
		t.Errorf("two reports are %d entries", n-uncovered-1)
	}
	for range 2 {
		x, err := w.Open(t.Context(), officer, uncovered)
		ok(t, err)
		if x.Access.Sub != morag || x.Verdict.Result != entry.NotCovered || len(x.Verdict.Plain) == 0 {
			t.Errorf("%+v", x)
		}
	}
	if n := w.Size(); n != uncovered+3 {
		t.Errorf("one access opened twice in a session is %d entries", n-uncovered-2)
	}
	if h, err := w.History(t.Context(), citizen(morag), morag); err != nil || h.Items[1].Staff != "IG7" {
		t.Errorf("the person is not told who opened it: %v", err)
	}

	before := w.Size()
	other := door.Reader{Org: "OTH", Session: "o", Purpose: []string{"HCOMPL"}}
	for _, index := range []uint64{uncovered, 0, 1, uncovered + 1, 1 << 40} {
		if _, err := w.Open(t.Context(), other, index); !errors.Is(err, door.ErrNotFound) {
			t.Errorf("another organisation opens %d: %v", index, err)
		}
	}
	for name, r := range map[string]door.Reader{
		"a citizen": citizen(morag), "without a purpose": {Org: "TST", Session: "s"}, "nobody": {Org: "NON", Purpose: officer.Purpose},
	} {
		if _, err := w.Work(t.Context(), r); err == nil {
			t.Errorf("%s gets the work", name)
		}
		if _, err := w.Open(t.Context(), r, uncovered); err == nil {
			t.Errorf("%s opens an access", name)
		}
	}
	if w.Size() != before {
		t.Error("a refusal was logged as a reading")
	}
	if v, err := w.Work(t.Context(), other); err != nil || len(v.Lists[client.Uncovered]) != 0 || len(v.Counts) != 0 {
		t.Errorf("another organisation sees %+v: %v", v, err)
	}
}

// Many who look at once each see all that happened, and their own look.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	w.fill(t, 300, 1)
	var all errgroup.Group
	for n := range 8 {
		r := citizen(morag)
		r.Session = fmt.Sprint("session ", n)
		all.Go(func() error {
			for range 3 {
				h, err := w.History(t.Context(), r, morag)
				if err != nil {
					return err
				}
				looks := 0
				for _, i := range h.Items {
					if i.Mine() {
						looks++
					}
				}
				if len(h.Items)-looks != 300 || looks < 1 || looks > 8 {
					return fmt.Errorf("%d entries, %d of them looks", len(h.Items), looks)
				}
				if !slices.IsSortedFunc(h.Items, func(a, b *door.Item) int { return b.When.Compare(a.When) }) {
					return errors.New("the list is not in its order")
				}
			}
			return nil
		})
	}
	ok(t, all.Wait())
}
