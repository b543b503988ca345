package entry_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

func unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

func TestAccessSurvivesTheJourney(t *testing.T) {
	w := newWorld(t)
	for name, s := range map[string]*wire.Signer{"EdDSA": w.board, "ES256": w.boardEC} {
		t.Run(name, func(t *testing.T) {
			want := w.accessBody()
			sent := w.sign(s, want)
			got, err := entry.Parse(sent.SDJWT())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Body, want) || got.ShownSub() != testSub {
				t.Errorf("got %+v, want %+v", got.Body, want)
			}
			if err := got.JWS.Verify(s.Public); err != nil {
				t.Error(err)
			}
			if !want.Time().Equal(time.Date(2026, 11, 22, 8, 15, 0, 0,
				time.UTC)) || want.RecordedTime().Nanosecond() != 250e6 || want.Accessor() != "north-board" {
				t.Error("times or accessor are not those of the claims")
			}
		})
	}
}

// The open claims must not show how much is disclosed, two entries must not share a digest, and the
// id must not be guessable from a digest.
func TestDigestsSayNothing(t *testing.T) {
	w := newWorld(t)
	full, bare := w.accessBody(), w.accessBody()
	bare.Staff = nil
	bare.Parties = nil
	bare.Text = nil
	bare.Seq = nil
	bare.FHIR = nil
	seen := map[string]bool{}
	for _, a := range []*entry.Access{full, bare, w.accessBody()} {
		e := w.sign(w.board, a)
		if len(a.SD) != wire.SDDigests || !slices.IsSorted(a.SD) {
			t.Errorf("%d digests, sorted %v", len(a.SD), slices.IsSorted(a.SD))
		}
		for _, d := range a.SD {
			if seen[d] {
				t.Error("a digest occurs twice: a salt or decoy was used again")
			}
			seen[d] = true
		}
		for _, secret := range []string{testSub, "0101011237", "n-4711", "A. Tester", "ward round", "192.0.2.7",
			"ward 7"} {
			if bytes.Contains(e.Payload, []byte(secret)) {
				t.Errorf("%q is in the open claims", secret)
			}
		}
	}
}

func TestSignRefusesWhatParseWould(t *testing.T) {
	w := newWorld(t)
	cases := map[string]struct {
		change func(a *entry.Access)
		code   wire.Code
	}{
		"no sub":          {func(a *entry.Access) { a.Sub = "" }, wire.BadID},
		"malformed sub":   {func(a *entry.Access) { a.Sub = "0101011237" }, wire.BadID},
		"no source":       {func(a *entry.Access) { a.Source = "" }, wire.BadClaim},
		"seq zero":        {func(a *entry.Access) { a.Seq = new(uint64) }, wire.BadDisclosure},
		"time":            {func(a *entry.Access) { a.Recorded = "yesterday" }, wire.BadClaim},
		"origin":          {func(a *entry.Access) { a.Audience = "" }, wire.BadClaim},
		"invalid UTF-8":   {func(a *entry.Access) { a.Staff.Name = "chi:0101011237\xff" }, wire.BadJSON},
		"fhir is no JSON": {func(a *entry.Access) { a.FHIR = []byte(`{"chi:0101011237":`) }, wire.BadJSON},
		"65 units": {func(a *entry.Access) {
			a.Staff = &entry.Staff{Units: slices.Repeat([]string{"urn:wards|4"}, 65)}
		}, wire.BadDisclosure},
		"empty unit":       {func(a *entry.Access) { a.Staff = &entry.Staff{Units: []string{""}} }, wire.BadDisclosure},
		"text over 64 KiB": {func(a *entry.Access) { a.Text.Why = strings.Repeat("w", 64<<10) }, wire.TooLarge},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := w.accessBody()
			c.change(a)
			_, err := entry.Sign(w.board, a)
			if !errors.Is(err, c.code) {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			refused(t, err, testSub, "0101011237")
		})
	}
}

func TestSignFillsIn(t *testing.T) {
	w := newWorld(t)
	a := w.accessBody()
	a.ID, a.IssuedAt = "", 0
	before := time.Now().Unix()
	e := w.sign(w.board, a)
	if e.ID == "" || e.IssuedAt < before || e.Type != entry.TypeAccess {
		t.Errorf("got jti %q, iat %d, type %q", e.ID, e.IssuedAt, e.Type)
	}
	if again := w.sign(w.board, w.accessBody()); again.ID == e.ID {
		t.Error("two entries have one jti")
	}
}

// An access that happened is accepted whatever the check digit of its number.
func TestWrongCheckDigitIsTaken(t *testing.T) {
	w := newWorld(t)
	a := w.accessBody()
	a.Sub = "chi:0101011236"
	if e := w.sign(w.board, a); e.ShownSub() != a.Sub || entry.CheckDigitOK(a.Sub) {
		t.Error("the access was not accepted unchanged")
	}
}

// Errors go to logs and over the wire. None may repeat a person's id, name or number, wherever a
// careless sender put it.
func TestErrorsKeepSecrets(t *testing.T) {
	w := newWorld(t)
	// A person's name may look like the name of a member.
	if err := wire.DecodeJSON("staff", []byte(`{"Jane":1}`),
		new(entry.Staff)); err == nil || strings.Contains(err.Error(), "Jane") {
		t.Error("an unknown member is accepted, or its name repeated:", err)
	}
	secrets := []string{"chi:0101011236", "0101011236", "Jane Example"} // not even a number whose check digit is wrong
	good := w.sign(w.board, w.accessBody())
	org := w.sign(w.registrar, w.boardBody())
	key := w.sign(w.board, w.ownKey(w.boardNext, entry.PurposeSubmit))
	for _, s := range secrets {
		q := quote(s)
		for name, err := range map[string]error{
			"id":              entry.CheckID("x" + s),
			"unknown member":  wire.DecodeJSON("entry", []byte(`{`+q+`:1}`), new(entry.Staff)),
			"map key":         wire.DecodeJSON("map", []byte(`{`+q+`:"x"}`), new(map[string]int)),
			"wrong kind":      wire.DecodeJSON("entry", []byte(q), new(entry.Staff)),
			"hash":            wire.DecodeJSON("entry", []byte(q), new(wire.Hash)),
			"duplicate":       wire.DecodeJSON("entry", []byte(`{`+q+`:1,`+q+`:2}`), new(entry.Staff)),
			"null":            wire.DecodeJSON("map", []byte(`{`+q+`:null}`), new(map[string]string)),
			"type":            parseErr(w.edit(good, w.board, `"access"`, q)),
			"iss":             parseErr(w.edit(good, w.board, `"north-board"`, quote("x "+s))),
			"aud":             parseErr(w.edit(good, w.board, quote(testOrigin), quote(s+" "))),
			"jti":             parseErr(w.edit(good, w.board, quote(good.ID), q)),
			"source":          parseErr(w.edit(good, w.board, `"trak"`, quote("x "+s))),
			"action":          parseErr(w.edit(good, w.board, `"R"`, q)),
			"outcome":         parseErr(w.edit(good, w.board, `"outcome":"0"`, `"outcome":`+q)),
			"recorded":        parseErr(w.edit(good, w.board, `"2026-11-22T08:15:00.250Z"`, q)),
			"digest":          parseErr(w.edit(good, w.board, quote(good.Body.(*entry.Access).SD[0]), q)),
			"role":            parseErr(w.edit(org, w.registrar, `"source"`, q)),
			"kind":            parseErr(w.edit(org, w.registrar, `"health-board"`, quote("X "+s))),
			"organisation id": parseErr(w.edit(org, w.registrar, `"id":"north-board"`, `"id":`+quote("x "+s))),
			"purpose":         parseErr(w.edit(key, w.board, `"submit"`, q)),
			"crv":             parseErr(w.edit(key, w.board, `"Ed25519"`, q)),
			"checkpoint":      checkpointErr(s + "\n1\nx\n"),
			"disclosure":      disclosureErr(wire.Encode64([]byte(`["0123456789012345678901",` + q + `]`))),
			"disclosure name": parseErr(withFirst(w, good, `["0123456789012345678901",`+q+`,1]`)),
			"sub":             parseErr(withFirst(w, good, `["0123456789012345678901","sub",`+quote("x"+s)+`]`)),
			"seq":             parseErr(withFirst(w, good, `["0123456789012345678901","seq",`+q+`]`)),
			"staff member":    parseErr(withFirst(w, good, `["0123456789012345678901","staff",{`+q+`:1}]`)),
			"issuer of a key": func() error {
				r := replayed(t, w.baseLog())
				return r.May(w.board.KID, s, entry.PurposeSubmit, entry.RoleSource, 3)
			}(),
		} {
			if err == nil {
				t.Errorf("%s: taken", name)
				continue
			}
			refused(t, err)
			if strings.Contains(err.Error(), s) {
				t.Errorf("%s: the error repeats it: %v", name, err)
			}
		}
	}
}

func parseErr(s string) error      { _, err := entry.Parse(s); return err }
func checkpointErr(s string) error { _, err := proof.ParseCheckpointText(s); return err }
func disclosureErr(s string) error { _, err := wire.ParseDisclosure(s); return err }

// withFirst returns the access with one disclosure, made of array, in place of its disclosures.
func withFirst(w *world, e *entry.Entry, array string) string {
	d := wire.Disclosure{Encoded: wire.Encode64([]byte(array))}
	sd := slices.Clone(e.Body.(*entry.Access).SD)
	old := `"` + strings.Join(sd, `","`) + `"`
	sd[0] = d.Digest()
	slices.Sort(sd)
	compact, _, _ := strings.Cut(w.edit(e, w.board, old, `"`+strings.Join(sd, `","`)+`"`), "~")
	return compact + "~" + d.Encoded + "~"
}

// quote returns s as a JSON string.
func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
