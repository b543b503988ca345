package verifier_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
)

func withChecksum(line []byte) []byte {
	sum := sha256.Sum256(line)
	return fmt.Appendf(nil, "%s\n%x\n", line, sum)
}

func key(t testing.TB, l *testlog.Log) note.Verifier {
	v, err := verifier.LogKey(l.Key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// only returns the policy that knows a log and asks for no cosigner.
func only(t testing.TB, l *testlog.Log) *verifier.Policy {
	p, err := verifier.PolicyForLog(l.Key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func registerAt(t *testing.T, l *testlog.Log, index uint64) *register.Register {
	r, failures := replay(t, l.Key, l.Leaves[:index])
	if len(failures) > 0 {
		t.Fatal(failures[0])
	}
	return r.Register()
}

func genesis(t testing.TB, l *testlog.Log) *entry.Genesis {
	g, err := verifier.CheckGenesis(l.Leaves[0], l.Key)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// first returns the check that failed first, or "".
func first(r verifier.Report) verifier.Check {
	if len(r.Failures) == 0 {
		return ""
	}
	return r.Failures[0].Check
}

func TestReceiptOfEveryLeaf(t *testing.T) {
	s := testlog.NewSample(origin)
	for i := range s.Size() {
		ev := verifier.ReceiptEvidence{
			Receipt: s.Receipt(i, s.Size()), Entry: s.Entries[i], Policy: only(t, s.Log), Genesis: genesis(t, s.Log),
			Register: registerAt(t, s.Log, i),
		}
		got, rep := verifier.CheckReceipt(ev)
		if rep.Err() != nil || got.Index != i || got.Checkpoint.Size != s.Size() {
			t.Errorf("leaf %d: %v", i, rep.Err())
		}
		for _, r := range rep.Results {
			if r.Status != verifier.OK && r.Check != verifier.CheckQuorum {
				t.Errorf("leaf %d: %s was %s", i, r.Check, r.Status)
			}
		}
	}
}

func TestReceiptOfDishonestOperator(t *testing.T) {
	s := testlog.NewSample(origin)
	stolen := s.AddSealed(s.Access("lothian", s.Source, s.IDs[0]), s.IDs[0])        // by the revoked key
	misfiled := s.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[1])      // under somebody else
	other := testlog.NewSample(origin)                                              // another log with another key
	sandbox := testlog.NewSample("sandbox.test")                                    //
	foreign := s.AddSealed(sandbox.Access("lothian", s.Second, s.IDs[0]), s.IDs[0]) // made for another log
	twin := s.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[0])          // same person, other content
	public := s.AddPublic(s.Organisation("fife", s.Registrar, s.Enroller))          //
	publicTwin := s.AddPublic(s.Organisation("forth", s.Registrar, nil))            //
	forged := s.AddSealed(resign(s.Access("lothian", s.Second, s.IDs[0]), s.Access("lothian", s.Second, s.IDs[0])), s.IDs[0])
	good := s.Accesses[5]
	for name, c := range map[string]struct {
		of     uint64
		entry  uint64
		change func(*bundle.Receipt)
		ev     func(*verifier.ReceiptEvidence)
		want   verifier.Check
	}{
		"good":                              {of: good, entry: good},
		"accepted from a revoked key":       {of: stolen, entry: stolen, want: verifier.CheckKeyStatus},
		"filed under somebody else":         {of: misfiled, entry: misfiled, want: verifier.CheckFiling},
		"made for another log":              {of: foreign, entry: foreign, want: verifier.CheckAudience},
		"made for another log, no register": {of: foreign, entry: foreign, ev: func(ev *verifier.ReceiptEvidence) { ev.Register = nil }, want: verifier.CheckAudience},
		"signature of another entry":        {of: forged, entry: forged, want: verifier.CheckSignature},
		"not countersigned":                 {of: publicTwin, entry: publicTwin, want: verifier.CheckRegister},
		"for another entry":                 {of: good, entry: twin, want: verifier.CheckBodyCommitment},
		"for a public entry":                {of: public, entry: good, want: verifier.CheckLeafForm},
		"for a sealed entry":                {of: good, entry: public, want: verifier.CheckLeafForm},
		"for another public entry":          {of: publicTwin, entry: public, want: verifier.CheckLeafContent},
		"leaf of no form":                   {of: good, entry: good, change: func(r *bundle.Receipt) { r.Leaf = []byte{9} }, want: verifier.CheckLeafForm},
		"no salt":                           {of: good, entry: good, change: func(r *bundle.Receipt) { r.TagSalt = nil }, want: verifier.CheckReceiptForm},
		"no VRF proof":                      {of: good, entry: good, change: func(r *bundle.Receipt) { r.VRFProof = nil }, want: verifier.CheckFiling},
		"another tag":                       {of: good, entry: good, change: func(r *bundle.Receipt) { r.Tag = &wire.Hash{} }, want: verifier.CheckTagCommitment},
		"another body salt":                 {of: good, entry: good, change: func(r *bundle.Receipt) { r.BodySalt = &wire.Hash{} }, want: verifier.CheckBodyCommitment},
		"a leaf of its own, not logged": {of: good, entry: good, change: func(r *bundle.Receipt) {
			r.TagSalt = &wire.Hash{1}
			leaf, _ := proof.ParseLeaf(r.Leaf)
			r.Leaf = proof.SealedLeaf(proof.TagCommit(*r.TagSalt, *r.Tag), leaf.BodyCommit)
		}, want: verifier.CheckInclusion},
		"proof of another leaf": {
			of: good, entry: good, change: func(r *bundle.Receipt) { r.Proof = s.Receipt(good-1, s.Size()).Proof },
			want: verifier.CheckInclusion,
		},
		"proof of another log": {
			of: good, entry: good, change: func(r *bundle.Receipt) { r.Proof = other.Receipt(3, other.Size()).Proof },
			want: verifier.CheckCheckpointSignature,
		},
		"no proof": {of: good, entry: good, change: func(r *bundle.Receipt) { r.Proof = "" }, want: verifier.CheckInclusion},
		"genesis of another log": {
			of: good, entry: good, ev: func(ev *verifier.ReceiptEvidence) { ev.Genesis = genesis(t, other.Log) },
			want: verifier.CheckFiling,
		},
		"checked with another key": {
			of: good, entry: good, ev: func(ev *verifier.ReceiptEvidence) { ev.Policy = only(t, other.Log) },
			want: verifier.CheckCheckpointSignature,
		},
		"entry without its sub": {of: good, entry: good, ev: func(ev *verifier.ReceiptEvidence) {
			ev.Entry, _ = entry.Parse(ev.Entry.Compact)
		}, want: verifier.CheckDisclosures},
	} {
		r := s.Receipt(c.of, s.Size())
		if c.change != nil {
			c.change(r)
		}
		reg, _ := replay(t, s.Key, s.Leaves[:c.of])
		ev := verifier.ReceiptEvidence{
			Receipt: r, Entry: s.Entries[c.entry], Policy: only(t, s.Log), Genesis: genesis(t, s.Log),
			Register: reg.Register(),
		}
		if c.ev != nil {
			c.ev(&ev)
		}
		_, rep := verifier.CheckReceipt(ev)
		if got := first(rep); got != c.want {
			t.Errorf("%s: failed at %q, want %q: %v", name, got, c.want, rep.Err())
		}
		// The short form is the same check without the register.
		ev.Register = nil
		proved, rep2 := verifier.CheckReceipt(ev)
		short, err := verifier.VerifyReceipt(r, ev.Entry, ev.Policy.Logs[0].Verifiers[0], ev.Genesis.VRFKey)
		switch want := first(rep2); {
		case want != "" && (!isFailure(err, want) || short != verifier.Receipted{}):
			t.Errorf("%s: VerifyReceipt: %v, want %s", name, err, want)
		case want == "" && (err != nil || short != proved || short.Index != c.of):
			t.Errorf("%s: VerifyReceipt: %v, %v", name, short, err)
		}
		for _, f := range rep.Failures {
			for _, id := range s.IDs {
				if _, number, _ := strings.Cut(id, ":"); strings.Contains(f.Error(), number) {
					t.Errorf("%s: the failure names a person", name)
				}
			}
		}
	}
}

// TestReceiptOfTwinSignature: the leaf commits to one spelling of an ES256 signature. A receipt for
// its high-S twin is refused, so a source keeps what it sent.
func TestReceiptOfTwinSignature(t *testing.T) {
	s := testlog.NewSample(origin)
	i := s.Accesses[5] // by the second key, which is ES256
	twin := parsed(highS(s.Entries[i].Compact), s.Entries[i].Encoded())
	if err := twin.JWS.Verify(s.Second.Public); err != nil || twin.Identity() != s.Entries[i].Identity() {
		t.Fatalf("the twin is the same entry by the standard: %v", err)
	}
	if _, err := verifier.VerifyReceipt(s.Receipt(i, s.Size()), twin, key(t, s.Log), s.VRF.Public()); !isFailure(err, verifier.CheckBodyCommitment) {
		t.Errorf("%v, want %s", err, verifier.CheckBodyCommitment)
	}
}

// TestReceiptWithoutFiling: no receipt for an access holds without the log's VRF key, and one for a
// public entry needs none.
func TestReceiptWithoutFiling(t *testing.T) {
	s := testlog.NewSample(origin)
	if _, err := verifier.VerifyReceipt(s.Receipt(s.Accesses[0], s.Size()), s.Entries[s.Accesses[0]], key(t, s.Log), wire.Hash{}); !isFailure(err, verifier.CheckFiling) {
		t.Errorf("an access: %v", err)
	}
	if _, err := verifier.VerifyReceipt(s.Receipt(1, s.Size()), s.Entries[1], key(t, s.Log), wire.Hash{}); err != nil {
		t.Errorf("an organisation: %v", err)
	}
}

// TestEveryByteOfAReceiptCounts changes each byte of each part of a receipt.
func TestEveryByteOfAReceiptCounts(t *testing.T) {
	s := testlog.NewSample(origin)
	i := s.Accesses[1]
	log, e, whole := key(t, s.Log), s.Entries[i], s.Receipt(i, s.Size())
	parts := [][]byte{whole.Leaf, whole.TagSalt[:], whole.Tag[:], whole.VRFProof, whole.BodySalt[:], []byte(whole.Proof)}
	check := func(parts [][]byte) error {
		salt, tag, body := wire.Hash(parts[1]), wire.Hash(parts[2]), wire.Hash(parts[4])
		r := bundle.Receipt{Leaf: parts[0], TagSalt: &salt, Tag: &tag, VRFProof: parts[3], BodySalt: &body, Proof: string(parts[5])}
		_, err := verifier.VerifyReceipt(&r, e, log, s.VRF.Public())
		return err
	}
	if err := check(parts); err != nil {
		t.Fatal(err)
	}
	for p, part := range parts {
		for at := range part {
			if p == 3 && at%5 != 0 { // VRF proofs cost: a fifth of the bytes
				continue
			}
			changed := slices.Clone(parts)
			changed[p] = bytes.Clone(part)
			changed[p][at] ^= 1
			if check(changed) == nil {
				t.Fatalf("byte %d of part %d can be changed", at, p)
			}
		}
	}
}

// resign returns e with the signature of another entry by the same key.
func resign(e, other *entry.Entry) *entry.Entry {
	forged, err := entry.ParseParts(e.Compact[:strings.LastIndex(e.Compact, ".")]+other.Compact[strings.LastIndex(other.Compact, "."):], e.Encoded())
	if err != nil {
		panic(err)
	}
	return forged
}

func TestOpeningOfDishonestOperator(t *testing.T) {
	s := testlog.NewSample(origin)
	stolen := s.AddSealed(s.Access("lothian", s.Source, s.IDs[0]), s.IDs[0])
	misfiled := s.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[1])
	foreign := s.AddSealed(testlog.New("sandbox.test").Access("lothian", s.Second, s.IDs[0]), s.IDs[0])
	forged := s.AddSealed(resign(s.Access("lothian", s.Second, s.IDs[0]), s.Access("lothian", s.Second, s.IDs[0])), s.IDs[0])
	hidden := s.AddSealed(s.Organisation("fife", s.Registrar, s.Enroller), s.IDs[0])
	good := s.Accesses[3] // about IDs[0]
	notOpened := []verifier.Check{verifier.CheckLeafForm, verifier.CheckTagCommitment, verifier.CheckBodyCommitment, verifier.CheckDisclosures}
	files := s.Files()
	head := proof.Checkpoint{Origin: origin, Size: s.Size(), Root: s.Root(s.Size())}
	for name, c := range map[string]struct {
		of     uint64
		id     string
		change func(*bundle.Opening)
		leaf   []byte
		want   verifier.Check
	}{
		"good":                      {of: good, id: s.IDs[0]},
		"good, no id":               {of: good},
		"somebody else's":           {of: good, id: s.IDs[1], want: verifier.CheckSubject},
		"by a revoked key":          {of: stolen, id: s.IDs[0], want: verifier.CheckKeyStatus},
		"filed under somebody else": {of: misfiled, want: verifier.CheckFiling},
		"shown to whom it is filed under, hiding whom it is about": {of: misfiled, id: s.IDs[0], change: func(o *bundle.Opening) { o.Disclosures = nil }, want: verifier.CheckSubject},
		"made for another log":        {of: foreign, want: verifier.CheckAudience},
		"signature of another entry":  {of: forged, id: s.IDs[0], want: verifier.CheckSignature},
		"public act in hiding":        {of: hidden, want: verifier.CheckLeafForm},
		"of a public leaf":            {of: good, change: func(o *bundle.Opening) { o.Index = 1 }, want: verifier.CheckLeafForm},
		"of the leaf before":          {of: good, change: func(o *bundle.Opening) { o.Index = s.Accesses[2] }, want: verifier.CheckTagCommitment},
		"another tag":                 {of: good, change: func(o *bundle.Opening) { o.Tag[0] ^= 1 }, want: verifier.CheckTagCommitment},
		"another body":                {of: good, change: func(o *bundle.Opening) { o.JWS, o.Disclosures = s.Openings[s.Accesses[4]].JWS, nil }, want: verifier.CheckBodyCommitment},
		"somebody else's disclosures": {of: good, change: func(o *bundle.Opening) { o.Disclosures = s.Openings[s.Accesses[4]].Disclosures }, want: verifier.CheckDisclosures},
		"a disclosure twice":          {of: good, change: func(o *bundle.Opening) { o.Disclosures = append(o.Disclosures, o.Disclosures[0]) }, want: verifier.CheckDisclosures},
		"no VRF proof":                {of: good, change: func(o *bundle.Opening) { o.VRFProof = nil }, want: verifier.CheckFiling},
		"leaf exchanged":              {of: good, leaf: sealed(7), want: verifier.CheckInclusion},
	} {
		o := *s.Openings[c.of]
		o.Disclosures = append([]string(nil), o.Disclosures...)
		if c.change != nil {
			c.change(&o)
		}
		path, err := verifier.InclusionPath(tilesOf(files), o.Index, head.Size)
		if err != nil {
			t.Fatal(err)
		}
		reg, _ := replay(t, s.Key, s.Leaves[:o.Index])
		ev := verifier.EntryEvidence{Opening: &o, Leaf: s.Leaves[o.Index], Path: path, Checkpoint: head, Log: key(t, s.Log), Genesis: genesis(t, s.Log), Register: reg.Register(),
			ID: c.id, LoggedHash: proof.LeafHash(s.Leaves[o.Index])}
		if c.leaf != nil {
			ev.Leaf = c.leaf
		}
		whole, rep := verifier.CheckEntry(ev)
		if got := first(rep); got != c.want {
			t.Errorf("%s: failed at %q, want %q: %v", name, got, c.want, rep.Err())
		}
		e, err := verifier.OpenLeaf(&o, ev.Leaf)
		switch opens := c.leaf == nil && !slices.Contains(notOpened, c.want); {
		case opens && (err != nil || e.Compact != whole.Compact):
			t.Errorf("%s: OpenLeaf: %v", name, err)
		case !opens && (err == nil || e != nil):
			t.Errorf("%s: OpenLeaf takes it", name)
		}
	}
}

// TestOpeningRemarks: flags and time of receipt are not proved but must be well-formed.
func TestOpeningRemarks(t *testing.T) {
	s := testlog.NewSample(origin)
	o := *s.Openings[s.Accesses[0]]
	o.Flags = []entry.Flag{entry.FlagLate}
	if _, err := verifier.ParseOpening(testlog.JSON(o)); err != nil {
		t.Error(err)
	}
	o.Flags = []entry.Flag{"of-a-newer-ledger"}
	if _, err := verifier.ParseOpening(testlog.JSON(o)); err != nil {
		t.Errorf("a flag that is not known: %v", err)
	}
	for _, f := range []entry.Flag{"", "\x1b[2J", entry.Flag(strings.Repeat("x", 65))} {
		o.Flags = []entry.Flag{f}
		if _, err := verifier.ParseOpening(testlog.JSON(o)); !isFailure(err, verifier.CheckOpeningForm) {
			t.Errorf("flag %q: %v", f, err)
		}
	}
	o.Flags = nil
	for _, at := range []string{"yesterday", "2026-11-22T09:00:01,5Z"} {
		o.Received = at
		if _, err := verifier.ParseOpening(testlog.JSON(o)); !isFailure(err, verifier.CheckOpeningForm) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// TestReceiptUnderPolicy: a policy that asks for witnesses is satisfied by nothing that the log
// alone signed, and the report says whether only they are missing.
func TestReceiptUnderPolicy(t *testing.T) {
	s := testlog.NewSample(origin)
	w, a, stranger := testlog.NewCosigner("w"), testlog.NewCosigner("a"), testlog.NewCosigner("stranger")
	policy, err := verifier.ParsePolicy(testlog.Policy(s.Key, 1, []*testlog.Cosigner{w}, []*testlog.Cosigner{a}))
	if err != nil {
		t.Fatal(err)
	}
	forged := testlog.NewSampleOn(s.Forge())
	forged.Cosign(forged.Size(), stranger)
	at := s.Accesses[3]
	of := func(by ...*testlog.Cosigner) *bundle.Receipt {
		l := s.Fork(s.Size())
		l.Cosign(s.Size(), by...)
		return l.Receipt(at, s.Size())
	}
	misfiled := s.Fork(s.Size())
	wrong := misfiled.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[1])
	head := proof.Checkpoint{Origin: origin, Size: s.Size(), Root: wire.Hash{7}}
	for name, c := range map[string]struct {
		receipt *bundle.Receipt
		entry   *entry.Entry
		want    verifier.Check
		only    bool // only the quorum is missing
	}{
		"witnessed":               {of(w, a), s.Entries[at], "", false},
		"signed by the log only":  {of(), s.Entries[at], verifier.CheckWitnesses, true},
		"by the auditor only":     {of(a), s.Entries[at], verifier.CheckWitnesses, true},
		"by the witness only":     {of(w), s.Entries[at], verifier.CheckAuditors, true},
		"by a stranger":           {of(stranger), s.Entries[at], verifier.CheckWitnesses, true},
		"of a forged log":         {forged.Receipt(at, forged.Size()), forged.Entries[at], verifier.CheckWitnesses, false},
		"misfiled, and by nobody": {misfiled.Receipt(wrong, misfiled.Size()), misfiled.Entries[wrong], verifier.CheckWitnesses, false},
		"another state's line":    {s.Receipt(at, s.Size()), s.Entries[at], verifier.CheckCosignature, false},
	} {
		r := *c.receipt
		if c.want == verifier.CheckCosignature {
			r.Proof += w.Line(head, testlog.Now)
		}
		got, rep := verifier.CheckReceipt(verifier.ReceiptEvidence{Receipt: &r, Entry: c.entry, Policy: policy, Genesis: genesis(t, s.Log)})
		if first(rep) != c.want || got.Quorum != (c.want == "") || rep.OnlyQuorum() != c.only {
			t.Errorf("%s: failed at %q, want %q; quorum %v, only the quorum %v", name, first(rep), c.want, got.Quorum, rep.OnlyQuorum())
		}
	}
}
