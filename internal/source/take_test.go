package source_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"igledger/audit"
	"igledger/consent/fhir/tree"
	"igledger/internal/source"
	"igledger/ledger/wire"
)

// The same event exported again is known, whatever the server says of its version.
func TestEventExportedAgain(t *testing.T) {
	w := newWorld(t)
	twin := event("twin", "2026-11-01T10:00:00Z")
	first := text("first", event("a", "2026-11-01T10:00:00Z")+twin+twin)
	if sum := w.imports(first); sum.Logged != 3 {
		t.Errorf("%+v", sum)
	}
	again := func(id string, version int) string {
		return strings.Replace(event(id, "2026-11-01T10:00:00Z"), `"type":`,
			fmt.Sprintf(`"meta":{"versionId":"%d","lastUpdated":"2026-11-02T0%d:00:00Z","source":"#%d"},"type":`, version, version, version), 1)
	}
	exported := again("twin", 1) + again("a", 2) + again("twin", 3) + again("twin", 4) + again("b", 5)
	if sum := w.imports(text("again", exported)); sum.Known != 3 || sum.Logged != 2 {
		t.Errorf("%+v, want a third twin and b to be new", sum)
	}
	if sum := w.imports(text("again", exported), first); sum.Known != 8 || sum.Logged != 0 {
		t.Errorf("%+v", sum)
	}
	w.logged(5)
}

// The outbox keeps an event that did not fit, and says which part of it is in the log as a hash.
func TestLargeEventIsKept(t *testing.T) {
	w := newWorld(t)
	var notes []source.Noted
	w.config.OnNote = func(n source.Noted) { notes = append(notes, n) }
	large := strings.Replace(strings.TrimSpace(event("large", "2026-11-01T10:00:00Z")), `"id":"large"`,
		`"id":"large","language":"`+strings.Repeat("x", 3<<20)+`"`, 1)
	if sum := w.imports(events(1), text("large", "\n"+large+"\n")); sum.Logged != 2 || sum.Unreadable != 0 {
		t.Fatalf("%+v, %v", sum, w.rejects)
	}
	cut := 0
	for _, n := range notes {
		if n.Code == audit.SizeCut {
			cut++
			if n.Input != "large" || n.Line != 2 || n.Number != 1 {
				t.Errorf("%+v", n)
			}
		}
	}
	if cut != 1 {
		t.Errorf("noted %v", notes)
	}
	cuts := tree.Cuts(w.numbered(2).FHIR)
	if len(cuts) == 0 {
		t.Fatal("the entry does not say that something is missing")
	}
	for _, c := range []struct {
		hash string
		seq  uint64
	}{{cuts[0].Hash, 0}, {"", 2}} {
		if kept, err := source.KeptOriginal(t.Context(), w.config.Outbox, c.hash, c.seq); err != nil || string(kept) != large {
			t.Errorf("%d bytes are kept, %v", len(kept), err)
		}
	}
	if _, err := source.KeptOriginal(t.Context(), w.config.Outbox, "", 1); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("an event that fits: %v", err)
	}
	if _, err := source.KeptOriginal(t.Context(), w.config.Outbox+".none", "", 1); err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("no outbox: %v", err)
	}
	if _, err := os.Stat(w.config.Outbox + ".none"); err == nil {
		t.Error("made an outbox")
	}
}

// A broken line costs itself. The other events of the file are taken.
func TestBrokenLine(t *testing.T) {
	w := newWorld(t)
	good := func(id string) string { return event(id, "2026-11-01T10:00:00Z") }
	sum := w.imports(text("lines", good("a")+good("b")[:60]+"\n"+good("c")), text("more", good("d")))
	var in *source.InputError
	if sum.Logged != 3 || sum.Unreadable != 1 || len(w.rejects) != 1 || !errors.As(w.rejects[0], &in) || in.Rest {
		t.Errorf("%+v, %v", sum, w.rejects)
	}
	w.noGaps(3)
}

// An event that cannot be an entry gets no number, wherever in a batch it is; those after it do. A
// key that does not sign is no fault of an event: the import ends, and the next one takes all.
func TestNoNumberWithoutSignature(t *testing.T) {
	w := newWorld(t)
	own := w.config.Signer
	answer := errors.New("the device does not answer")
	signer, err := wire.NewSignerElsewhere(own.Public, func(message []byte, good func([]byte) bool) ([]byte, error) {
		_, encoded, _ := strings.Cut(string(message), ".")
		payload, err := wire.Decode64("payload", encoded)
		if err != nil || answer != nil && (strings.Contains(string(payload), "T10:00:02") || strings.Contains(string(payload), "T10:00:04")) {
			return nil, answer
		}
		compact, err := own.SignJWS(wire.TypEntry, payload)
		if err != nil {
			return nil, err
		}
		return wire.Decode64("signature", compact[strings.LastIndexByte(compact, '.')+1:])
	})
	if err != nil {
		t.Fatal(err)
	}
	w.config.Signer = signer
	var all strings.Builder
	for i := range 6 {
		all.WriteString(event(fmt.Sprint(i), fmt.Sprintf("2026-11-01T10:00:0%dZ", i)))
	}
	sum, err := w.open().Import(t.Context(), text("all", all.String()))
	if err == nil || !strings.Contains(err.Error(), "the device does not answer") || sum.Logged != 0 || sum.Unreadable != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	answer = wire.Errorf(wire.BadClaim, "entry", "as of an event that has no form")
	if sum := w.imports(text("all", all.String())); sum.Logged != 4 || sum.Unreadable != 2 || len(w.rejects) != 2 {
		t.Errorf("%+v, %v", sum, w.rejects)
	}
	w.noGaps(4)
	answer = nil
	if sum := w.imports(text("all", all.String())); sum.Known != 4 || sum.Logged != 2 {
		t.Errorf("%+v, %v", sum, w.rejects)
	}
	w.noGaps(6)
}
