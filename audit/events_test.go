package audit

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"igledger/audit/plain"
	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
	"igledger/internal/testneeds"
	"igledger/ledger/entry"
)

func ev(id string) string {
	return `{"resourceType":"AuditEvent","id":"` + id + `","type":{"code":"rest"},"recorded":"2026-03-02T09:15:27Z","agent":[{"requestor":true}],"source":{"observer":{"display":"x"}}}`
}

func late(id string) string { // resourceType last
	return `{"id":"` + id + `","type":{"code":"rest"},"resourceType":"AuditEvent"}`
}

func bundle(resources ...string) string {
	var entries []string
	for _, r := range resources {
		entries = append(entries, `{"fullUrl":"urn:x","resource":`+r+`,"search":{"mode":"match"}}`)
	}
	return `{"resourceType":"Bundle","type":"searchset","link":[{"url":"x"}],"entry":[` + strings.Join(entries, ",") + `],"total":9}`
}

func TestEvents(t *testing.T) {
	const outcome = `{"resourceType":"OperationOutcome","issue":[]}`
	for name, c := range map[string]struct {
		in   string
		want string // ids in order
		line int    // of the first error, 0 = none
		code Code
	}{
		"one":             {ev("a"), "a", 0, ""},
		"nothing":         {" \n\n", "", 0, ""},
		"byte order mark": {"\xef\xbb\xbf" + ev("a"), "a", 0, ""},
		"joined files with byte order marks": {
			strings.Join([]string{"", ev("a") + "\n", ev("b"), ev("c") + "\n", "{,\n", ev("d")}, "\xef\xbb\xbf"), "abcd", 3, BadJSON,
		},
		"record separators":    {"\x1e" + ev("a") + "\n\x1e" + ev("b") + "\n", "ab", 0, ""},
		"resourceType last":    {late("a"), "a", 0, ""},
		"ndjson":               {ev("a") + "\n" + ev("b") + "\r\n\n" + late("c"), "abc", 0, ""},
		"array":                {"[" + ev("a") + "," + bundle(ev("b")) + "]", "ab", 0, ""},
		"bundle":               {bundle(ev("a"), outcome, ev("b")), "ab", 0, ""},
		"bundle, type last":    {`{"entry":[{"resource":` + ev("a") + `}],"resourceType":"Bundle"}`, "a", 0, ""},
		"bundle without entry": {`{"resourceType":"Bundle"}`, "", 0, ""},
		"entry without res.":   {`{"resourceType":"Bundle","entry":[{"response":{"status":"200"}}]}`, "", 0, ""},
		"bundle of bundles":    {bundle(bundle(ev("a")), bundle(ev("b"))), "ab", 0, ""},
		"ndjson of bundles":    {bundle(ev("a")) + "\n" + bundle(ev("b"), ev("c")), "abc", 0, ""},
		"broken second line":   {ev("a") + "\n{\"resourceType\":\"AuditEvent\",,}\n" + ev("c"), "ac", 2, BadJSON},
		"cut off":              {ev("a") + "\n" + ev("b")[:40], "a", 2, BadJSON},
		"cut off bundle":       {bundle(ev("a"), ev("b"))[:400], "a", 1, BadJSON},
		"other resource":       {ev("a") + "\n\n" + outcome + ev("b"), "ab", 3, NotAuditEvent},
		"other value":          {ev("a") + "\n7", "a", 2, NotAuditEvent},
		"no resource type":     {`{"a":1}`, "", 1, NotAuditEvent},
		"not quite a bundle": {
			`{"entry":[{"resource":` + ev("a") + `}],"resourceType":"List"}`, "a", 1, NotAuditEvent,
		},
		"bundles without end": {
			strings.Repeat(`{"resourceType":"Bundle","entry":[{"resource":`, 9), "", 1, BadJSON,
		},
		"bundles too deep": {
			strings.Repeat(`{"resourceType":"Bundle","entry":[{"resource":`, 5) + ev("a") + strings.Repeat(`}]}`, 5) + ev("b"),
			"b", 1, BadValue,
		},
		"arrays without end": {strings.Repeat("[", 1000), "", 1, BadJSON},
		"array in an array":  {"[[" + ev("a") + "]," + ev("b") + "]", "b", 1, NotAuditEvent},
		"large event": {
			`{"resourceType":"AuditEvent","id":"a","x":"` + strings.Repeat("x", MaxEvent+1) + `"}` + "\n" + ev("b"), "ab", 0, "",
		},
		"large, not ended": {
			`{"resourceType":"AuditEvent","x":"` + strings.Repeat("x", 3*MaxEvent), "", 1, BadJSON,
		},
		"large string in a bundle's link": {
			`{"resourceType":"Bundle","link":[{"url":"` + strings.Repeat("x", 3*MaxEvent) + `"}],"entry":[{"resource":` + ev("a") + `}]}`,
			"a", 0, "",
		},
		// What breaks costs itself only.
		"line cut off":           {ev("a") + "\n" + ev("b")[:70] + "\n" + ev("c") + "\n" + ev("d"), "acd", 2, BadJSON},
		"line cut off in a text": {ev("a") + "\n" + ev("b")[:32] + "\n" + ev("c"), "ac", 2, BadJSON},
		"two broken lines":       {"{\n" + ev("a") + "\n{]\n" + ev("b"), "ab", 2, BadJSON},
		"container cut off":      {"[\n" + ev("a") + ",\n" + ev("b")[:70] + "\n\n" + ev("c"), "ac", 3, BadJSON},
		"words between":          {"2026-11-01 exported\n" + ev("a") + "\n-- 1 row\n" + ev("b"), "ab", 1, NotAuditEvent},
		"NUL":                    {ev("a") + "\n\x00\n" + ev("b"), "ab", 2, BadJSON},
		"array of lines": {
			"[\n" + ev("a") + ",\n" + ev("b")[:70] + ",\n" + ev("c") + ",\n" + ev("d") + "\n]\n" + ev("e"), "acde", 3,
			BadJSON,
		},
		"array with two in a line": {
			"[" + ev("a") + ", " + ev("b")[:70] + "]\n" + ev("c"), "ac", 1, BadJSON,
		},
		"bundle of lines": {
			"{\"resourceType\":\"Bundle\",\"entry\":[\n{\"resource\":" + ev("a") + "},\n{\"resource\":" + ev("b")[:70] + "},\n{\"resource\":" +
				ev("c") + "},\n{\"resource\":" + outcome + "},\n{\"resource\":" + ev("d") + "}\n]}\n" + ev("e"), "acde", 3, BadJSON,
		},
		"indented bundle": {
			"{\n  \"resourceType\": \"Bundle\",\n  \"entry\": [\n    {\n      \"resource\": " + ev("a") + "\n    },\n" +
				"    {\n      \"resource\": " + ev("b")[:70] + "\n    },\n    {\n      \"resource\": " + ev("c") + "\n    }\n  ],\n  \"total\": 3\n}\n",
			"ac", 8, BadJSON,
		},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
			got, n := "", 0
			var err error
			other := Events(r, func(e Event) error {
				if n++; e.Number != n {
					t.Errorf("%s: event %d is numbered %d", name, n, e.Number)
				}
				var v struct{ ID string }
				if err := json.Unmarshal(e.Raw, &v); err != nil {
					t.Errorf("%s: handed over %d bytes: %v", name, len(e.Raw), err)
					return nil
				}
				got += v.ID
				return nil
			}, func(e *StreamError) {
				if err == nil {
					err = e
				}
			})
			if other != nil {
				t.Errorf("%s: %v", name, other)
			}
			if got != c.want {
				t.Errorf("%s: got events %q, want %q (%v)", name, got, c.want, err)
			}
			var se *StreamError
			switch {
			case c.line == 0 && err != nil:
				t.Errorf("%s: %v", name, err)
			case c.line > 0 && (!errors.As(err, &se) || se.Line != c.line || !errors.Is(err, c.code)):
				t.Errorf("%s: %v, want %s at line %d", name, err, c.code, c.line)
			}
			if len(c.in) > MaxEvent {
				break // byte by byte takes too long
			}
		}
	}
}

// What was passed over after a value that broke is said.
func TestEventsPassedOver(t *testing.T) {
	for in, want := range map[string]int{
		ev("a") + "\nhost: " + ev("b") + "\nhost: " + ev("c") + "\n\n" + ev("d"): 4,
		ev("a") + "\nhost: " + ev("b") + "\nhost: " + ev("c"):                    3,
		ev("a") + "\nhost: " + ev("b") + "\nhost: " + ev("c") + "\n":             3,
		ev("a") + "\n{,}\n" + ev("b"):                                            2,
		ev("a") + "\n{\n,\n}\n" + ev("b"):                                        4,
	} {
		var broken []*StreamError
		err := Events(strings.NewReader(in), func(Event) error { return nil }, func(e *StreamError) { broken = append(broken, e) })
		if err != nil || len(broken) != 1 || broken[0].To != want ||
			strings.Contains(broken[0].Error(), "passed over") != (want > broken[0].Line) {
			t.Errorf("%q: %v, %v; want to line %d", in, broken, err, want)
		}
	}
}

func TestEventsErrorsOfOthers(t *testing.T) {
	stop := errors.New("stop")
	err := Events(strings.NewReader(ev("a")+"\n"+ev("b")+"\n"+ev("c")), func(e Event) error {
		if e.Number == 2 {
			return stop
		}
		return nil
	}, nil)
	if err != stop {
		t.Errorf("%v, want the error of the receiver", err)
	}
	var se *StreamError
	broken := errors.New("disk on fire")
	err = Events(io.MultiReader(strings.NewReader(ev("a")+"\n{"), iotest.ErrReader(broken)), func(Event) error { return nil }, nil)
	if !errors.Is(err, broken) || !errors.As(err, &se) || se.Event != 2 {
		t.Errorf("%v, want the reader's error at event 2", err)
	}
}

// A Bundle of any length is read in bounded memory.
func TestEventsMemory(t *testing.T) {
	testneeds.Time(t, "80 MB of events")
	const n = 40000 // about 80 MB
	filler := strings.Repeat("x", 2000)
	one := `{"resource":` + strings.Replace(ev("a"), `"id"`, `"language":"`+filler+`","id"`, 1) + `}`
	i, head := 0, strings.NewReader(`{"resourceType":"Bundle","entry":[`+one)
	r := io.MultiReader(head, readerFunc(func(p []byte) (int, error) {
		if i++; i == n {
			return copy(p, "]}"), io.EOF
		}
		return copy(p, ","+one), nil
	}))
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	count, most := 0, uint64(0)
	err := Events(r, func(Event) error {
		if count++; count%5000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
		return nil
	}, nil)
	if err != nil || count != n {
		t.Fatalf("%d events, %v", count, err)
	}
	if most > before.HeapAlloc+8<<20 {
		t.Errorf("held %d bytes more than before", most-before.HeapAlloc)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestEventKey(t *testing.T) {
	key := func(s string) uuid.UUID { return board.EventKey([]byte(s)) }
	const a = `{"a":1.0,"b":["x"]}`
	for _, same := range []string{
		"{ \"b\" : [\"\\u0078\"],\n\"a\":1.0 }",
		`{"meta":{"versionId":"7","lastUpdated":"2026-11-28T00:00:00Z","source":"#k3"},"a":1.0,"b":["x"]}`,
		`{"a":1.0,"b":["x"],"text":{"status":"generated","div":"<div>version 2</div>"}}`,
	} {
		if key(a) != key(same) {
			t.Errorf("the key of %s depends on how the event is written", same)
		}
	}
	for _, other := range []string{
		`{"a":1.00,"b":["x"]}`, `{"a":1.0,"b":["y"]}`, `{"a":1.0,"b":["x"]`, ``, `{"id":"7","a":1.0,"b":["x"]}`,
		`{"a":1.0,"b":["x"],"text":{"status":"additional","div":"<div>a word</div>"}}`,
		`{"a":1.0,"b":["x"],"contained":[{"meta":{"versionId":"7"}}]}`,
	} {
		if key(a) == key(other) {
			t.Errorf("the key of another event: %s", other)
		}
	}
	moving := board
	moving.Source = "mover"
	moving.Map = &mapping.Map{Sources: map[string]mapping.Source{"mover": {NewIDs: true}}}
	if moving.EventKey([]byte(`{"id":"1","a":1}`)) != moving.EventKey([]byte(`{"id":"2","a":1}`)) {
		t.Error("the id counts, though the mapping says that it is new each time")
	}
}

// One reading of an event gives the same as two, and what the key leaves out is still carried.
func TestReadIsKeyAndAccesses(t *testing.T) {
	c := board
	c.Now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	for _, raw := range []string{
		ev("a"), late("a"), `{"resourceType":"Patient"}`, `{"a":1`, ``, `[1]`,
		strings.Replace(ev("a"), "{", `{"meta":{"versionId":"7"},"text":{"status":"generated","div":"<div>a</div>"},`, 1),
	} {
		key, list, notes, err := c.Read(Event{Raw: []byte(raw)})
		want, wantNotes, wantErr := c.FromAuditEvent([]byte(raw))
		if key != c.EventKey([]byte(raw)) || !reflect.DeepEqual(list, want) || !reflect.DeepEqual(notes, wantNotes) ||
			(err == nil) != (wantErr == nil) {
			t.Errorf("%s: %v %v %v %v, want %v %v %v", raw, key, list, notes, err, want, wantNotes, wantErr)
		}
		for _, a := range list {
			if strings.Contains(raw, "versionId") && !strings.Contains(string(a.FHIR), "versionId") {
				t.Errorf("the residue has lost what the key leaves out: %s", a.FHIR)
			}
		}
	}
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{ev("a"), late("a"), bundle(ev("a"), ev("b")), "[" + ev("a") + "]", ev("a") + "\n" + bundle(bundle(ev("b"))), "\xef\xbb\xbf{}", "{\"entry\":[{\"resource\":"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		var se *StreamError
		sound := func(err error) {
			if !errors.As(err, &se) || se.Event != n+1 || se.Line < 1 || se.Line > 1+strings.Count(string(data), "\n") {
				t.Fatalf("%d events, %v", n, err)
			}
		}
		err := Events(strings.NewReader(string(data)), func(e Event) error {
			n++
			if v, err := parseTree("", e.Raw); err == nil {
				if o, ok := v.(object); !ok || o["resourceType"] != "AuditEvent" || e.Number != n {
					t.Fatalf("handed over as event %d: %q", e.Number, e.Raw)
				}
			} else if !errors.Is(err, BadJSON) { // nesting is judged at conversion
				t.Fatal(err)
			}
			return nil
		}, func(e *StreamError) { sound(e) })
		if err != nil && !strings.HasPrefix(string(data), "\x1f\x8b") {
			sound(err)
		}
	})
}

// What is accepted can be signed, shows no id openly, and comes back.
func FuzzFromAuditEvent(f *testing.F) {
	for _, raw := range patterns(f) {
		f.Add(raw)
	}
	for _, name := range []string{"read", "query", "minimal", "several"} {
		f.Add(r5Event(f, name))
	}
	f.Add([]byte(ev("a")))
	signer := testSigner(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		list, _, err := board.FromAuditEvent(data)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("not an *Error: %v", err)
			}
			return
		}
		for _, a := range list {
			Describe(plain.In(plain.English), a)
			e, err := entry.Sign(signer, a)
			if err != nil {
				t.Fatalf("accepted, but cannot be signed: %v", err)
			}
			if v := idValue(a.Sub); strings.HasPrefix(a.Sub, "chi:") && strings.Contains(string(e.Payload), `"`+v) {
				t.Fatal("the id is in the open claims")
			}
			back, err := entry.Parse(e.SDJWT())
			if err != nil {
				t.Fatal(err)
			}
			raw, err := ToAuditEvent(back.Body.(*entry.Access))
			if err != nil {
				t.Fatalf("does not come back: %v", err)
			}
			if v, _ := parseTree("", data); isR5(v.(object)) {
				raw, err = ToR5(back.Body.(*entry.Access))
				if err != nil {
					t.Fatalf("does not come back in R5: %v", err)
				}
			}
			if len(list) == 1 && len(tree.Cuts(a.FHIR)) == 0 {
				sameJSON(t, raw, append([]byte(nil), data...))
			}
		}
	})
}
