package register

import "igledger/ledger/entry"

// State is what the entries of a log below some index have built up: who may sign, and what governs
// accesses. It is not safe for concurrent use.
type State struct {
	Register *Register
	Rules    Rules // nil where only the register is kept, as by a verifier that sees no openings
}

// NewState returns the state of the empty log of the origin.
func NewState(origin string, rules Rules) State {
	return State{Register: New(origin), Rules: rules}
}

// Clone returns a state that can take entries of its own. Rules are values that do not change.
func (s *State) Clone() State { return State{Register: s.Register.Clone(), Rules: s.Rules} }

// Step takes the entry at index. It is the one step of the log, made by the ledger when it appends,
// starts and rebuilds, and by every verifier that replays:
//
//	verify   its key may sign it at this index, and did (Register.Verify)
//	apply    it obeys the register's rules, and takes effect there (Register.Apply)
//	admit    what governs accesses allows it, and takes it in (Rules.Admit)
//
// After an error the state is as before.
func (s *State) Step(e *entry.Entry, index uint64) error {
	if err := s.Register.Verify(e, index); err != nil {
		return err
	}
	return s.take(e, index)
}

// StepSigned is Step for an entry whose signature the caller has checked under the key that the
// register holds for its kid. Whether that key may sign at index is checked here as in Step.
func (s *State) StepSigned(e *entry.Entry, index uint64) error {
	if err := s.Register.Authorise(e, index); err != nil {
		return err
	}
	return s.take(e, index)
}

func (s *State) take(e *entry.Entry, index uint64) error {
	if err := s.Register.Apply(e, index); err != nil {
		return err
	}
	if s.Rules == nil || !Shared(e.Type) {
		return nil
	}
	rules, err := s.Rules.Admit(e, index, s.Register)
	if err != nil { // never of an entry that Apply gave effect to, see Rules.Admit
		return err
	}
	s.Rules = rules
	return nil
}

// Shared reports whether entries of the type change the state, so that every replica of a ledger
// must have them before it can judge another entry.
func Shared(t entry.Type) bool { return t.ChangesRegister() || t.Governs() }
