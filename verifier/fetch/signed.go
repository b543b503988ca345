package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// Signed is a log under one checkpoint that its key signed. What its methods return is proved to be
// in the log, whatever server it was read from. If the log is wrong, an error is a
// *verifier.Failure; otherwise it says what could not be read.
type Signed struct {
	Log  *Log
	Head proof.Checkpoint // what everything rests on
	Note []byte           // Head as a signed note
	Key  cosign.LogKey    // as the log's genesis names it

	Stale string // why Head is true but old; "": it is not, or nobody dates it

	// The log's newest checkpoint. If it is not Head, it has fewer cosigners, and contains Head.
	Newest     proof.Checkpoint
	NewestNote []byte
}

// OpenSigned is OpenUnder for readers who know the log by its key alone.
func OpenSigned(ctx context.Context, from, logKey string) (*Signed, error) {
	policy, err := verifier.PolicyForLog(logKey)
	if err != nil {
		return nil, err
	}
	return OpenUnder(ctx, new(verifier.Report), from, policy, nil, time.Time{}, 0)
}

// OpenUnder reads the state of a log on which a reader rests who trusts whom the policy names: the
// newest checkpoint or, if that lacks the quorum, the newest one of which the log says that it has
// a quorum, because on a busy log the newest is cosigned by nobody yet. The newest must then
// contain it. If genesis is not nil, the log must begin with the leaf of this hash. from is as for
// Open. A head older than maxAge (0: verifier.StaleAfter) is stale.
//
// The checks are added to rep. If one of them fails, the error is the first failure, and the Signed
// holds what was read.
func OpenUnder(
	ctx context.Context, rep *verifier.Report, from string, policy *verifier.Policy, genesis *wire.Hash,
	now time.Time, maxAge time.Duration,
) (*Signed, error) {
	log, err := Open(from)
	if err != nil {
		return nil, err
	}
	newest, err := log.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	s := &Signed{Log: log, Note: log.vouched(ctx, newest, policy), NewestNote: newest}
	head := verifier.OpenHead(rep, "the log now: ", s.Note, policy, now, maxAge)
	if head != nil {
		s.Head, s.Newest, s.Stale = head.Checkpoint, head.Checkpoint, head.Stale
	}
	if err := rep.Err(); err != nil {
		return s, err
	}
	var ok bool
	if s.Key, ok = verifier.GenesisKey(head.Log, s.Note); !ok {
		return s, fmt.Errorf("the policy has no Ed25519 key (type 0x01) of %s, which its genesis names", head.Origin)
	}
	err = s.checkNewest(ctx, rep)
	if err == nil && genesis != nil {
		err = s.checkBeginning(ctx, rep, *genesis)
	}
	var f *verifier.Failure
	if errors.As(err, &f) {
		rep.Fail(f)
	}
	return s, err
}

// vouched returns the signed note under which a policy judges the log.
func (l *Log) vouched(ctx context.Context, newest []byte, policy *verifier.Policy) []byte {
	head := verifier.OpenHead(new(verifier.Report), "", newest, policy, time.Time{}, 0)
	if policy.AsksNobody() || head == nil || head.Quorum {
		return newest
	}
	if signed, err := l.Witnessed(ctx); err == nil {
		return signed
	}
	return newest // and the report says what it lacks
}

func (s *Signed) checkNewest(ctx context.Context, rep *verifier.Report) (err error) {
	if bytes.Equal(s.Note, s.NewestNote) {
		return nil
	}
	s.Newest, err = verifier.OpenCheckpoint(s.NewestNote, s.Key)
	if err == nil {
		err = verifier.CheckConsistency(s.Head, s.Newest, s.Log.Tiles(ctx))
	}
	if err == nil {
		rep.Pass(verifier.CheckConsistent, nil, "the log of size %d contains all of the log of size %d, unchanged",
			s.Newest.Size, s.Head.Size)
	}
	return err
}

func (s *Signed) checkBeginning(ctx context.Context, rep *verifier.Report, want wire.Hash) error {
	if s.Head.Size == 0 {
		return EmptyLog()
	}
	leaf, err := s.Leaf(ctx, 0)
	if err == nil {
		err = verifier.CheckGenesisHash(leaf, want)
	}
	if err == nil {
		rep.Pass(verifier.CheckGenesisLeaf, verifier.At(0), "the log begins with the genesis that you know")
	}
	return err
}

// Leaf returns the leaf at index after checking its inclusion proof.
func (s *Signed) Leaf(ctx context.Context, index uint64) ([]byte, error) {
	if index >= s.Head.Size {
		return nil, &verifier.Failure{Check: verifier.CheckInclusion, Index: verifier.At(index),
			Expected: fmt.Sprintf("an entry below %d, where the signed checkpoint ends", s.Head.Size),
			Found:    "an entry beyond it",
			Meaning:  "the ledger names an entry that is not covered by the checkpoint that it signed"}
	}
	leaf, err := s.Log.Leaf(ctx, index, s.Head.Size)
	if err != nil {
		return nil, fmt.Errorf("reading entry %d: %w", index, err)
	}
	path, err := verifier.InclusionPath(s.Log.Tiles(ctx), index, s.Head.Size)
	if err != nil {
		return nil, fmt.Errorf("reading the proof of entry %d: %w", index, err)
	}
	if err := verifier.CheckInclusionOf(proof.LeafHash(leaf), index, path, s.Head); err != nil {
		return nil, err
	}
	return leaf, nil
}

// Genesis returns leaf 0. It is the only place from which sources and verifiers take the VRF key,
// with which they check under which person an entry is filed.
func (s *Signed) Genesis(ctx context.Context) (*entry.Genesis, error) {
	if s.Head.Size == 0 {
		return nil, EmptyLog()
	}
	leaf, err := s.Leaf(ctx, 0)
	if err != nil {
		return nil, err
	}
	return verifier.CheckGenesis(leaf, s.Key.VKey)
}

// EmptyLog returns the failure of a log that has no genesis.
func EmptyLog() *verifier.Failure {
	return &verifier.Failure{Check: verifier.CheckGenesisLeaf, Expected: "a genesis at leaf 0", Found: "an empty log",
		Meaning: "the log does not begin as a ledger must, or its entries were removed"}
}
