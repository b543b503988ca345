package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
)

// oddRules return the judgement that a test sets, and a new state of the person.
type oddRules struct{ judgement register.Judgement }

func (r *oddRules) Admit(*entry.Entry, uint64, *register.Register) (register.Rules, error) {
	return r, nil
}

func (r *oddRules) Judge(e *entry.Entry, _ uint64, _ func(string) []byte) (register.Judgement, error) {
	if a, ok := e.Body.(*entry.Access); ok && a.Source == "odd" {
		return r.judgement, nil
	}
	return register.Judgement{Person: []byte("plain")}, nil
}

// An entry that has no stored form is refused before anything of it is written, including the state
// of its person. The other entries of the batch are appended.
func TestEntryThatCannotBeStored(t *testing.T) {
	for name, j := range map[string]register.Judgement{
		"unknown flag":          {Flags: []entry.Flag{"made-up"}},
		"flag that readers add": {Flags: []entry.Flag{entry.FlagSuspectKey}},
		"unknown verdict":       {Verdict: &entry.Verdict{Result: "perhaps"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testdb.SQLite(t))
			w.log.Close(w.ctx)
			j.Person = []byte("odd")
			w.rules = &oddRules{j}
			w.reopen()
			one := uint64(1)
			odd := w.access(person, func(a *entry.Access) { a.Source, a.Seq = "odd", &one })
			good := w.access("temp:SRC:1")
			r := w.log.Append(w.ctx, odd, good, odd)
			for _, i := range []int{0, 2} {
				if !errors.Is(r[i].Err, vault.ErrNoForm) {
					t.Errorf("entry %d: got %v, want %v", i, r[i].Err, vault.ErrNoForm)
				}
			}
			if r[1].Err != nil {
				t.Fatalf("the entry beside it: %v", r[1].Err)
			}
			if size, _ := w.log.Size(w.ctx); size != r[1].Index+1 {
				t.Errorf("the log has %d entries, want %d", size, r[1].Index+1)
			}
			if state, err := w.log.Person(w.ctx, person); err != nil || state != nil {
				t.Errorf("the state of its person was written: %q, %v", state, err)
			}
			if state, err := w.log.Person(w.ctx, "temp:SRC:1"); err != nil || string(state) != "plain" {
				t.Errorf("the state of the other person: %q, %v", state, err)
			}
			if s := w.sources(); len(s) != 1 || s["SRC ehr"].Entries != 1 {
				t.Errorf("its source was noted: %+v", s)
			}
			w.checkLog()
			w.rules = ungoverned{}
			w.reopen()
			if r := w.must(odd); r.Replayed || len(r.Flags) > 0 { // sent again to a ledger that can store it
				t.Errorf("sent again: %+v", r)
			}
			w.checkLog()
		})
	}
}

// told are rules that remember the entries they were told of.
type told struct{ list []string }

func (r told) Admit(e *entry.Entry, index uint64, reg *register.Register) (register.Rules, error) {
	known := reg.Genesis != nil
	if k, ok := e.Body.(*entry.Key); ok {
		known = reg.Key(k.Key.JWK.Thumbprint()) != nil
	}
	return told{append(slices.Clip(r.list), fmt.Sprintf("%d %s %v", index, e.Type, known))}, nil
}

func (told) Judge(*entry.Entry, uint64, func(string) []byte) (register.Judgement, error) {
	return register.Judgement{}, nil
}

// Rules are told of the register's entries too, with the register that results: by the append, by
// another replica, and at start.
func TestRulesAreToldOfTheRegister(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.log.Close(w.ctx)
	w.rules = told{}
	w.reopen()
	other := w.log
	w.reopen()
	w.must(w.addKey("SRC", w.sourceAdmin, signer(t, wire.EdDSA), entry.PurposeAudit))
	w.must(w.access(person))
	want := []string{"0 genesis true", "1 organisation true", "2 key true", "3 key true", "4 key true"}
	logs := map[string]*ledger.Log{"the append": w.log, "another replica": other}
	w.reopen()
	logs["a start"] = w.log
	for name, l := range logs {
		rules, err := l.Rules(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := rules.(told).list; !slices.Equal(got, want) {
			t.Errorf("%s: told of %q, want %q", name, got, want)
		}
	}
}

// A ledger without rules is not opened: it could not judge its entries.
func TestRulesAreRequired(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.log.Close(w.ctx)
	cfg := w.config()
	cfg.Rules = nil
	if log, err := ledger.Open(w.ctx, cfg); log != nil || err == nil || !strings.Contains(err.Error(), "Config.Rules") {
		t.Errorf("opened: %v", err)
	}
	if r, err := ledger.Rebuild(w.ctx, cfg, nil); r != nil || err == nil || !strings.Contains(err.Error(), "Config.Rules") {
		t.Errorf("rebuilt: %v", err)
	}
	if log, err := ledger.Create(w.ctx, cfg, w.genesis()); log != nil || err == nil || !strings.Contains(err.Error(), "Config.Rules") {
		t.Errorf("created: %v", err)
	}
}
