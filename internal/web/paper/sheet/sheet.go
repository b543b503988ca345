// Package sheet prints a statement on paper without a web page: for a front desk with a machine of
// its own. It makes one HTML file, which needs nothing else, and has an installed Chromium make a PDF
// of it.
package sheet

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/internal/web/draw"
	"igledger/ledger/entry"
	"igledger/verifier"
)

//go:embed sheet.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "sheet.html"))

// Sheet is what is printed.
type Sheet struct {
	Report *verifier.StatementReport // checked, and of one person
	Desk   string                    // id of the organisation that prints
	Made   time.Time
	Zone   *time.Location // in which times are shown
	Words  []string       // of the statement
	Code   string         // address with the key in its fragment; "": no code
	Ends   time.Time      // of the code
	Large  bool           // 18 point
}

type row struct {
	When, Where, Who, What, Why, Covered string
	Marked                               bool
	at                                   time.Time
}

// HTML returns the page.
func (s *Sheet) HTML() ([]byte, error) {
	data := struct {
		*Sheet
		Drawing template.HTML
		Rows    []row
		Marked  int
		DeskName, MadeOn, EndsOn,
		AsOf string
	}{Sheet: s, DeskName: s.name(s.Desk), MadeOn: s.when(s.Made), EndsOn: s.Ends.In(s.Zone).Format("2 January 2006"), AsOf: "a time that is not known"}
	if at := s.Report.AsOf; !at.IsZero() {
		data.AsOf = s.when(at)
	} else if at := s.Report.SignedAt; !at.IsZero() {
		data.AsOf = s.when(at)
	}
	list := slices.Concat(s.Report.Entries, s.Report.Everyone)
	for _, l := range s.Report.Linked {
		list = append(list, l.Entries...)
	}
	for _, e := range list {
		if e.Hidden {
			continue
		}
		r := s.row(e)
		if r.Marked {
			data.Marked++
		}
		data.Rows = append(data.Rows, r)
	}
	slices.SortStableFunc(data.Rows, func(a, b row) int { return b.at.Compare(a.at) })
	if s.Code != "" {
		var err error
		if data.Drawing, err = draw.Code(s.Code, "A code that opens this list"); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	err := page.Execute(&out, data)
	return out.Bytes(), err
}

func (s *Sheet) when(t time.Time) string { return t.In(s.Zone).Format("2 January 2006 at 15:04") }

func (s *Sheet) name(org string) string {
	if s.Report.Register != nil {
		if o := s.Report.Register.Organisation(org); o != nil && o.Name != "" {
			return o.Name
		}
	}
	return org
}

func (s *Sheet) row(e verifier.StatementEntry) row {
	said := plain.In(plain.English)
	if e.Entry == nil {
		return row{What: said.Text(plain.Unreadable), Marked: true}
	}
	d := said.Describe(e.Entry)
	r := row{at: d.When, When: s.when(d.When), Where: s.name(d.Organisation), What: sentence(d.What), Why: sentence(d.Why)}
	var who []string
	for _, w := range []string{d.Staff, d.Role} {
		if w != "" {
			who = append(who, w)
		}
	}
	if d.Machine {
		who = append(who, said.Text(plain.MarkMachine), d.System)
	}
	r.Who = strings.TrimSuffix(strings.Join(who, ", "), ", ")
	if o := e.Opening; o != nil && o.Verdict != nil {
		switch o.Verdict.Result {
		case entry.Covered:
			r.Covered = "Covered"
		case entry.BreakGlass:
			r.Covered, r.Marked = "Emergency override", true
		case entry.NotCovered:
			r.Covered, r.Marked = "Not covered", true
		}
	}
	return r
}

// sentence returns a text with a capital at its beginning.
func sentence(text string) string {
	for n, r := range text {
		return strings.ToUpper(string(r)) + text[n+len(string(r)):]
	}
	return text
}

// ErrNoBrowser says that there is no program here that can make a PDF.
var ErrNoBrowser = errors.New("no Chromium is installed here")

// Browser returns the path of an installed Chromium, or of the one that is named.
func Browser(named string) (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"}
	if named != "" {
		names = []string{named}
	}
	for _, n := range names {
		if path, err := exec.LookPath(n); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w (looked for %s)", ErrNoBrowser, strings.Join(names, ", "))
}

// PDF has a browser print a page, and returns the file. What it needs on disk is in a folder that
// only this user can read, and is removed.
func PDF(ctx context.Context, browser string, html []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "igledger-paper-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "sheet.html"), filepath.Join(dir, "sheet.pdf")
	if err := os.WriteFile(in, html, 0o600); err != nil {
		return nil, err
	}
	args := []string{
		"--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir=" + filepath.Join(dir, "profile"), "--no-pdf-header-footer", "--print-to-pdf=" + out, "file://" + in,
	}
	if os.Geteuid() == 0 { // Chromium has no sandbox for root, and would refuse to start
		args = append([]string{"--no-sandbox"}, args...)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, browser, args...)
	cmd.Stderr = &said
	err = cmd.Run()
	data, readErr := os.ReadFile(out)
	if readErr != nil || !bytes.HasPrefix(data, []byte("%PDF-")) {
		return nil, fmt.Errorf("%s printed nothing: %w", browser, errors.Join(err, readErr))
	}
	return data, nil
}
