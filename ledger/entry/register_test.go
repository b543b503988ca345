package entry_test

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// The rules themselves are in testdata/vectors/register.json. These tests check the register as a
// whole.

func replayed(t *testing.T, entries replay) *register.Register {
	t.Helper()
	r := register.New(testOrigin)
	for _, p := range entries {
		e, err := entry.Parse(p.Entry)
		if err == nil {
			err = errors.Join(r.Verify(e, p.Index), r.Apply(e, p.Index))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (w *world) baseLog() replay {
	return replay{}.at(0, w.sign(w.registrar, w.genesisBody()).Compact).at(1,
		w.sign(w.registrar, w.boardBody()).Compact).at(2, w.sign(w.registrar, w.boardKeyBody()).Compact)
}

// A refused entry leaves no trace, whatever was checked before the refusal.
func TestRefusedEntryChangesNothing(t *testing.T) {
	for _, v := range readVectors(t, "testdata/vectors/register.json").Vectors {
		if v.Error == "" {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			var in registerIn
			if err := unmarshal(v.In, &in); err != nil {
				t.Fatal(err)
			}
			if in.Origin != testOrigin {
				return
			}
			last := len(in.Entries) - 1
			r := replayed(t, in.Entries[:last])
			before := r.Clone()
			e, err := entry.Parse(in.Entries[last].Entry)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Verify(e, in.Entries[last].Index)
			if err == nil {
				err = r.Apply(e, in.Entries[last].Index)
			}
			if err == nil || !reflect.DeepEqual(r, before) {
				t.Errorf("after %v the register has changed", err)
			}
		})
	}
}

func TestCloneGrowsAlone(t *testing.T) {
	w := newWorld(t)
	r := replayed(t, w.baseLog())
	c := r.Clone()
	for i, body := range []entry.Body{w.ownKey(w.boardNext, entry.PurposeSubmit),
		&entry.KeyRevocation{Common: w.common("north-board"), Org: "north-board", KID: w.board.KID, Reason: "other"}} {
		if err := c.Apply(w.sign(w.board, body), uint64(3+i)); err != nil {
			t.Fatal(err)
		}
	}
	if r.Key(w.boardNext.KID) != nil || r.Key(w.board.KID).Revoked || len(r.Keys("north-board")) != 1 {
		t.Error("a change to the copy changed the original")
	}
	if len(c.Keys("north-board")) != 2 || !c.Key(w.board.KID).Revoked {
		t.Error("the copy did not grow")
	}
}

// A key is valid from From up to and including the index of its revocation.
func TestKeyLife(t *testing.T) {
	w := newWorld(t)
	key := w.ownKey(w.boardNext, entry.PurposeSubmit)
	key.Key.ValidFrom = 10
	r := replayed(t, w.baseLog().at(5, w.sign(w.board, key).Compact).at(20, w.sign(w.board, &entry.KeyRevocation{
		Common: w.common("north-board"), Org: "north-board", KID: w.boardNext.KID, Reason: "compromised"}).Compact))
	for index, want := range map[uint64]wire.Code{0: wire.InactiveKey, 5: wire.InactiveKey, 6: wire.InactiveKey,
		9: wire.InactiveKey, 10: "", 19: "", 20: "", 21: wire.RevokedKey, math.MaxUint64: wire.RevokedKey} {
		if _, err := r.Active(w.boardNext.KID, index); want == "" && err != nil || want != "" && !errors.Is(err, want) {
			t.Errorf("at %d: got %v, want %q", index, err, want)
		}
	}
	if err := r.May(w.boardNext.KID, "north-board", entry.PurposeSubmit, entry.RoleSource, 15); err != nil {
		t.Error(err)
	}
	if err := r.May(w.boardNext.KID, "north-board", entry.PurposeSubmit, entry.RoleAuditor, 15); !errors.Is(err,
		wire.WrongPurpose) {
		t.Error("a role the organisation does not have:", err)
	}
	// If the organisation loses a role later, its keys lose it too.
	if err := r.Apply(w.sign(w.registrar, &entry.Organisation{Common: w.common("registry"),
		Organisation: member("north-board", "N", "board", entry.RoleController)}), 30); err != nil {
		t.Fatal(err)
	}
	if err := r.May(w.board.KID, "north-board", entry.PurposeSubmit, entry.RoleSource, 31); !errors.Is(err,
		wire.WrongPurpose) {
		t.Error("an organisation that is no longer a source:", err)
	}
}

func TestKeysAreListedInOrder(t *testing.T) {
	w := newWorld(t)
	r := replayed(t, w.baseLog().at(3, w.sign(w.board, w.ownKey(w.boardNext, entry.PurposeAudit)).Compact).at(4,
		w.sign(w.board, w.ownKey(w.boardEC, entry.PurposeSubmit)).Compact))
	var kids []string
	for _, k := range r.Keys("north-board") {
		kids = append(kids, k.KID)
	}
	if want := []string{w.board.KID, w.boardNext.KID, w.boardEC.KID}; !reflect.DeepEqual(kids, want) {
		t.Errorf("got %v, want %v", kids, want)
	}
	if n := len(r.Keys("")); n != 6 {
		t.Errorf("%d keys in all, want 6", n)
	}
	if r.Organisation("north-board").Name != boardMember.Name || r.Organisation("nobody") != nil || len(r.Organisations()) != 4 {
		t.Error("the organisations differ from those registered")
	}
}
