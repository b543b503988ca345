package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

const (
	maxFailures = 100 // failures in a report; these describe even a log that is wrong everywhere
	stateEvery  = 256 // bundles between two writes of the state file: 65,536 entries
)

var logCommand = spec{
	name: "log", usage: "replay the whole log and recompute everything",
	description: "Reads every entry bundle and hash tile and recomputes the root from the entries. Checks the " +
		"signature, key and authority of every public entry in order, and that the log contains only entries. Prints the " +
		"hash of the genesis, by which --genesis of every command knows this log from any other.\n\n" +
		"With --state, an interrupted run continues where it stopped, a later run reads only what is new, and a log that " +
		"was rewound or forked is found. " +
		"If your cosigners saw the log longer ago than --max-age, the exit code is 4. With --save, a copy is kept that " +
		"you can give to --from without a network.\n\n" +
		"Example:\n  igverify log --state ledger.state --save copy --log-key \"$(cat log.vkey)\" --from https://ledger.example.org",
	flags: []cli.Flag{
		&cli.StringFlag{Name: "state",
			Usage: "`FILE` with the progress of the last run; anyone who can write to it can make a run skip entries"},
		&cli.StringFlag{Name: "save", Usage: "`DIR` in which to keep a copy of the log"},
		maxAgeFlag,
		askWitnessesFlag,
	},
	check: checkLog,
}

// replayRun is a replay under way.
type replayRun struct {
	*session
	replay *verifier.LogReplay
	state  string // file, or ""
}

var errStopped = errors.New("stopped")

func checkLog(s *session) error {
	s.report.behind = s.stale
	asking, err := s.asks()
	if err != nil {
		return err
	}
	if asking.witnesses != nil {
		if err := asking.askAbout(s.ctx, s.c.String("from"), s.policy.Log(s.head.Origin)); err != nil {
			return err
		}
		s.report.take(asking)
	}
	r := &replayRun{session: s, state: s.c.String("state")}
	if s.head.Size == 0 {
		return fetch.EmptyLog()
	}
	if err := r.load(); err != nil {
		return err
	}
	save := s.c.String("save")
	if save != "" {
		if r.replay.Size() > 0 && !fetch.HasCopy(save, r.replay.Size()) {
			r.replay, _ = verifier.NewLogReplay(s.key)
			s.report.Notes = append(s.report.Notes, "read from the start, because the copy in --save does not have everything "+
				"that was read according to the state file")
		}
		s.src.SaveTo(save)
	}
	from, pieces := r.replay.Size(), 0
	bar := command.NewProgress(s.c, "replaying "+s.head.Origin, s.head.Size)
	err = s.src.Replay(s.ctx, r.replay, s.head, r.failed, func() error {
		bar.At(r.replay.Size())
		pieces++
		if pieces%stateEvery == 0 {
			return r.keep()
		}
		return nil
	})
	bar.Done()
	if errors.Is(err, errStopped) {
		return nil
	}
	if err == nil {
		r.conclude(from)
		if save != "" && r.replay.Size() == s.head.Size { // a copy of a log that is wrong is useful too
			err = s.src.SaveCheckpoint(s.signed)
		}
	}
	kept := r.keep()
	switch {
	case errors.Is(err, context.Canceled) && r.state != "" && kept == nil:
		return fmt.Errorf("interrupted before entry %d; run the same command to continue", r.replay.Size())
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case err == nil:
		return kept
	}
	return err
}

// load makes the replay. If there is a state file and the log still contains what was replayed, it
// continues from there.
func (r *replayRun) load() (err error) {
	r.replay, err = verifier.NewLogReplay(r.key)
	if err != nil || r.state == "" {
		return err
	}
	data, err := os.ReadFile(r.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	replay, saved, err := verifier.ParseState(data, r.key)
	if err != nil {
		return fmt.Errorf("%w; remove the file to start from the beginning", err)
	}
	old, err := verifier.OpenCheckpoint(saved, r.log)
	if err != nil || old.Size < replay.Size() {
		return fmt.Errorf("%w: its checkpoint is not from this log; remove the file to start from the beginning",
			verifier.ErrState)
	}
	if err := r.grownFrom(saved, old, r.newestSigned, r.newest, r.state); err != nil {
		return err
	}
	if replay.Size() > r.head.Size {
		return fmt.Errorf("%w: it is ahead of the newest checkpoint that your cosigners saw; try again later", verifier.ErrState)
	}
	r.replay = replay
	return nil
}

// failed adds a failure to the report. If there are too many, it stops the replay.
func (r *replayRun) failed(f *verifier.Failure) error {
	r.report.Fail(f)
	if len(r.report.Failures) < maxFailures {
		return nil
	}
	r.report.Notes = append(r.report.Notes, fmt.Sprintf("stopped after %d failures: entries from %d on were not checked",
		maxFailures, r.replay.Size()))
	return errStopped
}

// conclude reports what a replay that reached the end has shown.
func (r *replayRun) conclude(from uint64) {
	if len(r.report.Failures) == 0 {
		if from == r.head.Size {
			r.report.Pass(verifier.CheckRoot, nil, "no new entries; all entries hash to the signed root")
		} else {
			r.report.Pass(verifier.CheckRoot, nil, "entries %d to %d were read, and all entries hash to the signed root",
				from, r.head.Size-1)
		}
		r.report.Pass(verifier.CheckHashTile, nil, "hash tiles agree with the entries")
		r.report.Pass(verifier.CheckRegister, nil, "every public entry is signed by a key that was valid at its index, and "+
			"obeys the register's rules")
		r.report.Pass(verifier.CheckLeafForm, nil, "every other leaf is a sealed entry")
	}
	public := r.replay.Public()
	add := func(name string, n uint64) { r.report.Totals = append(r.report.Totals, row{name, fmt.Sprint(n)}) }
	add("entries", r.head.Size)
	add("  public", public)
	if len(r.report.Failures) == 0 {
		add("  sealed", r.head.Size-public)
	}
	add("organisations", uint64(len(r.replay.Register().Organisations())))
	add("keys", uint64(len(r.replay.Register().Keys(""))))
	r.report.Totals = append(r.report.Totals, row{"root", r.report.Log.Root})
	if h, ok := r.replay.GenesisHash(); ok {
		r.report.Log.Genesis = fmt.Sprintf("%x", h)
		r.report.Totals = append(r.report.Totals, row{"genesis", r.report.Log.Genesis})
	}
}

// keep writes the state file, unless something is wrong: the next run must find the failure again.
func (r *replayRun) keep() error {
	if r.state == "" || len(r.report.Failures) > 0 || !r.replay.Agrees() {
		return nil
	}
	data, err := r.replay.MarshalState(r.signed)
	if err != nil {
		return err
	}
	return fetch.WriteFile(r.state, data)
}
