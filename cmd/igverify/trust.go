package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

// Whom a reader trusts is said by the same three flags of every command.
var (
	keyFlag = &cli.StringFlag{Name: "log-key",
		Usage: "the log's verifier key `VKEY`, <origin>+<hash>+<base64>, from a source other than the log; nobody but the " +
			"log vouches for what it signed"}
	policyFlag = &cli.StringFlag{Name: "policy",
		Usage: "instead of --log-key, `FILE` that says whom you trust: the log's key, witnesses and auditors (C2SP " +
			"tlog-policy); checkpoints must carry its quorum"}
	genesisFlag = &cli.StringFlag{Name: "genesis",
		Usage: "`HASH` of the log's first entry, as igledger init and igverify log print it: another log under the same key " +
			"is refused"}
)

// maxAgeFlag is of the commands whose answer is about now.
var maxAgeFlag = &cli.DurationFlag{Name: "max-age", Value: verifier.StaleAfter,
	Usage: "older than this `DURATION`, what was checked is true but stale: exit code 4"}

// readTrust reads these flags.
func (s *session) readTrust() (err error) {
	if s.c.IsSet("max-age") && s.c.Duration("max-age") <= 0 {
		return usage("--max-age must be a duration such as 48h")
	}
	if text := strings.TrimSpace(s.c.String("genesis")); text != "" {
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != len(wire.Hash{}) {
			return usage("--genesis: give the 64 hexadecimal digits that igledger init and igverify log print")
		}
		h := wire.Hash(b)
		s.pinned = &h
	}
	key, file := strings.TrimSpace(s.c.String("log-key")), s.c.String("policy")
	switch {
	case (key == "") == (file == ""):
		return usage("give one of --policy FILE and --log-key VKEY, from a source other than the log")
	case file == "":
		s.policy, err = verifier.PolicyForLog(key)
		if err != nil {
			return usage("--log-key: %s", err)
		}
		return nil
	}
	data, err := s.readFile("policy", file, 1<<20)
	if err != nil {
		return err
	}
	s.policy, err = verifier.ParsePolicy(data)
	if err != nil {
		return usage("--policy: %s", err)
	}
	return nil
}

// errReported ends a command whose report has the failure already.
var errReported = errors.New("the report says why")

// openLog reads the state of the log that the command rests on.
func (s *session) openLog() error {
	if !slices.ContainsFunc(s.policy.Logs, func(l cosign.PolicyLog) bool { return len(l.GenesisKeys()) > 0 }) {
		return s.know(&s.policy.Logs[0]) // says what is missing, before the network is asked
	}
	if from := s.c.String("from"); strings.Contains(from, "://") {
		if _, err := wire.ServerURL(from); err != nil {
			return usage("--from must be the log's address, such as https://ledger.example.scot, or a folder")
		}
	}
	log, err := fetch.OpenUnder(s.ctx, &s.report.Report, s.c.String("from"), s.policy, s.pinned, time.Now(),
		s.c.Duration("max-age"))
	if log == nil {
		return err
	}
	s.src, s.log, s.key = log.Log, log.Key, log.Key.VKey
	s.head, s.signed, s.newest, s.newestSigned = log.Head, log.Note, log.Newest, log.NewestNote
	s.stale = log.Stale
	if s.head.Origin != "" {
		s.report.Log.Origin, s.report.Log.Size, s.report.Log.Root = s.head.Origin, &s.head.Size, fmt.Sprintf("%x", s.head.Root)
	}
	var f *verifier.Failure
	if !errors.As(err, &f) {
		return err
	}
	if f.Check == verifier.CheckConsistent {
		s.report.Evidence = []string{string(s.signed), string(s.newestSigned)}
	}
	return errReported
}

// consistent checks that one checkpoint of the log contains an earlier one, and records both as
// evidence if not.
func (s *session) consistent(earlierSigned []byte, earlier proof.Checkpoint, laterSigned []byte, later proof.Checkpoint) error {
	err := verifier.CheckConsistency(earlier, later, s.src.Tiles(s.ctx))
	var f *verifier.Failure
	switch {
	case err == nil:
		s.report.Pass(verifier.CheckConsistent, nil, "the log of size %d contains all of the log of size %d, unchanged",
			later.Size, earlier.Size)
	case errors.As(err, &f):
		s.report.Evidence = []string{string(earlierSigned), string(laterSigned)}
	}
	return err
}

// oneLog returns the only log of the policy, for commands that have no checkpoint to tell which of
// several is meant.
func (s *session) oneLog(command string) error {
	if len(s.policy.Logs) != 1 {
		return usage("--policy names %d logs; %s needs exactly one", len(s.policy.Logs), command)
	}
	return s.know(&s.policy.Logs[0])
}

// know sets the key that the log's genesis must name, for commands that read no checkpoint of it.
func (s *session) know(log *cosign.PolicyLog) error {
	k, ok := verifier.GenesisKey(log, nil)
	if !ok {
		return usage("the policy has no Ed25519 key (type 0x01) of %s: the log is known by that key, which its genesis names",
			log.Origin)
	}
	s.log, s.key = k, k.VKey
	return nil
}

// checkPinned checks leaf 0 against --genesis.
func (s *session) checkPinned(leaf []byte) error {
	if s.pinned == nil {
		return nil
	}
	if err := verifier.CheckGenesisHash(leaf, *s.pinned); err != nil {
		return err
	}
	s.report.Pass(verifier.CheckGenesisLeaf, verifier.At(0), "the log begins with the genesis that you know")
	return nil
}
