package verifier_test

import (
	"fmt"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// A source checks a receipt before it forgets the event.
func ExampleCheckReceipt() {
	ledger := testlog.NewSample("ledger.example/2026") // stands in for a ledger
	mine := ledger.Entries[3]                          // the entry as the source sent it
	receipt := ledger.Receipt(3, ledger.Size())        // what it got back

	policy, _ := verifier.PolicyForLog(ledger.Key) // or ParsePolicy, to ask for witnesses too
	genesis, _ := verifier.CheckGenesis(ledger.Leaves[0], ledger.Key)
	got, report := verifier.CheckReceipt(verifier.ReceiptEvidence{Receipt: receipt, Entry: mine, Policy: policy, Genesis: genesis})
	fmt.Println("entry", got.Index, "of", got.Checkpoint.Size, "error:", report.Err())
	for _, r := range report.Results {
		fmt.Println(r.Status, r.Check)
	}
	// Output:
	// entry 3 of 11 error: <nil>
	// ok checkpoint-signature
	// skipped quorum
	// ok audience
	// ok leaf-form
	// ok tag-commitment
	// ok body-commitment
	// ok filing
	// ok inclusion
	// skipped key-status
}

// A citizen is shown an access and checks that it is what the log holds, and that it is theirs.
func ExampleCheckEntry() {
	ledger := testlog.NewSample("ledger.example/2026")
	files := ledger.Files()
	tiles := func(level int, index uint64, width int) ([]byte, error) {
		return files[verifier.TilePath(level, index, width)], nil
	}
	key, _ := verifier.LogKey(ledger.Key)
	head, _ := verifier.OpenCheckpoint(files["checkpoint"], key)
	genesis, _ := verifier.CheckGenesis(ledger.Leaves[0], ledger.Key)
	path, _ := verifier.InclusionPath(tiles, 3, head.Size)
	_, report := verifier.CheckEntry(verifier.EntryEvidence{Opening: ledger.Openings[3], Leaf: ledger.Leaves[3], Path: path, Checkpoint: head,
		Log: key, Genesis: genesis, ID: "nhs:9434765919"}) // entry 3 is about another person
	fmt.Println(report.Err())
	// Output:
	// subject: entry 3: expected an entry about the person whose id you gave, found an entry about another person: another person's entry is shown to you as this person's
}

// A citizen checks that a statement shows every access to their record, and none that is not
// theirs, taking two witnesses' and an auditor's word for what the operator could lie about.
func ExampleCheckStatement() {
	ledger := testlog.NewSample("ledger.example/2026")
	w, x, a := testlog.NewCosigner("w"), testlog.NewCosigner("x"), testlog.NewCosigner("board")
	statement := ledger.Statement(testlog.Claim{ID: "chi:0101011237", IndexRoot: ledger.AddIndexRoot(), Cosigners: []*testlog.Cosigner{w, x, a}})

	policy, _ := verifier.ParsePolicy([]byte("log " + ledger.Key + `
witness w ` + w.VKey() + `
witness x ` + x.VKey() + `
witness board ` + a.VKey() + `
group witnesses all w x
group auditors any board
group both all witnesses auditors
quorum both
`))
	report := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(statement), Policy: policy, ID: "chi:0101011237",
		Now: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)})
	fmt.Println("error:", report.Err())
	fmt.Println(report.Lines.Complete)
	fmt.Println(report.Lines.Cosigned)
	fmt.Println(report.Lines.Fresh)
	// Output:
	// error: <nil>
	// yes, as of entry 11; the log was seen in this state at 2026-11-22T09:00:00Z: 2 entries on record, all shown; no reads of everyone's data on record
	// audited by board (2026-11-22T09:00:00Z); witnessed by w (2026-11-22T09:00:00Z), x (2026-11-22T09:00:00Z)
	// STALE: seen by cosigners of your policy at 2026-11-22T09:00:00Z, 96 hours ago. It was true then; ask for a new one
}

// Anyone who kept a checkpoint sees that the log was rewritten.
func ExampleCheckConsistency() {
	ledger := testlog.New("ledger.example/2026")
	ledger.AddRandom(20)
	rewritten := ledger.Fork(10)
	rewritten.AddRandom(30)

	files := rewritten.Files()
	tiles := func(level int, index uint64, width int) ([]byte, error) {
		return files[verifier.TilePath(level, index, width)], nil
	}
	key, _ := verifier.LogKey(ledger.Key)
	saved, _ := verifier.OpenCheckpoint(ledger.Checkpoint(21), key)
	now, _ := verifier.OpenCheckpoint(files["checkpoint"], key)
	err := verifier.CheckConsistency(saved, now, tiles).(*verifier.Failure)
	fmt.Println(err.Meaning)
	// Output:
	// the log forked: entries that it had signed before were changed or removed. The two signed checkpoints, with the log's tiles, prove it to anyone
}

// An auditor replays a log.
func ExampleLogReplay() {
	ledger := testlog.NewSample("ledger.example/2026")
	ledger.AddPublic(ledger.Organisation("invented", ledger.Registrar, nil)) // no enroller has seen it

	replay, _ := verifier.NewLogReplay(ledger.Key)
	for _, leaf := range ledger.Leaves {
		if err := replay.Add(leaf); err != nil {
			f := err.(*verifier.Failure)
			fmt.Println("entry", *f.Index, f.Check, "-", f.Meaning)
		}
	}
	key, _ := verifier.LogKey(ledger.Key)
	head, _ := verifier.OpenCheckpoint(ledger.Checkpoint(ledger.Size()), key)
	fmt.Println("the leaves are those the log signed:", len(replay.Finish(head, nil)) == 0)
	// Output:
	// entry 11 register - an organisation or key was registered without the second signature that the log promises: it may be invented
	// the leaves are those the log signed: true
}

// Sealed leaves can be recognised and counted by anybody, opened by nobody without their opening.
func ExampleParseBundle() {
	ledger := testlog.NewSample("ledger.example/2026")
	leaves, _ := verifier.ParseBundle(ledger.Files()[verifier.BundlePath(0, 11)], 11, 0)
	leaf, _ := proof.ParseLeaf(leaves[4])
	fmt.Println(len(leaves), "leaves; leaf 4 is public:", leaf.Public)
	// Output: 11 leaves; leaf 4 is public: false
}
