package verifier_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// tampering is one row of the catalogue in docs/THREATS.md, section "Tampering with a statement":
// what an attacker does, and the first check that catches it.
type tampering struct {
	name  string
	make  func(t testing.TB) ([]byte, string) // the statement, and the id asked for
	check verifier.Check
	whole bool // what is shown is authentic all the same
}

// caught does what the row says to a history other than the subject's. Each history has a tag;
// history is the check of this one.
func (c tampering) caught(t *testing.T, check func(data []byte, id string) *verifier.StatementReport, history verifier.Check) {
	r := check(c.make(t))
	if r.Complete {
		t.Error("complete")
	}
	if c.check == verifier.CheckTag {
		if !isFailure(r.Err(), verifier.CheckTag) && !isFailure(r.Err(), history) {
			t.Errorf("found %v", r.Err())
		}
		return
	}
	if !isFailure(r.Err(), c.check) {
		t.Errorf("found %v\nwant %s", r.Err(), c.check)
	}
	if r.Authentic != c.whole {
		t.Errorf("authentic %v", r.Authentic)
	}
}

// TestTamperedStatements is the catalogue. testdata/tampering.golden has the words of each failure.
func TestTamperedStatements(t *testing.T) {
	w := newWorld(t)
	var words strings.Builder
	made := 0
	list := slices.Concat(tamperings(w), anchorTamperings(w), linkTamperings(w))
	if len(list) < 25 {
		t.Errorf("%d tamperings", len(list))
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			data, id := c.make(t)
			r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: id, Now: now})
			if r.Complete || r.Authentic != c.whole {
				t.Errorf("complete %v, authentic %v", r.Complete, r.Authentic)
			}
			if !isFailure(r.Err(), c.check) {
				t.Fatalf("found %v\nwant %s", r.Err(), c.check)
			}
			if o, reason := r.Outcome(); o != verifier.Untrue || !strings.HasPrefix(reason, string(c.check)+": ") {
				t.Errorf("%s: %q", o, reason)
			}
			if !strings.HasPrefix(r.Lines.Complete, "NO") {
				t.Errorf("complete: %q", r.Lines.Complete)
			}
			f := r.Failures[0]
			made++
			fmt.Fprintf(&words, "%s\n  %s\n  expected %s\n  %s\n", c.name, f.Check, f.Expected, f.Meaning)
		})
	}
	if made == len(list) {
		verifier.Golden(t, "tampering", words.String())
	}
}

// TestTamperedReadsOfEverybody does to the reads of everyone's data, in a person's statement, what
// the catalogue does to the subject's history, and expects the same check to fail.
func TestTamperedReadsOfEverybody(t *testing.T) {
	w := newWorldOf(t, testlog.NewSampleAbout(testlog.New(origin), entry.RegEveryone, "nhs:9434765919", "temp:lothian:A-17"))
	check := func(data []byte, id string) *verifier.StatementReport {
		return verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: id, Now: now})
	}
	l := w.log()
	c := w.indexed(l)
	if r := check(w.finished(t, w.statement(l, c)), w.asked()); r.Err() != nil || !r.Complete || len(r.Everyone) != 2 || len(r.Entries) != 2 {
		t.Fatalf("an honest one: %v", r.Err())
	}
	for _, c := range append(tamperings(w), anchorTamperings(w)...) {
		if c.check == verifier.CheckEveryone { // is about them already
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.caught(t, check, verifier.CheckEveryone) })
	}
}

func tamperings(w *world) []tampering {
	first, last := w.Accesses[0], w.Accesses[3]
	// file alters a statement as anyone can who has only the file.
	file := func(change func(l *testlog.Log, s *bundle.Statement)) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			l := w.log()
			s := w.statement(l, w.indexed(l))
			change(l, s)
			return w.finished(t, s), w.asked()
		}
	}
	// operator alters it as the operator that makes it can: the nodes fit again.
	operator := func(change func(l *testlog.Log, s *bundle.Statement)) func(testing.TB) ([]byte, string) {
		return file(func(l *testlog.Log, s *bundle.Statement) {
			change(l, s)
			l.Prove(s)
		})
	}
	// logged makes the operator log something first.
	logged := func(add func(l *testlog.Log)) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			l := w.log()
			add(l)
			return w.finished(t, w.statement(l, w.indexed(l))), w.asked()
		}
	}
	// claimed makes the statement for another claim.
	claimed := func(claim func(l *testlog.Log) testlog.Claim) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			l := w.log()
			return w.finished(t, w.statement(l, claim(l))), w.asked()
		}
	}
	drop := func(s *bundle.Statement, n int) {
		s.Entries = append(s.Entries[:n:n], s.Entries[n+1:]...)
		s.Subject.Count = uint64(len(s.Entries))
	}
	third := func(l *testlog.Log) uint64 { return l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me()) }
	dropped := func(n int) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			l := w.log()
			third(l)
			s := w.statement(l, w.indexed(l))
			drop(s, n)
			l.Prove(s)
			return w.finished(t, s), w.asked()
		}
	}
	chain := func(s *bundle.Statement, name string) *bundle.Chain {
		for i := range s.Chains {
			if s.Chains[i].Name == name {
				return &s.Chains[i]
			}
		}
		panic("no chain " + name)
	}
	otherVRF := wire.NewVRFKey()

	return []tampering{
		// The list.
		{"an access is dropped", dropped(1), verifier.CheckHistory, true},
		{"the first access is dropped", dropped(0), verifier.CheckHistory, true},
		{"the last access is dropped", dropped(2), verifier.CheckHistory, true},
		{"all accesses are dropped", operator(func(l *testlog.Log, s *bundle.Statement) { drop(s, 0); drop(s, 0) }), verifier.CheckHistory, true},
		{"all accesses are dropped, with the absence proof of another", operator(func(l *testlog.Log, s *bundle.Statement) {
			drop(s, 0)
			drop(s, 0)
			tag, _ := l.VRF.Tag(origin, "chi:0202021238")
			s.Subject.Proof = l.IndexAt(w.Size()).Prove(proof.TagKey(tag))
		}), verifier.CheckHistory, true},
		{"an access is dropped from the file alone", file(func(l *testlog.Log, s *bundle.Statement) { drop(s, 1) }), verifier.CheckInclusion, false},
		{"an access is dropped and the count left", file(func(l *testlog.Log, s *bundle.Statement) { s.Entries = s.Entries[:1] }), verifier.CheckStatementForm, false},
		{"two accesses are swapped", file(func(l *testlog.Log, s *bundle.Statement) { s.Entries[0], s.Entries[1] = s.Entries[1], s.Entries[0] }), verifier.CheckStatementForm, false},
		{"two accesses change places", operator(func(l *testlog.Log, s *bundle.Statement) {
			a, b := &s.Entries[0], &s.Entries[1]
			*a, *b = *b, *a
			a.Index, b.Index = b.Index, a.Index
		}), verifier.CheckInclusion, false},
		{"an access is shown twice", operator(func(l *testlog.Log, s *bundle.Statement) {
			again := s.Entries[1]
			again.Index++
			s.Entries = append(s.Entries, again)
			s.Subject.Count++
		}), verifier.CheckInclusion, false},
		{"an access is shown twice at one place", file(func(l *testlog.Log, s *bundle.Statement) {
			s.Entries = append(s.Entries, s.Entries[1])
			s.Subject.Count++
		}), verifier.CheckStatementForm, false},
		{"a covered access is hidden", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Entries[0] = bundle.HiddenEntry(first, s.Entries[0].Hash(s.Subject.Tag))
		}), verifier.CheckStatementForm, false},
		{"an access of the period is hidden", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Period = &bundle.Period{From: first, To: last + 1}
			s.Entries[1] = bundle.HiddenEntry(last, s.Entries[1].Hash(s.Subject.Tag))
		}), verifier.CheckStatementForm, false},
		{"a hidden access is invented", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Period = &bundle.Period{From: first, To: last + 1}
			s.Entries = append(bundle.Entries{bundle.HiddenEntry(first-1, proof.LeafHash(l.Leaves[first-1]))}, s.Entries...)
			s.Subject.Count++
		}), verifier.CheckScope, true},
		{"a covered access is passed off as newer", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Newer = append(s.Newer, s.Entries[1])
			drop(s, 1)
		}), verifier.CheckCovered, true},
		{"the last access that the index covers is passed off as newer", func(t testing.TB) ([]byte, string) {
			l := w.log()
			third(l)
			s := w.statement(l, w.indexed(l))
			s.Newer = append(s.Newer, s.Entries[2])
			drop(s, 2)
			l.Prove(s)
			return w.finished(t, s), w.asked()
		}, verifier.CheckCovered, true},
		{"a newer access is passed off as covered", func(t testing.TB) ([]byte, string) {
			l := w.log()
			c := w.indexedWhile(l, func() { third(l) }) // the first that the index lacks
			s := w.statement(l, c)
			s.Entries, s.Newer = append(s.Entries, s.Newer...), bundle.Entries{}
			s.Subject.Count++
			l.Prove(s)
			return w.finished(t, s), w.asked()
		}, verifier.CheckCovered, true},

		// Reads of everyone's data. TestTamperedReadsOfEverybody does to their list what the other
		// rows do to the subject's.
		{"the reads of everyone's data are left out", claimed(func(l *testlog.Log) testlog.Claim {
			c := w.indexed(l)
			c.Alone = true
			return c
		}), verifier.CheckEveryone, true},
		{"a person's empty list for the reads of everyone's data", claimed(func(l *testlog.Log) testlog.Claim {
			l.AddSealed(w.Access("lothian", w.Second, entry.RegEveryone), entry.RegEveryone)
			c := w.indexed(l)
			c.Besides = "chi:0202021238"
			return c
		}), verifier.CheckEveryone, true},

		// What an entry says.
		{"a reason is altered", file(func(l *testlog.Log, s *bundle.Statement) {
			s.Entries[0].Disclosures = altered(s.Entries[0].Disclosures, "text")
		}), verifier.CheckDisclosures, false},
		{"a disclosure is shown twice", file(func(l *testlog.Log, s *bundle.Statement) {
			s.Entries[0].Disclosures = append(s.Entries[0].Disclosures, s.Entries[0].Disclosures[1])
		}), verifier.CheckDisclosures, false},
		{"another entry's disclosure is shown", file(func(l *testlog.Log, s *bundle.Statement) { s.Entries[0].Disclosures[1] = s.Entries[1].Disclosures[1] }), verifier.CheckDisclosures, false},
		{"whom it is about is not shown", file(func(l *testlog.Log, s *bundle.Statement) { s.Entries[0].Disclosures = s.Entries[0].Disclosures[1:] }), verifier.CheckSubject, false},
		{"a time is altered", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Entries[0].JWS = alterPayload(s.Entries[0].JWS, "08:59:30Z", "20:59:30Z")
		}), verifier.CheckInclusion, false},
		{"a time is altered before it is logged", logged(func(l *testlog.Log) {
			e := w.Access("lothian", w.Second, w.me())
			l.AddSealed(parsed(alterPayload(e.Compact, "08:59:30Z", "20:59:30Z"), e.Encoded()), w.me())
		}), verifier.CheckSignature, false},
		{"another person's entry is filed here", logged(func(l *testlog.Log) { l.AddSealed(w.Access("lothian", w.Second, w.IDs[1]), w.me()) }), verifier.CheckSubject, false},
		{"a public act is hidden here", logged(func(l *testlog.Log) { l.AddSealed(w.Revocation("lothian", w.Second.KID), w.me()) }), verifier.CheckLeafForm, false},
		{"an entry of another log", logged(func(l *testlog.Log) {
			sandbox := testlog.New("sandbox.test/1")
			l.AddSealed(sandbox.Access("lothian", w.Second, w.me()), w.me())
		}), verifier.CheckAudience, false},
		{"an act is logged twice", logged(func(l *testlog.Log) { l.AddSealed(w.Entries[last], w.me()) }), verifier.CheckDuplicate, false},
		{"a high-S twin is shown", operator(func(l *testlog.Log, s *bundle.Statement) { s.Entries[1].JWS = highS(s.Entries[1].JWS) }), verifier.CheckInclusion, false},
		{"a high-S twin is logged as a second access", logged(func(l *testlog.Log) {
			l.AddSealed(parsed(highS(w.Entries[last].Compact), w.Entries[last].Encoded()), w.me())
		}), verifier.CheckDuplicate, false},
		{"a signature is spelt anew", operator(func(l *testlog.Log, s *bundle.Statement) { s.Entries[1].JWS += "=" }), verifier.CheckInclusion, false},

		// Who signed.
		{"a revoked key signs", logged(func(l *testlog.Log) { l.AddSealed(w.Access("lothian", w.Source, w.me()), w.me()) }), verifier.CheckKeyStatus, false},
		{"a revocation is left out", operator(func(l *testlog.Log, s *bundle.Statement) {
			c := chain(s, "key:"+w.Source.KID)
			c.Leaves = c.Leaves[:1]
		}), verifier.CheckKeyHistory, false},
		{"a key's history is left out", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Chains = without(s.Chains, "key:"+w.Source.KID)
		}), verifier.CheckKeyStatus, false},
		{"the history of a key of the genesis is left out", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Chains = without(s.Chains, "key:"+w.Registrar.KID)
		}), verifier.CheckKeyHistory, false},
		{"the history of an organisation is left out", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Chains = without(s.Chains, "org:registrar")
		}), verifier.CheckKeyHistory, false},
		{"the history of a countersigner's key is left out", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Chains = without(s.Chains, "key:"+w.Enroller.KID)
		}), verifier.CheckKeyHistory, false},
		{"a key that nobody registered signs", func(t testing.TB) ([]byte, string) {
			l := w.log()
			l.AddSealed(w.Access("lothian", testlog.Signer(wire.EdDSA), w.me()), w.me())
			c := w.indexed(l)
			return w.finished(t, w.statement(l, c)), w.asked()
		}, verifier.CheckKeyStatus, false},
		{"one organisation signs in the name of another", logged(func(l *testlog.Log) {
			l.AddPublic(l.Organisation("fife", w.Registrar, w.Enroller))
			l.AddSealed(w.Access("fife", w.Second, w.me()), w.me())
		}), verifier.CheckAuthority, false},
		{"an organisation nobody countersigned", logged(func(l *testlog.Log) {
			key := testlog.Signer(wire.EdDSA)
			l.AddPublic(l.Organisation("invented", w.Registrar, nil))
			l.AddPublic(l.AddKey("invented", key, entry.PurposeSubmit))
			l.AddSealed(w.Access("invented", key, w.me()), w.me())
		}), verifier.CheckRegister, false},

		// The person.
		{"another person's statement", func(t testing.TB) ([]byte, string) {
			l := w.log()
			return w.finished(t, w.statement(l, w.indexed(l))), w.IDs[1]
		}, verifier.CheckTag, false},
		{"the statement of somebody without accesses", func(t testing.TB) ([]byte, string) {
			l := w.log()
			c := w.indexed(l)
			c.ID = "chi:0202021238"
			return w.finished(t, w.statement(l, c)), w.asked()
		}, verifier.CheckTag, false},
		{"no id is asked for", func(t testing.TB) ([]byte, string) {
			l := w.log()
			return w.finished(t, w.statement(l, w.indexed(l))), ""
		}, verifier.CheckID, false},
		{"a wrong VRF proof", file(func(l *testlog.Log, s *bundle.Statement) {
			s.Subject.VRFProof = bytes.Clone(s.Subject.VRFProof)
			s.Subject.VRFProof[40] ^= 1
		}), verifier.CheckTag, false},
		{"a second VRF key", claimed(func(l *testlog.Log) testlog.Claim {
			c := w.indexed(l)
			c.VRF = otherVRF
			return c
		}), verifier.CheckTag, false},
		{"a second VRF key with a genesis of its own", file(func(l *testlog.Log, s *bundle.Statement) {
			f := *l
			f.VRF = otherVRF
			s.Genesis.Leaf = proof.PublicLeaf(f.Genesis(l.Key).Compact)
		}), verifier.CheckInclusion, false},

		// The index.
		{"an index root that was never logged", operator(func(l *testlog.Log, s *bundle.Statement) {
			f := l.Fork(w.Size())
			f.AddIndexRootOf(w.Size(), wire.Hash{1}, w.Operator)
			s.IndexRoot.Leaf = f.Leaves[w.Size()]
		}), verifier.CheckInclusion, false},
		{"an index root from beyond its position", claimed(func(l *testlog.Log) testlog.Claim {
			third(l)
			f := l.Fork(l.Size())
			j := l.AddIndexRootOf(w.Size()+2, f.IndexAt(w.Size()+1).Root(), w.Operator)
			return testlog.Claim{ID: w.me(), IndexRoot: j, Cosigners: w.everybody(), Histories: f.Histories(w.Size() + 1)}
		}), verifier.CheckIndexRoot, false},
		{"an index root that the checkpoint does not cover", func(t testing.TB) ([]byte, string) {
			l := w.log()
			c := w.indexed(l)
			s := w.statement(l, c)
			s.Checkpoint = string(l.Cosigned(w.Size(), 0, w.everybody()...))
			return w.finished(t, s), w.asked()
		}, verifier.CheckInclusion, false},
		{"another entry for an index root", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.IndexRoot = bundle.Leaf{Index: w.Revoked, Leaf: l.Leaves[w.Revoked]}
		}), verifier.CheckIndexRoot, false},
		{"an index root by a source", claimed(func(l *testlog.Log) testlog.Claim {
			c := testlog.Claim{ID: w.me(), IndexRoot: l.AddIndexRootOf(w.Size(), l.IndexAt(w.Size()).Root(), w.Second), Cosigners: w.everybody()}
			return c
		}), verifier.CheckAuthority, false},
		{"an index root by a key that nobody registered", claimed(func(l *testlog.Log) testlog.Claim {
			j := l.AddIndexRootOf(w.Size(), l.IndexAt(w.Size()).Root(), testlog.Signer(wire.EdDSA))
			return testlog.Claim{ID: w.me(), IndexRoot: j, Cosigners: w.everybody()}
		}), verifier.CheckKeyStatus, false},
		{"an index without the access", claimed(func(l *testlog.Log) testlog.Claim {
			h := l.Histories(w.Size())
			tag, _ := l.VRF.Tag(origin, w.me())
			delete(h, proof.TagKey(tag))
			return testlog.Claim{ID: w.me(), IndexRoot: l.AddIndexRootOf(w.Size(), testlog.IndexOf(h).Root(), w.Operator), Histories: h, Cosigners: w.witnesses,
				Omit: map[uint64]bool{first: true, last: true}} // no honest auditor cosigns what follows
		}), verifier.CheckAuditors, true},
		{"an index that files a false entry under a key", claimed(func(l *testlog.Log) testlog.Claim {
			h := l.Histories(w.Size())
			name := "key:" + w.Second.KID
			false1 := h[proof.NameKey(name)]
			h[proof.NameKey(name)] = &testlog.History{Indices: append([]uint64{1}, false1.Indices...),
				Head: proof.NextHead(proof.NextHead(proof.NameHead0(name), 1, proof.LeafHash(l.Leaves[1])), false1.Indices[0], proof.LeafHash(l.Leaves[false1.Indices[0]]))}
			return testlog.Claim{ID: w.me(), IndexRoot: l.AddIndexRootOf(w.Size(), testlog.IndexOf(h).Root(), w.Operator), Histories: h, Cosigners: w.everybody()}
		}), verifier.CheckKeyHistory, false},
		{"the genesis is shown as a history besides", operator(func(l *testlog.Log, s *bundle.Statement) {
			s.Chains = with(s.Chains, l.Chain("genesis", w.Size()))
		}), verifier.CheckKeyHistory, false},
		{"an index over more than it says", claimed(func(l *testlog.Log) testlog.Claim {
			l.AddPublic(w.Revocation("lothian", w.Second.KID))
			h := l.Histories(w.Size() + 1)
			return testlog.Claim{ID: w.me(), IndexRoot: l.AddIndexRootOf(w.Size(), testlog.IndexOf(h).Root(), w.Operator), Histories: h, Cosigners: w.everybody()}
		}), verifier.CheckKeyHistory, false},

		// The checkpoint.
		{"another log", file(func(l *testlog.Log, s *bundle.Statement) { s.Origin = "other.test/1" }), verifier.CheckOrigin, false},
		{"a checkpoint by another key", file(func(l *testlog.Log, s *bundle.Statement) {
			s.Checkpoint = string(testlog.New(origin).SignCheckpoint(proof.Checkpoint{Origin: origin, Size: l.Size(), Root: l.Root(l.Size())}))
		}), verifier.CheckCheckpointSignature, false},
		{"a forked checkpoint", func(t testing.TB) ([]byte, string) {
			l := w.log()
			f := l.Fork(first) // a history of its own, for this person alone
			f.AddRandom(9)
			c := w.indexed(f)
			c.Cosigners = nil
			return w.finished(t, w.statement(f, c)), w.asked()
		}, verifier.CheckWitnesses, false},
		{"a forked checkpoint with the cosignatures of the true one", func(t testing.TB) ([]byte, string) {
			l := w.log()
			truth := l.Cosigned(l.Size(), 0, w.everybody()...)
			_, lines, _ := strings.Cut(string(truth), "\n\n")
			_, lines, _ = strings.Cut(lines, "\n") // without the log's own
			f := l.Fork(first)
			f.AddRandom(9)
			c := w.indexed(f)
			c.Cosigners = nil
			s := w.statement(f, c)
			s.Checkpoint += lines
			return w.finished(t, s), w.asked()
		}, verifier.CheckCosignature, false},
		{"one witness too few", claimed(func(l *testlog.Log) testlog.Claim {
			c := w.indexed(l)
			c.Cosigners = append(w.witnesses[:1:1], w.auditors...)
			return c
		}), verifier.CheckWitnesses, false},
		{"one witness twice", func(t testing.TB) ([]byte, string) {
			l := w.log()
			c := w.indexed(l)
			c.Cosigners = append([]*testlog.Cosigner{w.witnesses[0], w.witnesses[0]}, w.auditors...)
			return w.finished(t, w.statement(l, c)), w.asked()
		}, verifier.CheckWitnesses, false},
		{"an unknown auditor", claimed(func(l *testlog.Log) testlog.Claim {
			c := w.indexed(l)
			c.Cosigners = append(w.witnesses[:2:2], w.auditors[0], testlog.NewCosigner("anybody.test/audit"))
			return c
		}), verifier.CheckAuditors, true},
		{"an auditor's name under another key", claimed(func(l *testlog.Log) testlog.Claim {
			c := w.indexed(l)
			c.Cosigners = append(w.witnesses[:2:2], w.auditors[0], testlog.NewCosigner(w.auditors[1].Name))
			return c
		}), verifier.CheckAuditors, true},
		{"cosignatures of tomorrow", claimed(func(l *testlog.Log) testlog.Claim {
			c := w.indexed(l)
			c.CosignedAt = now.Unix() + 86400
			return c
		}), verifier.CheckWitnesses, false},
		{"a cosignature's time is altered", file(func(l *testlog.Log, s *bundle.Statement) { s.Checkpoint = laterCosignature(s.Checkpoint) }), verifier.CheckCosignature, false},

		// Proofs and forms.
		{"a node too many", file(func(l *testlog.Log, s *bundle.Statement) { s.Nodes = append(s.Nodes, wire.Hash{}) }), verifier.CheckInclusion, false},
		{"an unknown leaf form", file(func(l *testlog.Log, s *bundle.Statement) {
			s.IndexRoot.Leaf = append([]byte{3}, s.IndexRoot.Leaf[1:]...)
		}), verifier.CheckStatementForm, false},
		{"something after the end", func(t testing.TB) ([]byte, string) {
			l := w.log()
			return append(w.finished(t, w.statement(l, w.indexed(l))), "{}"...), w.asked()
		}, verifier.CheckStatementForm, false},
		{"a member twice", func(t testing.TB) ([]byte, string) {
			l := w.log()
			data := w.finished(t, w.statement(l, w.indexed(l)))
			return bytes.Replace(data, []byte(`"entries":`), []byte(`"entries":[],"entries":`), 1), w.asked()
		}, verifier.CheckStatementForm, false},
	}
}
