package audit

import (
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testneeds"
)

// repeated returns a Bundle that begins with one entry, goes on with n copies of another, and ends
// with a third.
func repeated(first, one, last string, n int) io.Reader {
	i := 0
	return io.MultiReader(strings.NewReader(`{"resourceType":"Bundle","entry":[{"resource":`+first+"}"), readerFunc(func(p []byte) (int, error) {
		if i++; i > n {
			return copy(p, `,{"resource":`+last+"}]}"), io.EOF
		}
		return copy(p, `,{"resource":`+one+"}"), nil
	}))
}

// In a Bundle of any length the events wait for what they refer to in bounded memory. Those for
// which it comes too late are taken under the number that they have, and this is noted; the others,
// and all if it comes first, are filed under the person.
func TestWaitingIsBounded(t *testing.T) {
	testneeds.Time(t, "80 MB of events")
	const n, sample = 18000, 20 // about 40 MB
	one := strings.Replace(
		event(byNurse, about(`{"reference":"Patient/9"}`)), `"recorded"`,
		`"language":"`+strings.Repeat("x", 2000)+`","recorded"`, 1,
	)
	who, other := patientResource(`"id":"9",`+chiOf), patientResource(`"id":"8"`)
	var before, now runtime.MemStats
	for _, c := range []struct {
		name        string
		first, last string
		late        bool
	}{{"before", who, other, false}, {"after", other, who, true}} {
		runtime.GC()
		runtime.ReadMemStats(&before)
		count, most, filed := 0, uint64(0), map[string]int{}
		err := Events(repeated(c.first, one, c.last, n), func(ev Event) error {
			if count++; ev.Number != count {
				t.Fatalf("%s: event %d comes as number %d", c.name, ev.Number, count)
			}
			if count%2000 == 1 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
			if count%sample > 0 {
				return nil
			}
			list, notes, err := caseConversion.FromEvent(ev)
			filed[list[0].Sub]++
			if early := slices.Contains(notes, Note{"AuditEvent.entity", BundleTooLarge}); early != (list[0].Sub != "chi:"+aCHI) {
				t.Fatalf("%s: filed under %s, notes %v", c.name, list[0].Sub, notes)
			}
			return err
		}, nil)
		if err != nil || count != n {
			t.Fatalf("%s: %d events, %v", c.name, count, err)
		}
		found, lost := filed["chi:"+aCHI], filed["temp:NHSL:ehr1/Patient/9"]
		if found+lost != n/sample || found < MaxWaiting/len(one)/sample || !c.late && lost > 0 || c.late && lost == 0 {
			t.Errorf("%s: filed %v", c.name, filed)
		}
		if most > before.HeapAlloc+2*MaxWaiting {
			t.Errorf("%s: held %d bytes more than before", c.name, most-before.HeapAlloc)
		}
	}
}

func BenchmarkBundle(b *testing.B) {
	one := event(byNurse, about(`{"reference":"Patient/9"}`))
	for b.Loop() {
		b.SetBytes(int64(1000 * len(one)))
		Events(repeated(patientResource(`"id":"9",`+chiOf), one, ev("b"), 1000), func(ev Event) error {
			_, _, err := caseConversion.FromEvent(ev)
			return err
		}, nil)
	}
}
