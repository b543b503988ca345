package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/ledger/proof/cosign"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

var askWitnessesFlag = &cli.BoolFlag{Name: "ask-witnesses",
	Usage: "ask the witnesses of the policy that have a URL what they have seen of the log (C2SP tlog-witness); they learn " +
		"that somebody asks about this log, nothing else"}

// asking is what came of asking witnesses. It is kept apart until take, because a report may be
// replaced meanwhile.
type asking struct {
	verifier.Report
	witnesses []*cosign.Cosigner // nil: nobody is asked
	notes     []string
	fork      []string // two notes by which the log convicts itself
	behind    string   // why what the reader was shown is not the newest
	at        time.Time
}

// asks returns whom --ask-witnesses asks.
func (s *session) asks() (*asking, error) {
	a := &asking{}
	if !s.c.Bool(askWitnessesFlag.Name) {
		return a, nil
	}
	for _, w := range s.policy.Cosigners {
		if w.URL != "" && w.Known() {
			a.witnesses = append(a.witnesses, w)
		}
	}
	if a.witnesses == nil {
		return nil, usage("--ask-witnesses: no witness in your policy has a URL; write it behind the key: witness NAME VKEY URL")
	}
	return a, nil
}

// ask asks all witnesses at once and compares what they show with the view. One that does not
// answer is said and changes nothing.
func (a *asking) ask(ctx context.Context, v verifier.View) {
	type answer struct {
		note []byte
		err  error
	}
	answers := make([]answer, len(a.witnesses))
	var all sync.WaitGroup
	for i, w := range a.witnesses {
		all.Go(func() { answers[i].note, answers[i].err = fetch.Witness(ctx, w.URL, v.Head.Origin) })
	}
	all.Wait()
	a.Report, a.notes, a.behind, a.at = verifier.Report{}, nil, "", time.Now()
	for i, w := range a.witnesses {
		if err := answers[i].err; err != nil {
			a.Skip(verifier.CheckWitnessView, nil, "%s could not be asked: %v", w.Name, err)
			a.notes = append(a.notes, fmt.Sprintf("the witness %s could not be asked: what it has seen is not known", w.Name))
			continue
		}
		found := v.CheckWitness(&a.Report, w, answers[i].note, a.at)
		if found.Time.IsZero() && found.Fork == nil {
			a.notes = append(a.notes, fmt.Sprintf("the witness %s showed nothing that it cosigned: what it has seen is not known", w.Name))
		}
		if a.fork == nil {
			a.fork = found.Fork
		}
		if a.behind == "" {
			a.behind = found.Behind
		}
	}
}

// askAbout asks about the log at a URL as it is now: what witnesses saw well before now, it must
// show.
func (a *asking) askAbout(ctx context.Context, url string, log *cosign.PolicyLog) error {
	src, err := fetch.Open(url)
	if err != nil {
		return err
	}
	signed, err := src.Checkpoint(ctx)
	if err != nil {
		return err
	}
	var rep verifier.Report
	policy := &verifier.Policy{Logs: []cosign.PolicyLog{*log}}
	head := verifier.OpenHead(&rep, "", signed, policy, time.Time{}, 0)
	if head == nil {
		return rep.Err()
	}
	a.ask(ctx, verifier.View{Signed: signed, Head: head.Checkpoint, Log: log, AsOf: time.Now(), Tiles: src.Tiles(ctx)})
	return nil
}

// take adds what was found to the report.
func (r *report) take(a *asking) {
	r.Add(a.Report)
	r.Notes = append(r.Notes, a.notes...)
	if a.fork != nil {
		r.Evidence = a.fork
	}
	if a.behind != "" {
		r.behind = a.behind
	}
}

// askEvery is how often an audit that goes on asks again.
const askEvery = 10 * time.Minute

// errForked ends an audit whose report says why.
var errForked = errors.New("witnesses have seen another log")

// again asks about the log of an audit that goes on, at most every askEvery. It returns what there
// is to say, and errForked if the log is forked.
func (a *asking) again(ctx context.Context, url string, log *cosign.PolicyLog) (text string, err error) {
	if a.witnesses == nil || time.Since(a.at) < askEvery {
		return "", nil
	}
	a.at = time.Now()
	switch err := a.askAbout(ctx, url, log); {
	case err != nil:
		return "the witnesses were not asked: " + err.Error(), nil
	case a.Err() != nil:
		return "", errForked
	case a.behind != "":
		return "STALE: " + a.behind, nil
	case len(a.notes) > 0:
		return a.notes[0], nil
	}
	return "", nil
}

// logTiles returns the tiles of a log at the URL that the policy gives for it, nil without one.
func logTiles(ctx context.Context, log *cosign.PolicyLog) verifier.TileFunc {
	if log.URL == "" {
		return nil
	}
	src, err := fetch.Open(log.URL)
	if err != nil {
		return func(int, uint64, int) ([]byte, error) { return nil, err }
	}
	return src.Tiles(ctx)
}
