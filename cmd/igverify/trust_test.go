package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/verifier"
	"igledger/verifier/auditor"
)

// trusted writes what trust.txt needs, beside what all scripts have:
//
//	witnessed/  log/ with a checkpoint that has the quorum of policy.txt, and witnessed-receipt.json under it
//	busy/       grown/, whose newest checkpoint nobody cosigned yet, served with the witnessed one of size 11
//	lagging/    grown/, whose newest checkpoint is another than the witnessed one leads to
//	forged/     a log made up from leaf 0 with the stolen key of log/, as large as witnessed/, and its files: forged-*
//	fork.json   evidence of two histories, one of which has the quorum
//
// $GENESIS is the hash of leaf 0 of log/.
func trusted(env *testscript.Env, s *testlog.Sample, w, a *testlog.Cosigner) error {
	size := s.Size()
	env.Setenv("GENESIS", fmt.Sprintf("%x", verifier.GenesisHash(s.Leaves[0])))
	env.Setenv("SIZE", fmt.Sprint(size))
	files := map[string][]byte{}

	l := s.Fork(size)
	l.Cosign(size, w, a)
	dir := func(name string, list map[string][]byte) {
		testlog.WriteFiles(filepath.Join(env.WorkDir, name), list)
	}
	dir("witnessed", l.Files())
	files["witnessed-receipt.json"] = testlog.JSON(l.Receipt(s.Accesses[3], size))

	grown := l.Fork(size)
	grown.AddRandom(700)
	info := testlog.JSON(map[string]any{"origin": s.Origin, "witnessed": string(l.Checkpoint(size))})
	busy := grown.Files()
	busy["v1/log"] = info
	dir("busy", busy)
	fork := l.Fork(7)
	fork.AddRandom(700)
	lagging := fork.Files()
	lagging["v1/log"] = info
	dir("lagging", lagging)

	f := testlog.NewSampleAbout(s.Forge(), s.IDs...)
	dir("forged", f.Files())
	at := f.Accesses[3]
	files["forged-receipt.json"] = testlog.JSON(f.Receipt(at, size))
	files["forged-entry.sdjwt"] = []byte(f.Entries[at].SDJWT())
	files["forged-opening.json"] = testlog.JSON(f.Openings[at])
	files["forged-genesis.jws"] = []byte(f.Entries[0].Compact)
	claim := testlog.Claim{ID: f.IDs[0], IndexRoot: f.AddIndexRoot()}
	files["forged-statement.json"] = testlog.StatementJSON(f.Statement(claim))
	extract, err := f.Extract(claim, at).Marshal()
	if err != nil {
		return err
	}
	files["forged-extract.json"] = extract
	files["forged-lying.json"] = testlog.StatementJSON(lying(f))

	evidence := func(name string, earlier, later *testlog.Log, n uint64) error {
		log, err := verifier.LogKey(s.Key)
		if err != nil {
			return err
		}
		failure := &verifier.Failure{Check: verifier.CheckConsistent}
		ev := auditor.EvidenceOfFork(s.Key, failure, earlier.Checkpoint(n), later.Checkpoint(n), log, nil)
		tiles := func(level int, index uint64, width int) ([]byte, error) {
			return earlier.FilesAt(n)[verifier.TilePath(level, index, width)], nil
		}
		path, err := verifier.InclusionPath(tiles, 0, n)
		if err != nil {
			return err
		}
		files[name], err = ev.WithGenesis(earlier.Leaves[0], path, earlier.Checkpoint(n)).Marshal()
		return err
	}
	if err := evidence("fork.json", l, fork, size); err != nil {
		return err
	}
	other := f.Fork(3)
	other.AddRandom(int(size) - 3)
	if err := evidence("forged-fork.json", f.Log, other, size); err != nil {
		return err
	}
	testlog.WriteFiles(env.WorkDir, files)
	return nil
}

// lying returns a statement of an operator whose index lacks all accesses of the first person.
func lying(s *testlog.Sample) *bundle.Statement {
	histories := s.Histories(s.Size())
	omit := map[uint64]bool{}
	tag, _ := s.VRF.Tag(s.Origin, s.IDs[0])
	delete(histories, proof.TagKey(tag))
	for i, o := range s.Openings {
		omit[i] = o.Tag == tag
	}
	return s.Statement(testlog.Claim{ID: s.IDs[0], Histories: histories, Omit: omit,
		IndexRoot: s.AddIndexRootOf(s.Size(), testlog.IndexOf(histories).Root(), s.Operator)})
}

// An audit begins with a checkpoint that the witnesses of its policy saw, and with the genesis that
// the auditor knows. A log that somebody made up with the log's key has neither, and is not
// cosigned.
func TestAuditOfForgedLog(t *testing.T) {
	l := rooted()
	w := testlog.NewCosigner("witness.test/w")
	forged := testlog.NewSampleOn(l.Forge())
	forged.AddIndexRoot()
	l.Cosign(l.Size(), w)
	genesis := fmt.Sprintf("%x", verifier.GenesisHash(l.Leaves[0]))
	for name, c := range map[string]struct {
		log   *testlog.Log
		trust []string
		code  int
		says  string
	}{
		"the true log, witnessed":    {l.Log, []string{"--policy", "POLICY"}, exitGood, "ok       witness-quorum"},
		"the true log, by its begin": {l.Log, []string{"--log-key", l.Key, "--genesis", genesis}, exitGood, "ok "},
		"a forged log, by the key":   {forged.Log, []string{"--log-key", l.Key}, exitGood, "ok "},
		"a forged log, unwitnessed":  {forged.Log, []string{"--policy", "POLICY"}, exitFailed, "FAILED   witness-quorum"},
		"a forged log, by its begin": {forged.Log, []string{"--log-key", l.Key, "--genesis", genesis}, exitFailed, "FAILED   genesis"},
		"the true log, another begin": {
			l.Log, []string{"--policy", "POLICY", "--genesis", strings.Repeat("0", 64)}, exitFailed, "FAILED   genesis",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLedgerServer(t, c.log)
			policy := filepath.Join(s.dir, "policy.txt")
			own := testlog.NewCosigner("audit.test/one")
			testlog.WriteFiles(s.dir, map[string][]byte{"policy.txt": testlog.Policy(l.Key, 1, []*testlog.Cosigner{w}, []*testlog.Cosigner{own})})
			args := s.args("--once")
			args = append(args[:2], args[4:]...) // without --log-key
			for _, a := range c.trust {
				if a == "POLICY" {
					a = policy
				}
				args = append(args, a)
			}
			code, out, errOut := igverify("", args...)
			if code != c.code || !strings.Contains(out, c.says) {
				t.Errorf("exit code %d, want %d and %q\n%s%s", code, c.code, c.says, out, errOut)
			}
			if sizes := s.CosignedSizes(); len(sizes) > 0 != (c.code == exitGood) {
				t.Errorf("cosigned %v", sizes)
			}
			if c.code != exitGood && s.has("latest") {
				t.Error("remembers a log that is not the one")
			}
		})
	}
}
