package verifier

import (
	"errors"
	"fmt"
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
)

// View is the state of a log that a reader was shown, to be compared with what witnesses show of it
// themselves (C2SP tlog-witness, "monitor retrieval mechanism"). A log that shows one reader an old
// state, or another tree, cannot change what a witness has seen.
type View struct {
	Signed []byte // the checkpoint as a signed note
	Head   proof.Checkpoint
	Log    *cosign.PolicyLog
	AsOf   time.Time     // when the cosigners of the policy saw it; zero: not known
	MaxAge time.Duration // how much later a witness may have seen a larger log; 0: StaleAfter
	Tiles  TileFunc      // of the log, for proofs; nil: none can be read
}

// frozenAfter is how long before AsOf a witness may have cosigned a larger log. Slow cosigners are
// some minutes behind fast ones.
const frozenAfter = time.Hour

// WitnessView is what came of asking one witness.
type WitnessView struct {
	Size uint64    // of the log that it has seen; 0: it showed nothing that proves anything
	Time time.Time // when it cosigned that; zero: its cosignature is not on it

	// Behind says why the reader's view is not the newest, "" if nothing says so: the log was much
	// larger when the witness saw it much later, or was larger already before the reader's cosigners
	// saw it as small as they did.
	Behind string
	// Fork are two notes by which the log convicts itself, the reader's first.
	Fork []string
}

// CheckWitness compares the view with the note that witness w shows. An answer that proves nothing
// is no failure: it may be by somebody in the witness's place. Two trees signed by the log are one,
// whoever shows them.
func (v View) CheckWitness(rep *Report, w *cosign.Cosigner, note []byte, now time.Time) (found WitnessView) {
	head, f := openCheckpoint(note, v.Log.Verifiers...)
	if f != nil {
		rep.Skip(CheckWitnessView, nil, "what %s shows proves nothing: %s", w.Name, f.Found)
		return found
	}
	found.Size = head.Size
	good, bad := cosign.Read(note, head, []*cosign.Cosigner{w})
	counted, _ := cosign.Latest(good, now)
	if len(counted) == 1 && len(bad) == 0 {
		found.Time = counted[0].Time
	}
	if !v.consistent(rep, w, note, head, &found) || found.Time.IsZero() || head.Size <= v.Head.Size {
		if found.Time.IsZero() && found.Fork == nil {
			rep.Skip(CheckWitnessView, nil, "what %s shows is not cosigned by it: when it saw that is not known", w.Name)
		}
		return found
	}
	later, seen := found.Time.Sub(v.AsOf), found.Time.Format(time.RFC3339)
	maxAge := v.MaxAge
	if maxAge == 0 {
		maxAge = StaleAfter
	}
	switch {
	case v.AsOf.IsZero():
		rep.Skip(CheckWitnessView, nil, "%s saw %d entries at %s; when this state of %d was seen is not known",
			w.Name, head.Size, seen, v.Head.Size)
	case later > maxAge:
		found.Behind = fmt.Sprintf("%s saw the log with %d entries at %s, and this is its state of %d from %s earlier",
			w.Name, head.Size, seen, v.Head.Size, count(int(later.Hours()), "hour", "hours"))
	case later < -frozenAfter:
		found.Behind = fmt.Sprintf("%s saw the log with %d entries at %s already, and this state of %d is shown as that of %s later: "+
			"somebody keeps showing an old state as if nothing had followed", w.Name, head.Size, seen, v.Head.Size,
			count(int(-later.Hours()), "hour", "hours"))
	default:
		rep.Pass(CheckWitnessView, nil, "%s saw the log with %d entries at %s: no more than goes on meanwhile",
			w.Name, head.Size, seen)
	}
	if found.Behind != "" {
		rep.Skip(CheckWitnessView, nil, "%s", found.Behind)
	}
	return found
}

// consistent checks that the witness's tree and the reader's are the same log at two times. It
// returns false if they are not.
func (v View) consistent(rep *Report, w *cosign.Cosigner, note []byte, head proof.Checkpoint, found *WitnessView) bool {
	earlier, later := v.Head, head
	if head.Size < v.Head.Size {
		earlier, later = head, v.Head
	}
	var err error
	switch {
	case head == v.Head:
		v.agrees(rep, found, "%s saw exactly this tree at %s, and shows no later one", w.Name, found.Time.Format(time.RFC3339))
		return true
	case head.Size == v.Head.Size:
		err = &Failure{Found: fmt.Sprintf("root %x", head.Root), Err: ErrForked}
	case earlier.Size == 0:
		return true
	case v.Tiles == nil:
		rep.Skip(CheckWitnessView, nil, "that the %d entries which %s saw and these %d are of one log was not checked: "+
			"the policy has no URL of the log", head.Size, w.Name, v.Head.Size)
		return true
	default:
		err = CheckConsistency(earlier, later, v.Tiles)
	}
	var f *Failure
	switch {
	case err == nil:
		v.agrees(rep, found, "what %s saw, of size %d, and this are of one log", w.Name, head.Size)
		return true
	case errors.As(err, &f) && !errors.Is(err, ErrForked):
		rep.Fail(&Failure{Check: CheckWitnessView, Err: f,
			Expected: fmt.Sprintf("a proof that sizes %d and %d, both signed by the log, are of one log", earlier.Size, later.Size),
			Found:    f.Found,
			Meaning: "the log does not show that what " + w.Name + " has seen and what you were shown are one log. Ask again; " +
				"if it still does not, ask its operator why"})
		return false
	case errors.As(err, &f):
		found.Fork = []string{string(v.Signed), string(note)}
		rep.Fail(&Failure{Check: CheckWitnessView,
			Expected: fmt.Sprintf("one tree: of size %d with root %x", v.Head.Size, v.Head.Root), Found: f.Found, Err: f,
			Meaning: "the log signed one tree for you and another one that " + w.Name + " shows: it shows different people " +
				"different histories. Keep both checkpoints: they convict its operator"})
		return false
	}
	rep.Skip(CheckWitnessView, nil, "that what %s saw and this are of one log was not checked: %v", w.Name, err)
	return true
}

// agrees records that the witness's tree and the reader's agree, if it is the witness's: anybody in
// its place can show what the log signed.
func (v View) agrees(rep *Report, found *WitnessView, format string, args ...any) {
	if !found.Time.IsZero() {
		rep.Pass(CheckWitnessView, nil, format, args...)
	}
}

// AddWitnesses adds to a statement's report what came of asking witnesses, behind as in
// WitnessView. A statement of a log that shows others another history is not complete, whatever it
// proves.
func (r *StatementReport) AddWitnesses(found Report, behind string) {
	r.Add(found)
	if found.Err() != nil {
		r.Complete = false
		r.Lines = findings(r)
	}
	if behind != "" {
		r.Stale, r.Lines.Fresh = true, "STALE: "+behind
	}
}
