package verifier_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

const origin = "ledger.test/2026"

// replay takes all leaves and returns the failures.
func replay(t *testing.T, key string, leaves [][]byte) (*verifier.LogReplay, []*verifier.Failure) {
	t.Helper()
	r, err := verifier.NewLogReplay(key)
	if err != nil {
		t.Fatal(err)
	}
	var list []*verifier.Failure
	for _, leaf := range leaves {
		var f *verifier.Failure
		if err := r.Add(leaf); errors.As(err, &f) {
			list = append(list, f)
		} else if err != nil {
			t.Fatalf("an error that is no failure: %v", err)
		}
	}
	return r, list
}

func TestReplayOfHonestLog(t *testing.T) {
	s := testlog.NewSample(origin)
	r, failures := replay(t, s.Key, s.Leaves)
	if len(failures) > 0 {
		t.Fatal(failures[0])
	}
	if r.Public() != 5 || r.Size() != s.Size() || r.Root() != s.Root(s.Size()) {
		t.Errorf("%d public of %d", r.Public(), r.Size())
	}
	if k := r.Register().Key(s.Source.KID); k == nil || !k.Revoked || k.RevokedAt != s.Revoked {
		t.Errorf("the register does not know the revocation")
	}
}

// TestReplayFindsWhatAnOperatorMightDo adds one leaf to an honest log that an honest ledger would
// have refused; the log is otherwise sound: root, tiles, signature.
func TestReplayFindsWhatAnOperatorMightDo(t *testing.T) {
	person := "chi:0101011237"
	for name, c := range map[string]struct {
		leaf  func(*testlog.Sample) []byte
		check verifier.Check
		code  wire.Code
	}{
		"unknown leaf form":     {func(*testlog.Sample) []byte { return []byte{3, 1, 2} }, verifier.CheckLeafForm, wire.BadLeaf},
		"empty leaf":            {func(*testlog.Sample) []byte { return nil }, verifier.CheckLeafForm, wire.BadLeaf},
		"sealed leaf too long":  {func(*testlog.Sample) []byte { return append(sealed(1), 0) }, verifier.CheckLeafForm, wire.BadLength},
		"sealed leaf too short": {func(*testlog.Sample) []byte { return sealed(1)[:64] }, verifier.CheckLeafForm, wire.BadLength},
		"public leaf, no entry": {func(*testlog.Sample) []byte { return proof.PublicLeaf("a.b.c") }, verifier.CheckEntryForm, ""},
		"access in a public leaf": {func(s *testlog.Sample) []byte {
			return proof.PublicLeaf(s.Access("lothian", s.Second, person).Compact)
		}, verifier.CheckLeafForm, wire.BadLeaf},
		"second genesis": {func(s *testlog.Sample) []byte { return proof.PublicLeaf(s.Genesis(s.Key).Compact) }, verifier.CheckGenesisLeaf, wire.BadGenesis},
		"replayed entry": {func(s *testlog.Sample) []byte { return s.Leaves[1] }, verifier.CheckDuplicate, ""},
		"organisation without countersignature": {func(s *testlog.Sample) []byte {
			return proof.PublicLeaf(s.Organisation("fife", s.Registrar, nil).Compact)
		}, verifier.CheckRegister, wire.NotCountersigned},
		"organisation countersigned by the registrar itself": {func(s *testlog.Sample) []byte {
			return proof.PublicLeaf(s.Organisation("fife", s.Registrar, s.Registrar).Compact)
		}, verifier.CheckRegister, wire.NotCountersigned},
		"organisation by a source's key": {func(s *testlog.Sample) []byte {
			return proof.PublicLeaf(s.Organisation("fife", s.Second, s.Enroller).Compact)
		}, verifier.CheckAuthority, wire.WrongIssuer},
		"organisation by nobody": {func(s *testlog.Sample) []byte {
			return proof.PublicLeaf(s.Organisation("fife", testlog.Signer(wire.EdDSA), s.Enroller).Compact)
		}, verifier.CheckKeyStatus, wire.UnknownKey},
		"key for nobody": {func(s *testlog.Sample) []byte {
			return proof.PublicLeaf(s.AddKey("fife", testlog.Signer(wire.EdDSA), entry.PurposeSubmit).Compact)
		}, verifier.CheckAuthority, wire.UnknownOrg},
		"key that was revoked, again": {func(s *testlog.Sample) []byte {
			return proof.PublicLeaf(s.AddKey("lothian", s.Source, entry.PurposeSubmit).Compact)
		}, verifier.CheckRegister, wire.RegisterConflict},
		"revocation by a revoked key": {func(s *testlog.Sample) []byte {
			e, err := entry.Sign(s.Source, &entry.KeyRevocation{Common: entry.Common{Issuer: "lothian", Audience: origin}, Org: "lothian", KID: s.Second.KID, Reason: "other"})
			if err != nil {
				panic(err)
			}
			return proof.PublicLeaf(e.Compact)
		}, verifier.CheckKeyStatus, wire.RevokedKey},
		"entry for another log": {func(s *testlog.Sample) []byte {
			other := *s.Log
			other.Origin = "sandbox.test"
			return proof.PublicLeaf(other.Organisation("fife", s.Registrar, s.Enroller).Compact)
		}, verifier.CheckAudience, wire.WrongAudience},
		"signature of another entry": {func(s *testlog.Sample) []byte {
			a, b := s.Organisation("fife", s.Registrar, s.Enroller).Compact, s.Organisation("forth", s.Registrar, s.Enroller).Compact
			return proof.PublicLeaf(a[:strings.LastIndex(a, ".")] + b[strings.LastIndex(b, "."):])
		}, verifier.CheckSignature, wire.BadSignature},
	} {
		s := testlog.NewSample(origin)
		at := s.AddRaw(c.leaf(s))
		s.AddRandom(1)
		_, failures := replay(t, s.Key, s.Leaves)
		if len(failures) != 1 || failures[0].Check != c.check || *failures[0].Index != at || c.code != "" && !errors.Is(failures[0], c.code) {
			t.Errorf("%s: %v, want one failure of %s at %d (%s)", name, failures, c.check, at, c.code)
			continue
		}
		if f := failures[0]; f.Expected == "" || f.Found == "" || f.Meaning == "" {
			t.Errorf("%s: the failure does not say what was expected, found and meant: %v", name, f)
		}
	}
}

func TestReplayWantsTheGenesisOfItsKey(t *testing.T) {
	s := testlog.NewSample(origin)
	other := testlog.New(origin)
	for name, leaves := range map[string][][]byte{
		"another genesis":  other.Leaves,
		"no genesis":       s.Leaves[1:],
		"a sealed leaf":    s.Leaves[s.Accesses[0]:],
		"genesis tampered": {bytes.Replace(s.Leaves[0], []byte("."), []byte(".A"), 1)},
	} {
		_, failures := replay(t, s.Key, leaves)
		if len(failures) == 0 || *failures[0].Index != 0 {
			t.Errorf("%s: %v", name, failures)
		}
	}
	if _, err := verifier.CheckGenesis(other.Leaves[0], s.Key); !isFailure(err, verifier.CheckGenesisLeaf) {
		t.Errorf("genesis of another key: %v", err)
	}
	if g, err := verifier.CheckGenesis(s.Leaves[0], s.Key); err != nil || g.VRFKey != s.VRF.Public() {
		t.Errorf("genesis: %v", err)
	}
}

// TestFinishTellsWhoLies has the log serve other leaves, or other hash tiles, than those it signed.
func TestFinishTellsWhoLies(t *testing.T) {
	build := func() (*testlog.Sample, [][]byte, map[string][]byte) {
		s := testlog.NewSample(origin)
		s.AddRandom(600)
		return s, append([][]byte(nil), s.Leaves...), s.Files()
	}
	for name, c := range map[string]struct {
		change func(s *testlog.Sample, leaves [][]byte, files map[string][]byte) [][]byte
		want   []string // of the failures of Finish, in order: "check index meaning"
	}{
		"one leaf exchanged": {func(_ *testlog.Sample, l [][]byte, _ map[string][]byte) [][]byte {
			l[300] = sealed(1)
			return l
		}, []string{"inclusion 300 the operator exchanged the content of entry 300 after it was logged", "root - what the log shows is not what it signed"}},
		"two leaves swapped": {func(_ *testlog.Sample, l [][]byte, _ map[string][]byte) [][]byte {
			l[20], l[21] = l[21], l[20]
			return l
		}, []string{"inclusion 20 the operator exchanged", "inclusion 21 the operator exchanged", "root - "}},
		"leaf exchanged on the right edge": {func(s *testlog.Sample, l [][]byte, _ map[string][]byte) [][]byte {
			l[len(l)-1] = sealed(1)
			return l
		}, []string{"inclusion 610 the operator exchanged", "root - "}},
		"leaf and its hash exchanged": {func(_ *testlog.Sample, l [][]byte, files map[string][]byte) [][]byte {
			l[300] = sealed(1)
			h := proof.LeafHash(l[300])
			copy(files["tile/0/001"][32*(300-256):], h[:])
			return l
		}, []string{"hash-tile 256 the entries and the hash tiles of the log contradict", "root - "}},
		"hash tile false": {func(_ *testlog.Sample, l [][]byte, files map[string][]byte) [][]byte {
			files["tile/0/001"][0] ^= 1
			return l
		}, []string{"hash-tile 256 the entries are those of the signed checkpoint, but"}},
		"higher hash tile false": {func(_ *testlog.Sample, l [][]byte, files map[string][]byte) [][]byte {
			files["tile/1/000.p/2"][32] ^= 1
			return l
		}, []string{"hash-tile 256 the entries are those of the signed checkpoint, but"}},
		"a leaf left out": {func(_ *testlog.Sample, l [][]byte, _ map[string][]byte) [][]byte {
			return append(l[:600], l[601:]...)
		}, []string{"root - not all leaves"}},
	} {
		s, leaves, files := build()
		leaves = c.change(s, leaves, files)
		head := proof.Checkpoint{Origin: origin, Size: s.Size(), Root: s.Root(s.Size())}
		r, err := verifier.NewLogReplay(s.Key)
		if err != nil {
			t.Fatal(err)
		}
		compare := func(tile verifier.Tile) {
			if served := files[tile.Path()]; served != nil {
				if err := r.Compare(tile, served); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		r.OnTile = compare
		for _, leaf := range leaves {
			if err := r.Add(leaf); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, p := range r.Partials() {
			compare(p)
		}
		failures := r.Finish(head, tilesOf(files))
		var got []string
		for _, f := range failures {
			at := "-"
			if f.Index != nil {
				at = fmt.Sprint(*f.Index)
			}
			got = append(got, fmt.Sprintf("%s %s %s", f.Check, at, f.Meaning))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d failures, want %d: %q", name, len(got), len(c.want), got)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], c.want[i]) {
				t.Errorf("%s: failure %d is %q, want %q", name, i, got[i], c.want[i])
			}
		}
	}
}

func TestReplayGoesOnFromState(t *testing.T) {
	s := testlog.NewSample(origin)
	s.AddRandom(600)
	note := s.Checkpoint(s.Size())
	for _, at := range []int{0, 1, 5, 7, 11, 255, 256, 257, 512, 611} {
		first, _ := replay(t, s.Key, s.Leaves[:at])
		state, err := first.MarshalState(note)
		if err != nil {
			t.Fatal(err)
		}
		second, saved, err := verifier.ParseState(state, s.Key)
		if err != nil || !bytes.Equal(saved, note) {
			t.Fatalf("at %d: %v", at, err)
		}
		if second.Size() != uint64(at) || second.Root() != s.Root(uint64(at)) {
			t.Fatalf("at %d: size %d or root differ", at, second.Size())
		}
		for _, leaf := range s.Leaves[at:] {
			if err := second.Add(leaf); err != nil {
				t.Fatalf("from %d: %v", at, err)
			}
		}
		if second.Root() != s.Root(s.Size()) || second.Public() != 5 {
			t.Errorf("from %d: another end", at)
		}
		if err := second.Add(s.Leaves[1]); !isFailure(err, verifier.CheckDuplicate) && at > 0 {
			t.Errorf("from %d: a duplicate of what was before is not seen: %v", at, err)
		}
		if _, _, err := verifier.ParseState(state, testlog.New(origin).Key); !errors.Is(err, verifier.ErrState) {
			t.Errorf("state of another log: %v", err)
		}
	}
}

// TestStateThatContradictsItself has a good checksum and content that no replay could have written.
func TestStateThatContradictsItself(t *testing.T) {
	s := testlog.NewSample(origin)
	r, _ := replay(t, s.Key, s.Leaves[:5])
	state, err := r.MarshalState(s.Checkpoint(5))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(state, []byte("\n"))
	if _, _, err := verifier.ParseState(withChecksum(line), s.Key); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	for name, c := range map[string][2]string{
		"a public entry beyond its end": {`{"index":2,`, `{"index":9,`},
		"public entries out of order":   {`{"index":2,`, `{"index":1,`},
		"a smaller size":                {`"size":5`, `"size":4`},
		"a larger size":                 {`"size":5`, `"size":261`},
		"an enormous size":              {`"size":5`, `"size":18446744073709551615`},
		"another version":               {`state/1`, `state/2`},
		"no genesis":                    {`{"index":0,`, `{"index":3,`},
	} {
		changed := bytes.Replace(line, []byte(c[0]), []byte(c[1]), 1)
		if bytes.Equal(changed, line) {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, _, err := verifier.ParseState(withChecksum(changed), s.Key); !errors.Is(err, verifier.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReplayThatSawFalseTileIsNotKept(t *testing.T) {
	s := testlog.NewSample(origin)
	r, _ := replay(t, s.Key, s.Leaves)
	own := r.Partials()[0]
	served := bytes.Clone(s.Files()[own.Path()])
	served[0] ^= 1
	if err := r.Compare(own, served); err != nil || r.Agrees() {
		t.Fatalf("agrees with a false tile, %v", err)
	}
	if _, err := r.MarshalState(s.Checkpoint(s.Size())); !errors.Is(err, verifier.ErrState) {
		t.Errorf("kept: %v", err)
	}
	if err := r.Compare(own, served[:31]); !isFailure(err, verifier.CheckHashTile) {
		t.Errorf("short tile: %v", err)
	}
}

func FuzzParseState(f *testing.F) {
	s := testlog.NewSample(origin)
	r, err := verifier.NewLogReplay(s.Key)
	if err != nil {
		f.Fatal(err)
	}
	for _, leaf := range s.Leaves {
		r.Add(leaf)
	}
	state, err := r.MarshalState(s.Checkpoint(s.Size()))
	if err != nil {
		f.Fatal(err)
	}
	line, _, _ := bytes.Cut(state, []byte("\n"))
	f.Add(line)
	f.Add([]byte(`{"format":"igverify-log-state/1","logKey":"` + s.Key + `","size":1,"edge":["AAAA"],"public":[]}`))
	f.Add([]byte(`{"format":"igverify-log-state/1","logKey":"` + s.Key + `","size":4611686018427387904,"edge":[],"public":[{"index":3,"jws":""}]}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, data := range [][]byte{line, withChecksum(line)} {
			r, note, err := verifier.ParseState(data, s.Key)
			if err != nil {
				if !errors.Is(err, verifier.ErrState) {
					t.Fatalf("error %v is not ErrState", err)
				}
				continue
			}
			r.Root()
			again, err := r.MarshalState(note)
			if err != nil {
				t.Fatal(err)
			}
			if back, _, err := verifier.ParseState(again, s.Key); err != nil || back.Root() != r.Root() || back.Size() != r.Size() {
				t.Fatalf("does not come back: %v", err)
			}
		}
	})
}

// An act on an agreement that is logged a second time would undo what came between: it is found
// like a key's entry logged twice.
func TestActLoggedTwice(t *testing.T) {
	s := testlog.NewSample("ledger.test/2026")
	key, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	s.AddPublic(s.AddKey("lothian", key, entry.PurposeAgreements))
	e, err := entry.Sign(key, &entry.AgreementAct{Common: entry.Common{Issuer: "lothian", Audience: "ledger.test/2026"}, Agreement: "isa-1", Version: 1, Act: "resume", Reason: "mended"})
	if err != nil {
		t.Fatal(err)
	}
	s.AddPublic(e)
	s.AddPublic(e)
	l, err := verifier.NewLogReplay(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	for i, leaf := range s.Leaves {
		err := l.Add(leaf)
		var f *verifier.Failure
		switch last := i == len(s.Leaves)-1; {
		case !last && err != nil:
			t.Fatalf("entry %d: %v", i, err)
		case last && (!errors.As(err, &f) || f.Check != verifier.CheckDuplicate):
			t.Errorf("the second: %v", err)
		}
	}
}
