package auditor

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"reflect"
	"testing"

	"igledger/internal/testlog"
	"igledger/internal/testneeds"
	"igledger/verifier"
)

func state(t testing.TB, a *Auditor, checkpoint []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.WriteState(&b, checkpoint, []byte("of the caller")); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// From any leaf on, an audit that was written down and read again finds what one finds that was
// not.
func TestAuditGoesOnFromItsState(t *testing.T) {
	s := grown()
	wrong := s.AddIndexRootOf(s.Size(), s.IndexAt(s.Size()-1).Root(), s.Operator)
	through := begin(t, s.Log)
	audit(t, through, s.Log, s.Size())
	signed := s.Checkpoint(s.Size())
	for cut := range s.Size() {
		a := begin(t, s.Log)
		if found := audit(t, a, s.Log, cut); len(found) > 0 {
			t.Fatal(found)
		}
		again, checkpoint, extra, err := ReadState(bytes.NewReader(state(t, a, signed)), s.Key)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if !bytes.Equal(checkpoint, signed) || string(extra) != "of the caller" || again.Stats() != a.Stats() || again.Replay().Root() != a.Replay().Root() {
			t.Fatalf("cut at %d: read as something else", cut)
		}
		found := audit(t, again, s.Log, s.Size())
		if len(found) != 1 || *found[0].Index != wrong || again.Stats() != through.Stats() {
			t.Errorf("cut at %d: found %v, stats %+v, want %+v", cut, found, again.Stats(), through.Stats())
		}
	}
}

// The lag that was too great is not forgotten over a restart.
func TestLateIsInTheState(t *testing.T) {
	l := testlog.NewLag(origin, 2)
	for _, id := range []string{"a", "b", "c"} {
		l.AddPublic(l.Organisation(id, l.Registrar, l.Enroller))
	}
	a := begin(t, l)
	audit(t, a, l, l.Size())
	again, _, _, err := ReadState(bytes.NewReader(state(t, a, l.Checkpoint(l.Size()))), l.Key)
	if err != nil {
		t.Fatal(err)
	}
	l.AddIndexRoot()
	if found := audit(t, again, l, l.Size()); len(found) != 1 || found[0].Check != verifier.CheckIndexLag {
		t.Errorf("found %v, want that the index was late", found)
	}
}

// A file that is torn or damaged anywhere, or of another log, is refused.
func TestDamagedStateIsRefused(t *testing.T) {
	s := grown()
	a := begin(t, s.Log)
	audit(t, a, s.Log, s.Size())
	good := state(t, a, s.Checkpoint(s.Size()))
	refused := func(what string, data []byte, key string) {
		t.Helper()
		if got, _, _, err := ReadState(bytes.NewReader(data), key); !errors.Is(err, verifier.ErrState) || got != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := 0; i < len(good); i += testneeds.Part(7, 49) {
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		refused("flipped", b, s.Key)
		refused("cut", good[:i], s.Key)
	}
	refused("empty", nil, s.Key)
	refused("longer", append(bytes.Clone(good), 0), s.Key)
	refused("of another log", good, testlog.New(origin).Key)
	if _, _, _, err := ReadState(bytes.NewReader(good), s.Key); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// FuzzReadState: whatever a file holds, reading it ends, without panic and without more memory than
// there are bytes; what is taken is written again as it was.
func FuzzReadState(f *testing.F) {
	s := grown()
	a := begin(f, s.Log)
	audit(f, a, s.Log, s.Size())
	good := state(f, a, s.Checkpoint(s.Size()))
	f.Add(good[:len(good)-sha256.Size])
	f.Add([]byte(stateFormat))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body) // a file whose checksum is right: else the fuzzer sees one refusal only
		got, checkpoint, extra, err := ReadState(bytes.NewReader(append(body, sum[:]...)), s.Key)
		if err != nil {
			if !errors.Is(err, verifier.ErrState) {
				t.Errorf("%v is not ErrState", err)
			}
			return
		}
		var b bytes.Buffer
		if err := got.WriteState(&b, checkpoint, extra); err != nil {
			t.Fatal(err)
		}
		again, _, _, err := ReadState(&b, s.Key)
		if err != nil || !reflect.DeepEqual(again.Stats(), got.Stats()) {
			t.Errorf("written again: %v", err)
		}
	})
}
