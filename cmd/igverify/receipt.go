package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/verifier"
)

var receiptCommand = spec{
	name: "receipt", usage: "check a receipt for an entry that you hold", argsUsage: "RECEIPT", args: 1,
	description: "What a source checks before it forgets an event: is exactly my entry in the log, and is it filed " +
		"under the right person?\n\n" +
		"With --from also: does the log still contain what the receipt proved, and was my key valid at that index? The " +
		"check of the key reads the log up to the entry; --skip-key leaves it out.\n\n" +
		"Example:\n  igverify receipt receipt.json --entry entry.sdjwt --log-key \"$(cat log.vkey)\" --from https://ledger.example.org",
	flags: []cli.Flag{
		&cli.StringFlag{Name: "entry", Usage: "`FILE` with your entry as you sent it, with its disclosures (- for stdin)"},
		&cli.StringFlag{Name: "jws",
			Usage: "the entry itself instead of --entry; only for public entries, as other users of this machine can see it"},
		&cli.StringFlag{Name: "genesis-entry", Usage: "`FILE` with the log's genesis (the JWS of leaf 0), to check the filing without --from"},
		&cli.BoolFlag{Name: "skip-key", Usage: "do not read the log up to the entry to check the status of its key"},
	},
	check: checkReceipt,
}

func checkReceipt(s *session) error {
	data, err := s.readKind("receipt", s.c.Args().First(), maxFile)
	if err != nil {
		return err
	}
	e, err := s.ownEntry()
	if err != nil {
		return err
	}
	r, err := verifier.ParseReceipt(data)
	if err != nil {
		return err
	}
	ev := verifier.ReceiptEvidence{Receipt: r, Entry: e, Policy: s.policy, Now: time.Now()}
	ev.Genesis, err = s.anyGenesis()
	if err != nil {
		return err
	}
	if ev.Genesis == nil && e.Type.Sealed() {
		return usage("give --from or --genesis-entry: under which person the entry is filed can only be checked with the " +
			"log's genesis")
	}
	if ev.Genesis == nil && s.pinned != nil {
		return usage("--genesis needs --from or --genesis-entry: a receipt does not show how the log began")
	}
	// The receipt's own claims come first: they must be reported even if something else cannot be
	// read.
	got, rep := verifier.CheckReceipt(ev)
	if rep.OnlyQuorum() {
		s.report.Notes = append(s.report.Notes, "this receipt may be good, but nobody whom you ask for has seen its log: get one "+
			"under a witnessed checkpoint, with igledger receipt --witnessed")
	}
	if s.src == nil {
		s.report.Add(rep)
		s.report.Skip(verifier.CheckConsistent, nil, "what the log shows now was not checked, because --from was not given")
		return nil
	}
	if rep.Err() == nil {
		later, laterSigned := s.head, s.signed
		if got.Checkpoint.Size > s.head.Size { // of a quorum's, which may be older than the receipt
			later, laterSigned = s.newest, s.newestSigned
		}
		err = verifier.CheckConsistency(got.Checkpoint, later, s.src.Tiles(s.ctx))
		if err == nil && !s.c.Bool("skip-key") {
			ev.Register, err = s.registerAt(got.Index)
			if err == nil {
				_, rep = verifier.CheckReceipt(ev)
			}
		}
		s.report.Add(rep)
		var f *verifier.Failure
		if errors.As(err, &f) && f.Check == verifier.CheckConsistent {
			if p, parseErr := proof.ParseInclusion([]byte(r.Proof)); parseErr == nil {
				s.report.Evidence = []string{string(p.Checkpoint), string(laterSigned)}
			}
		} else if err == nil {
			s.report.Pass(verifier.CheckConsistent, nil, "the log of size %d still contains all of the receipt's log of size %d",
				later.Size, got.Checkpoint.Size)
		}
		return err
	}
	s.report.Add(rep)
	return nil
}

func (s *session) ownEntry() (*entry.Entry, error) {
	text, file := s.c.String("jws"), s.c.String("entry")
	if (text == "") == (file == "") {
		return nil, usage("give one of --entry and --jws")
	}
	if file != "" {
		data, err := s.readFile("entry", file, maxFile)
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	return verifier.ParseEntry(strings.TrimSpace(text))
}

// anyGenesis returns the genesis from the log or from --genesis-entry. If both are given, they must
// be the same.
func (s *session) anyGenesis() (g *entry.Genesis, err error) {
	if s.src != nil {
		g, err = s.genesis()
		if err != nil {
			return nil, err
		}
	}
	name := s.c.String("genesis-entry")
	if name == "" {
		return g, nil
	}
	data, err := s.readFile("genesis", name, maxFile)
	if err != nil {
		return nil, err
	}
	leaf := proof.PublicLeaf(strings.TrimSpace(string(data)))
	if err := s.checkPinned(leaf); err != nil {
		return nil, err
	}
	own, err := verifier.CheckGenesis(leaf, s.key)
	if err != nil {
		return nil, err
	}
	if g != nil && g.VRFKey != own.VRFKey {
		return nil, &verifier.Failure{Check: verifier.CheckGenesisLeaf, Index: verifier.At(0),
			Expected: fmt.Sprintf("pseudonym key %x, as in your genesis", own.VRFKey),
			Found:    fmt.Sprintf("%x in the log", g.VRFKey),
			Meaning: "the log does not begin as you know it: it is another log, or the operator started it again with another " +
				"genesis"}
	}
	return own, nil
}
