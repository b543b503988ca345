package source

import (
	"fmt"

	"igledger/internal/client"
)

// ReceiptError reports that the ledger's receipt does not prove that the entry is in the log as it
// was submitted. The entry stays in the outbox.
type ReceiptError struct {
	ID  string // jti of the entry
	Err error
}

func (e *ReceiptError) Error() string {
	return fmt.Sprintf("the receipt of entry %s is not valid; keep the event and tell your auditor: %v", e.ID, e.Err)
}

func (e *ReceiptError) Unwrap() error { return e.Err }

// LogError reports that the log is not the one that the source has seen: it forked, went back,
// begins otherwise, or lost an entry that it acknowledged. Nothing more is sent or forgotten. Of a
// fork, the outbox remembers this until Agent.SendAgain.
type LogError struct {
	// Passing says that the log shows less than before, and nothing that contradicts: a cache or
	// replica may lag. It is tried again in the next run.
	Passing  bool
	Evidence string // directory with what contradicts, see igverify evidence; "" if there is nothing
	Err      error  // a *verifier.Failure, or what an earlier run found
}

func (e *LogError) Error() string {
	text := "the log is not the one that this source has seen, so nothing more is sent or forgotten; tell your auditor"
	if e.Evidence != "" {
		text += "; evidence is in " + e.Evidence
	}
	return text + ": " + e.Err.Error()
}

func (e *LogError) Unwrap() error { return e.Err }

// RefusedError reports that the ledger refuses what the source sends for a reason that may pass,
// such as a key that is not registered yet. Everything stays in the outbox.
type RefusedError struct {
	Seq     uint64 // of the first refused entry; 0: a heartbeat
	Problem *client.Problem
	// Held is how many entries were passed over, because the key that they are signed with is refused
	// and is not the source's present one. All others were sent. 0: nothing more was sent.
	Held int
}

func (e *RefusedError) Error() string {
	switch {
	case e.Seq == 0:
		return fmt.Sprintf("the ledger refused: %v", e.Problem)
	case e.Held > 0:
		return fmt.Sprintf("the ledger refused what was signed with another key: %d in all, the first with sequence number %d: "+
			"%v; all others were sent", e.Held, e.Seq, e.Problem)
	}
	return fmt.Sprintf("the ledger refused entry %d: %v", e.Seq, e.Problem)
}

func (e *RefusedError) Unwrap() error { return e.Problem }

// OfKey reports whether the refusal is of the key that signed, and not of what it signed.
func (e *RefusedError) OfKey() bool { return e.Problem.OfKey() }

// StreamError reports that an outbox belongs to another stream. Its fields name that stream.
type StreamError struct{ Org, Source, LogKey string }

func (e *StreamError) Error() string {
	return fmt.Sprintf("the outbox belongs to organisation %s, source %s, log key %s; use one outbox per stream",
		e.Org, e.Source, e.LogKey)
}

// NoAccessError reports that a source has no heartbeat, because it never reported an access.
type NoAccessError struct{ Source string }

func (e *NoAccessError) Error() string {
	return fmt.Sprintf("nothing was ever submitted as source %s, so it has no heartbeat", e.Source)
}

// EntryError reports that the ledger refused an entry as it was. The outbox keeps it. Unless its
// content was erased (410), a plainer form of it is sent under the same number.
type EntryError struct {
	Seq     uint64
	Problem *client.Problem
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("the ledger refused the entry with sequence number %d: %v", e.Seq, e.Problem)
}

func (e *EntryError) Unwrap() error { return e.Problem }

// EventError reports that an event could not be converted to entries. The rest of its input was
// read.
type EventError struct {
	Input  string // name
	Number int    // of the event, from 1
	Line   int    // on which it begins, from 1
	Err    error
}

func (e *EventError) Error() string {
	return fmt.Sprintf("%s: line %d, event %d: %v", e.Input, e.Line, e.Number, e.Err)
}

func (e *EventError) Unwrap() error { return e.Err }

// InputError reports what of an input could not be read: a value that breaks or is no AuditEvent,
// after which reading went on, or the rest of it. The events before that point are taken in, and so
// are the other inputs.
type InputError struct {
	Input string // name
	Rest  bool   // reading ended there
	Err   error
}

func (e *InputError) Error() string {
	if e.Rest {
		return fmt.Sprintf("%s: %v; the rest of this file was not read", e.Input, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Input, e.Err)
}

func (e *InputError) Unwrap() error { return e.Err }
