package ledger_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent"
	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const person = "chi:0101011237"

func TestAppendGivesReceiptsAndHistory(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		var sent []*entry.Entry
		for range 3 {
			e := w.access(person)
			r := w.must(e)
			w.checkReceipt(e, r)
			if len(r.Flags) != 0 || r.Replayed {
				t.Errorf("entry %d: flags %v, replayed %v", r.Index, r.Flags, r.Replayed)
			}
			sent = append(sent, e)
		}
		w.must(w.access("nhs:9434765919"))
		count, list, err := w.log.History(w.ctx, person, math.MaxUint64, 10)
		if err != nil || count != 3 || len(list) != 3 {
			t.Fatalf("count %d, %d openings, %v", count, len(list), err)
		}
		for i, o := range list {
			e, err := entry.ParseParts(o.JWS, o.Disclosures)
			if err != nil || e.Identity() != sent[2-i].Identity() {
				t.Errorf("opening %d is not of the entry sent: %v", i, err)
			}
			if err := wire.VerifyTag(w.keys.VRF.Public(), origin, person, o.Tag, o.VRFProof); err != nil {
				t.Error(err)
			}
			again, err := w.log.Opening(w.ctx, o.Index)
			if err != nil || again.JWS != o.JWS {
				t.Errorf("opening %d alone: %v", o.Index, err)
			}
		}
		_, page, err := w.log.History(w.ctx, person, list[1].Index, 10)
		if err != nil || len(page) != 1 || page[0].Index != list[2].Index {
			t.Errorf("a page below index %d: %d openings, %v", list[1].Index, len(page), err)
		}
		if _, err := w.log.Opening(w.ctx, 0); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("opening of a public entry: %v", err)
		}
		w.checkLog()
	})
}

func TestRepeatedEntries(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		e := w.access(person)
		first := w.must(e)
		again := w.must(e)
		if !again.Replayed || again.Index != first.Index {
			t.Errorf("the same entry again: index %d, replayed %v", again.Index, again.Replayed)
		}
		w.checkReceipt(e, again)
		// The same signature input with fewer disclosures is the same entry.
		other := w.access(person, func(a *entry.Access) { a.ID = e.ID })
		if r := w.log.Append(w.ctx, other)[0]; !errors.Is(r.Err, ledger.ErrConflict) {
			t.Errorf("other content under the same jti: %v", r.Err)
		}
		twice := w.access(person)
		conflict := w.access(person, func(a *entry.Access) { a.ID = twice.ID })
		rs := w.log.Append(w.ctx, twice, twice, conflict)
		if rs[0].Err != nil || rs[1].Err != nil || !rs[1].Replayed || rs[0].Index != rs[1].Index || !errors.Is(rs[2].Err, ledger.ErrConflict) {
			t.Errorf("twice and a conflict in one batch: %+v", rs)
		}
		w.checkReceipt(twice, rs[1])
		r, err := w.log.Receipt(w.ctx, "SRC", twice.ID, ledger.Newest)
		if err != nil || r.Index != rs[0].Index {
			t.Errorf("receipt by jti: %v", err)
		}
		if _, err := w.log.Receipt(w.ctx, "OTHER", twice.ID, ledger.Newest); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("receipt of another issuer's jti: %v", err)
		}
		w.checkLog()
	})
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	audit := signer(t, wire.EdDSA)
	w.must(w.addKey("SRC", w.sourceAdmin, audit, entry.PurposeAudit))
	stranger := signer(t, wire.EdDSA)
	later := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	by := func(s *wire.Signer, change ...func(*entry.Access)) *entry.Entry {
		real := w.source
		w.source = s
		defer func() { w.source = real }()
		return w.access(person, change...)
	}
	forged := w.access(person)
	dot := strings.LastIndexByte(forged.Compact, '.') + 1
	forged.JWS, _ = wire.ParseJWS("entry", forged.Compact[:dot]+w.access(person).Compact[dot:], wire.TypEntry)
	hidden, err := entry.ParseParts(w.access(person).Compact, nil)
	if err != nil {
		t.Fatal(err)
	}
	size, _ := w.log.Size(w.ctx)
	for name, c := range map[string]struct {
		e    *entry.Entry
		want error
	}{
		"unknown key":                {by(stranger), wire.UnknownKey},
		"key for another purpose":    {by(audit), wire.WrongPurpose},
		"another organisation's key": {w.access(person, func(a *entry.Access) { a.Issuer = "OPR" }), wire.WrongIssuer},
		"unknown organisation":       {w.access(person, func(a *entry.Access) { a.Issuer = "NOBODY" }), wire.WrongIssuer},
		"another log's entry": {w.access(person,
			func(a *entry.Access) { a.Audience = "other.log" }), wire.WrongAudience},
		"signature of another entry": {forged, wire.BadSignature},
		"nobody's access":            {hidden, wire.BadDisclosure},
		"hidden without an order":    {w.access(entry.RegWithheld), wire.BadID},
		"padding without an order":   {w.access(entry.RegPadding), wire.BadID},
		"iat 6 minutes ahead": {w.access(person,
			func(a *entry.Access) { a.IssuedAt = time.Now().Add(6 * time.Minute).Unix() }), ledger.ErrFuture},
		"recorded 6 minutes ahead": {w.access(person,
			func(a *entry.Access) { a.Recorded = later(6 * time.Minute) }), ledger.ErrFuture},
		"occurred 6 minutes ahead": {w.access(person,
			func(a *entry.Access) { a.Occurred = later(6 * time.Minute) }), ledger.ErrFuture},
		"an access by an organisation that is no source": {w.sign(w.enroller,
			&entry.Access{Common: entry.Common{Issuer: "ENR", Audience: origin}, Source: "x", Action: "R", Outcome: "0",
				Recorded: later(0), Sub: person}), wire.WrongPurpose},
		"a second genesis": {w.genesis(), wire.BadGenesis},
		"an organisation without countersignature": {w.sign(w.registrar,
			&entry.Organisation{Common: entry.Common{Issuer: "REG", Audience: origin},
				Organisation: entry.Member{ID: "NEW", Name: "New", Kind: "test",
					Roles: []entry.Role{entry.RoleSource}}}), wire.NotCountersigned},
	} {
		t.Run(name, func(t *testing.T) {
			if r := w.log.Append(w.ctx, c.e)[0]; !errors.Is(r.Err, c.want) {
				t.Errorf("got %v, want %v", r.Err, c.want)
			} else if strings.Contains(r.Err.Error(), person[4:]) {
				t.Error("the error names the person")
			}
		})
	}
	if now, _ := w.log.Size(w.ctx); now != size {
		t.Errorf("refusals made the log grow from %d to %d", size, now)
	}
	good := w.access(person)
	rs := w.log.Append(w.ctx, by(stranger), good, w.access(person, func(a *entry.Access) { a.Issuer = "OPR" }))
	if rs[0].Err == nil || rs[1].Err != nil || rs[2].Err == nil {
		t.Errorf("a good entry between bad ones: %+v", rs)
	}
	w.checkReceipt(good, rs[1])
	w.checkLog()
}

// An access that happened is never refused because something about it is odd.
func TestFlags(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.log.Close(w.ctx)
	w.rules = consent.New() // which know the agreements
	w.reopen()
	seq := func(n uint64) func(*entry.Access) { return func(a *entry.Access) { a.Seq = &n; a.Source = "other" } }
	for _, c := range []struct {
		name   string
		id     string
		change func(*entry.Access)
		want   []entry.Flag
	}{
		{"plain", person, func(*entry.Access) {}, nil},
		{"modulus 10 CHI number", "chi:0101201234", func(*entry.Access) {}, nil},
		{"bad check digit", "chi:0101011238", func(*entry.Access) {}, []entry.Flag{entry.FlagCheckDigit}},
		{"unknown agreement", person, func(a *entry.Access) { a.Agreement = "ISA-1" }, []entry.Flag{entry.FlagUnknownAgreement}},
		{"signed late", person, func(a *entry.Access) { a.IssuedAt -= 25 * 3600; a.IssuedAt += time.Now().Unix() }, []entry.Flag{entry.FlagLate}},
		{"reported late", person, func(a *entry.Access) { a.Recorded = "2020-01-01T00:00:00Z" }, []entry.Flag{entry.FlagLate}},
		{"occurred long ago, reported in time", person, func(a *entry.Access) { a.Occurred = "2020-01-01T00:00:00Z" }, nil},
		{"no sequence", person, func(a *entry.Access) { a.Seq = nil }, []entry.Flag{entry.FlagNoSequence}},
		{"a stream that does not begin at 1", person, seq(2), []entry.Flag{entry.FlagSequenceGap}},
		{"the next", person, seq(3), nil},
		{"a gap", person, seq(5), []entry.Flag{entry.FlagSequenceGap}},
		{"back", person, seq(4), []entry.Flag{entry.FlagSequenceBack}},
		{"the same number again", person, seq(5), []entry.Flag{entry.FlagSequenceBack}},
		{"going on", person, seq(6), nil},
	} {
		e := w.access(c.id, c.change)
		if c.name == "no sequence" {
			w.seq--
		}
		r := w.must(e)
		if !slices.Equal(r.Flags, c.want) {
			t.Errorf("%s: flags %v, want %v", c.name, r.Flags, c.want)
		}
		o, err := w.log.Opening(w.ctx, r.Index)
		if err != nil || !slices.Equal(o.Flags, c.want) {
			t.Errorf("%s: flags read back %v, want %v (%v)", c.name, o.Flags, c.want, err)
		}
		if c.change != nil && strings.HasPrefix(c.name, "a stream") {
			w.seq = 8 // the plain stream went on to 8
		}
	}
}

// An index root must not be below the last entry that it covers.
func TestIndexRootPosition(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	size, err := w.log.Size(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	root := func(size uint64) *entry.Entry {
		return w.sign(w.keys.Operator, &entry.IndexRoot{Common: entry.Common{Issuer: "OPR", Audience: origin}, Size: size, Root: wire.Hash{1}})
	}
	if r := w.log.Append(w.ctx, root(size+1))[0]; !errors.Is(r.Err, wire.BadIndexRoot) {
		t.Errorf("a root over entries that do not exist yet: got %v, want %v", r.Err, wire.BadIndexRoot)
	}
	w.must(root(size))
	w.checkLog()
}

// Each salt is fresh. With a salt that is known, or that both commitments share, an attacker could
// test guesses against a leaf once the other part was shown.
func TestSaltsAreFresh(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	seen := map[wire.Hash]bool{{}: true}
	for range 3 {
		o, err := w.log.Opening(w.ctx, w.must(w.access(person)).Index)
		if err != nil {
			t.Fatal(err)
		}
		for _, salt := range []wire.Hash{o.TagSalt, o.BodySalt} {
			if seen[salt] {
				t.Errorf("entry %d: a salt is zero or was used before", o.Index)
			}
			seen[salt] = true
		}
	}
}

// An entry that is not signed for a registered organisation costs neither a tag nor a place in the
// queue, whatever keys the same call names: a tag, by the time that it takes, would tell a stranger
// whether the person is in the ledger.
func TestStrangersReachNothing(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	honest := w.source
	stranger := signer(t, wire.EdDSA)
	theirs := func() *entry.Entry {
		w.source = stranger
		defer func() { w.source = honest }()
		return w.access(person)
	}
	other := signer(t, wire.ES256)
	calls := map[string][]*entry.Entry{
		"alone":                        {theirs()},
		"with its own key, by itself":  {w.addKey("SRC", stranger, stranger, entry.PurposeSubmit), theirs()},
		"with its own key, by another": {w.addKey("SRC", other, stranger, entry.PurposeSubmit), theirs()},
		"with both keys, in a circle": {
			w.addKey("SRC", other, stranger, entry.PurposeAdminister),
			w.addKey("SRC", stranger, other, entry.PurposeSubmit), theirs(),
		},
		"with a key by a submitting key": {w.addKey("SRC", honest, stranger, entry.PurposeSubmit), theirs()},
		"with a forged key entry": {
			w.forge(
				w.addKey("SRC", w.sourceAdmin, stranger, entry.PurposeSubmit),
				w.addKey("SRC", w.sourceAdmin, other, entry.PurposeSubmit),
			), theirs(),
		},
		"with a registrar's key entry that nobody countersigned": {w.addKey("SRC", w.registrar, stranger, entry.PurposeSubmit), theirs()},
	}
	for name, call := range calls {
		before := w.log.Stats()
		r := w.log.Append(w.ctx, call...)
		for i := range r {
			if r[i].Err == nil {
				t.Errorf("%s: entry %d was taken", name, i)
			}
		}
		if err := r[len(r)-1].Err; !errors.Is(err, wire.UnknownKey) {
			t.Errorf("%s: got %v, want %v", name, err, wire.UnknownKey)
		}
		after := w.log.Stats()
		if n := after.TagCalls - before.TagCalls; n != 0 {
			t.Errorf("%s: %d tags were computed", name, n)
		}
		if answered := after.Answered - before.Answered; answered > uint64(len(call)-1) {
			t.Errorf("%s: %d of %d entries came to the commit", name, answered, len(call))
		}
	}
	if size, _ := w.log.Size(w.ctx); size != 4 {
		t.Errorf("the log has %d entries, want 4", size)
	}
}

// Sequence numbers are judged in order of arrival, although the entries are shuffled in the log.
func TestSequenceWithinABatch(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	var batch []*entry.Entry
	for range 200 {
		batch = append(batch, w.access(person))
	}
	shuffled := false
	var last uint64
	for i, r := range w.log.Append(w.ctx, batch...) {
		if r.Err != nil || len(r.Flags) > 0 {
			t.Fatalf("entry %d: flags %v, %v", i, r.Flags, r.Err)
		}
		shuffled = shuffled || r.Index < last
		last = r.Index
		w.checkReceipt(batch[i], r)
	}
	if !shuffled {
		t.Error("200 entries kept the order of their arrival")
	}
	w.checkLog()
}

func TestKeysCountAtTheEntrysOwnPosition(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		fresh := signer(t, wire.ES256)
		old := w.source
		w.source = fresh
		e := w.access(person)
		// A key and the first entry it signs may come in one batch: the key's entry gets the lower
		// index.
		rs := w.log.Append(w.ctx, w.addKey("SRC", w.sourceAdmin, fresh, entry.PurposeSubmit), e)
		if rs[0].Err != nil || rs[1].Err != nil {
			t.Fatalf("a key and its first entry: %v, %v", rs[0].Err, rs[1].Err)
		}
		suspect := rs[1].Index
		revoke := w.sign(w.sourceAdmin, &entry.KeyRevocation{Common: entry.Common{Issuer: "SRC", Audience: origin},
			Org: "SRC", KID: fresh.KID, Reason: "compromised", SuspectFrom: &suspect})
		rs = w.log.Append(w.ctx, revoke, w.access(person))
		if rs[0].Err != nil || !errors.Is(rs[1].Err, wire.RevokedKey) {
			t.Errorf("a revocation and an entry of that key: %v, %v", rs[0].Err, rs[1].Err)
		}
		if r := w.must(e); !r.Replayed || !slices.Contains(r.Flags, entry.FlagSuspectKey) {
			t.Errorf("an entry from before the revocation: replayed %v, flags %v", r.Replayed, r.Flags)
		}
		if o, err := w.log.Opening(w.ctx, suspect); err != nil || !slices.Contains(o.Flags, entry.FlagSuspectKey) {
			t.Errorf("the opening does not say that the key is suspect: %v", err)
		}
		w.source = old
		w.must(w.access(person))
		w.checkLog()
	})
}

// forge returns e with the signature of another entry by the same key: well-formed, but over other
// bytes.
func (w *world) forge(e, other *entry.Entry) *entry.Entry {
	w.t.Helper()
	signed := func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }
	forged, err := entry.ParseParts(signed(e.Compact)+strings.TrimPrefix(other.Compact, signed(other.Compact)), e.Encoded())
	if err != nil {
		w.t.Fatal(err)
	}
	return forged
}

// A key may come in one call with the first entry it signs. The entry is judged by the register as
// the call itself makes it.
func TestForgedFirstEntryOfANewKey(t *testing.T) {
	for _, keyFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("key first: %v", keyFirst), func(t *testing.T) {
			w := newWorld(t, testdb.SQLite(t))
			fresh := signer(t, wire.EdDSA)
			key := w.addKey("SRC", w.sourceAdmin, fresh, entry.PurposeSubmit)
			w.source = fresh
			honest := w.access(person)
			forged := w.forge(w.access(person), honest)
			call, at := []*entry.Entry{key, forged, honest}, []int{0, 1, 2}
			if !keyFirst {
				call, at = []*entry.Entry{forged, honest, key}, []int{2, 0, 1}
			}
			r := w.log.Append(w.ctx, call...)
			if err := r[at[0]].Err; err != nil {
				t.Errorf("the key: %v", err)
			}
			if err := r[at[1]].Err; !errors.Is(err, wire.BadSignature) {
				t.Errorf("the forged entry: got %v, want %v", err, wire.BadSignature)
			}
			if err := r[at[2]].Err; err != nil {
				t.Errorf("the honest entry: %v", err)
			}
			if size, _ := w.log.Size(w.ctx); size != 6 { // genesis, SRC, its two keys, the new key, the honest entry
				t.Errorf("the log has %d entries, want 6", size)
			}
			w.checkLog()
		})
	}
	t.Run("public", func(t *testing.T) {
		w := newWorld(t, testdb.SQLite(t))
		admin := signer(t, wire.EdDSA)
		key := w.addKey("SRC", w.sourceAdmin, admin, entry.PurposeAdminister)
		honest := w.addKey("SRC", admin, signer(t, wire.EdDSA), entry.PurposeSubmit)
		forged := w.forge(w.addKey("SRC", admin, signer(t, wire.EdDSA), entry.PurposeSubmit), honest)
		r := w.log.Append(w.ctx, key, forged, honest)
		if r[0].Err != nil || !errors.Is(r[1].Err, wire.BadSignature) || r[2].Err != nil {
			t.Errorf("the key: %v, the forged entry: %v, the honest entry: %v", r[0].Err, r[1].Err, r[2].Err)
		}
		w.checkLog()
	})
}
