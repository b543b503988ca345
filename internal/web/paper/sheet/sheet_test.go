package sheet_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ledongthuc/pdf"

	"igledger/internal/testledger"
	"igledger/internal/testlog"
	"igledger/internal/testneeds"
	"igledger/internal/web/paper/sheet"
	"igledger/internal/web/webtest"
	"igledger/internal/words"
	"igledger/ledger/entry"
	"igledger/verifier"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

const person = "chi:0101010001"

// newSheet returns the sheet of a person in whose record somebody with a strange name looked.
func newSheet(t *testing.T) *sheet.Sheet {
	auditor := testlog.NewCosigner("auditor.example")
	l := testledger.New(t, auditor)
	key := l.Enrol("TST", []entry.Role{entry.RoleController, entry.RoleSource}, entry.PurposeSubmit)
	for days := range 30 {
		l.Append(key, &entry.Access{
			Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Source: "EPR", Action: "R", Outcome: "0",
			Data: []string{"http://hl7.org/fhir/resource-types|Observation"}, Purpose: []string{[]string{"TREAT", "HRESCH"}[days%2]},
			Recorded: time.Now().AddDate(0, 0, -days).Format(time.RFC3339), Sub: person,
			Staff: &entry.Staff{Name: `<script>alert("x")</script> & "Ailsa"`},
		})
	}
	l.Cosign(auditor)
	s, err := l.Index.Statement(t.Context(), person, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var data bytes.Buffer
	if err := s.Write(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	policy, err := verifier.ParsePolicy(l.Policy(auditor))
	if err != nil {
		t.Fatal(err)
	}
	r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data.Bytes(), Policy: policy, ID: person, Now: time.Now()})
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return &sheet.Sheet{
		Report: r, Desk: "TST", Made: time.Now(), Zone: time.UTC, Words: words.Of(data.Bytes()), Ends: time.Now().AddDate(0, 0, 30),
		Code: "https://ledger.example/p/0123456789012345678901#0123456789012345678901234567890123456789012",
	}
}

// The PDF has the words and every line, and its pages are numbered.
func TestPDF(t *testing.T) {
	browser, err := sheet.Browser("")
	testneeds.It(t, "Chromium", err)
	s := newSheet(t)
	pages := map[bool]int{}
	for _, s.Large = range []bool{false, true} {
		html, err := s.HTML()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(html), "<script") || strings.Contains(string(html), "0101010001") {
			t.Error("the page has a script, or the number")
		}
		data, err := sheet.PDF(t.Context(), browser, html)
		if err != nil {
			t.Fatal(err)
		}
		r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := r.GetPlainText()
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(plain); err != nil {
			t.Fatal(err)
		}
		flat := strings.Join(strings.Fields(text.String()), "")
		for _, want := range append([]string{"Thereare30thingsonthislist.15ofthem", "Notcovered", "OrganisationTST", `<script>alert("x")`}, s.Words...) {
			if !strings.Contains(flat, want) {
				t.Errorf("no %q on paper:\n%s", want, text.String())
			}
		}
		if got := strings.Count(flat, "Readtestresultsandmeasurements"); got != 30 {
			t.Errorf("%d lines", got)
		}
		pages[s.Large] = r.NumPage()
	}
	if pages[false] < 2 || pages[true] <= pages[false] {
		t.Errorf("%d pages, %d in large print", pages[false], pages[true])
	}
}

// A phone reads the code from the sheet.
func TestCodeIsReadable(t *testing.T) {
	s := newSheet(t)
	html, err := s.HTML()
	if err != nil {
		t.Fatal(err)
	}
	tab := webtest.New(t, webtest.How{})
	tab.Open("data:text/html;base64," + base64.StdEncoding.EncodeToString(html))
	tab.Shot("sheet")
	if got := tab.Scan(); got != s.Code {
		t.Errorf("the code says %q", got)
	}
}

func TestNoBrowser(t *testing.T) {
	if _, err := sheet.Browser("no-such-browser"); !errors.Is(err, sheet.ErrNoBrowser) {
		t.Error(err)
	}
	if _, err := sheet.PDF(t.Context(), "false", []byte("<p>x")); err == nil {
		t.Error("a browser that fails printed something")
	}
}
