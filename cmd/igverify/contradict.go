package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/verifier"
)

var contradictCommand = spec{
	name: "contradict", usage: "convict an operator with a receipt whose entry is missing from a statement",
	argsUsage: "RECEIPT STATEMENT", args: 2, offline: true,
	description: "A source has a receipt: an entry about a person is in the log. A later statement about the same " +
		"person does not include that entry. The operator signed both, so one of the things it signed is false. The " +
		"command does not need or read the id or the content.\n\n" +
		"Exit code 1 and the check contradiction FAILED: the operator is convicted.\n\n" +
		"Exit code 1 and the check evasion FAILED: the statement is younger than the receipt by the time of its own " +
		"cosignatures, or by the size of its log, and does not show the entry. That convicts no one. It says that the " +
		"operator owes an answer: a new statement must cover the entry.\n\n" +
		"Exit code 0: the statement includes the entry. 4 (partial): the two files do not contradict each other, and the " +
		"statement does not say whether the entry is in the list: it is about other days, or an earlier state of the log. " +
		"2: the two files cannot contradict each other, because they are about different people or logs, or are not a receipt " +
		"and a statement.\n\n" +
		"In both cases --evidence writes receipt.json and statement.json, without the content of entries. Anyone can run " +
		"this command on them and gets the same result.\n\n" +
		"Example:\n  igverify contradict receipt.json statement.json --log-key \"$(cat log.vkey)\" --evidence for-the-regulator",
	flags: []cli.Flag{&cli.StringFlag{Name: "evidence",
		Usage: "`DIRECTORY` to write the evidence to if the operator is convicted, or evades"}},
	check: checkContradiction,
}

func checkContradiction(s *session) error {
	receipt, err := s.readFile("receipt", s.c.Args().Get(0), maxFile)
	if err != nil {
		return err
	}
	statement, err := s.readFile("statement", s.c.Args().Get(1), bundle.MaxSize)
	if err != nil {
		return err
	}
	pair, err := pairOf(receipt, statement)
	if err != nil {
		return err
	}
	if err := pair.sameLog(s.policy); err != nil {
		return err
	}
	if pair.statement != nil { // or CheckContradiction says why not
		if err := s.checkPinned(pair.statement.Genesis.Leaf); err != nil {
			return err
		}
	}
	found, rep := verifier.CheckContradictionAt(receipt, statement, s.policy, time.Now())
	if rep.Err() == nil && !pair.samePerson() { // only now: what is not proved may name anybody
		return usage("the receipt and the statement are about different people: give a statement of the person whom the " +
			"receipt's entry is about")
	}
	s.report.Add(rep)
	if last := len(rep.Results) - 1; last >= 0 && rep.Results[last].Check == verifier.CheckContradicted &&
		rep.Results[last].Status == verifier.Skipped {
		s.report.undecided = rep.Results[last].Note
	}
	dir := s.c.String("evidence")
	switch {
	case found == nil && rep.Err() != nil:
		s.report.Notes = append(s.report.Notes,
			"one of the two files proves nothing on its own, so nothing follows about the operator")
	case found == nil || dir == "":
	default:
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		for name, text := range map[string][]byte{"receipt.json": found.Receipt, "statement.json": found.Statement} {
			if err := command.WriteNew(filepath.Join(dir, name), text, false); err != nil {
				return fmt.Errorf("--evidence: %w", err)
			}
		}
		shows := "convict the operator with only the log's verifier key"
		if found.Evasive {
			shows = "show that the statement evades the receipt's entry; they convict no one"
		}
		s.report.Notes = append(s.report.Notes, "evidence written: receipt.json and statement.json "+shows+
			". They show no content, only how many entries there are and where")
	}
	return nil
}

// pair is a receipt and a statement as they are given. What is nil could not be read.
type pair struct {
	receipt   *bundle.Receipt
	statement *bundle.Statement
}

// pairOf refuses two files that are no receipt and statement: comparing them answers nothing,
// however true they are.
func pairOf(receipt, statement []byte) (p pair, err error) {
	p.statement, _ = bundle.ParseStatement(statement)
	p.receipt, _ = bundle.ParseReceipt(receipt)
	if second, err := bundle.ParseReceipt(statement); err == nil {
		if p.receipt != nil && p.receipt.Proof == second.Proof {
			return p, usage("both files are the same receipt: give a receipt and a statement")
		}
		return p, usage("the second file is a receipt: give a receipt, then the statement that lacks its entry")
	}
	if first, err := bundle.ParseStatement(receipt); err == nil && first != nil {
		return p, usage("the first file is a statement: give the receipt first")
	}
	return p, nil
}

// sameLog refuses two files of two logs. Two logs of one name have different keys, unless the
// policy has both keys for one log.
func (p pair) sameLog(policy *verifier.Policy) error {
	if p.receipt == nil || p.statement == nil {
		return nil
	}
	in, err := proof.ParseInclusion([]byte(p.receipt.Proof))
	if err != nil {
		return nil // the check says why
	}
	origin, _, _ := strings.Cut(string(in.Checkpoint), "\n") // of a signed note
	if origin != p.statement.Origin {
		return usage("the receipt is of the log %s and the statement of the log %s: give two files of one log", command.Plain(origin),
			command.Plain(p.statement.Origin))
	}
	of, about := proof.KeysNamed(in.Checkpoint, origin), proof.KeysNamed([]byte(p.statement.Checkpoint), origin)
	if len(of) == 0 || len(about) == 0 || common(of, about) {
		return nil
	}
	if log := policy.Log(origin); log != nil {
		var known []uint32
		for _, v := range log.Verifiers {
			known = append(known, v.KeyHash())
		}
		if common(of, known) && common(about, known) {
			return nil
		}
	}
	return usage("the receipt is of the log %s with the key %08x and the statement of the log of the same name with the key %08x: "+
		"these are two logs, unless your policy has both keys. Give two files of one log", command.Plain(origin), of[0], about[0])
}

func common(a, b []uint32) bool {
	return slices.ContainsFunc(a, func(x uint32) bool { return slices.Contains(b, x) })
}

// samePerson reports whether the statement has a history under the receipt's pseudonym.
func (p pair) samePerson() bool {
	return p.receipt != nil && p.receipt.Tag != nil && p.statement != nil &&
		slices.ContainsFunc(p.statement.Histories(), func(h *bundle.History) bool { return h.Tag == *p.receipt.Tag })
}
