package citizen

import (
	"bufio"
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"
	"time"

	"igledger/audit/plain"
	"igledger/audit/statement"
	"igledger/internal/client"
	"igledger/internal/web/door"
	"igledger/internal/web/ui"
	"igledger/ledger"
)

// mountDownloads adds the pages by which a person takes their list away. Files are answers to forms:
// a link could be followed by something that reads ahead.
func (p *pages) mountDownloads(mux *http.ServeMux) {
	p.handle(mux, "GET /you/download", p.downloads)
	for name, f := range map[string]func(http.ResponseWriter, *http.Request) error{
		"statement": p.statement, "extract": p.extract, "csv": p.csv,
	} {
		p.handle(mux, "POST /you/download/"+name, f)
		p.handle(mux, "GET /you/download/"+name, p.nothing) // after signing in again
	}
}

// downloadsPage says what can be downloaded, of all entries or of those that a filter chose.
type downloadsPage struct {
	Chosen   int // entries that the filter shows
	Filtered bool
	TooMany  bool   // for an extract
	Most     int    // in an extract
	Query    string // of the filter
}

func (p *pages) downloads(w http.ResponseWriter, r *http.Request) error {
	_, h, err := p.history(r)
	if err != nil {
		return err
	}
	f, _ := readFilter(r)
	f.Page = 1
	chosen := 0
	for _, i := range f.choose(h.Items, p.Zone) {
		if i.ID == 0 && i.Type != door.Erased {
			chosen++
		}
	}
	words := p.room.Words(r)
	return p.room.Render(w, r, http.StatusOK, "download", ui.Page{Title: words.Text("download.title"), Section: "download",
		Scripts: []string{"handover"}, Data: downloadsPage{
			Chosen: chosen, Filtered: f.any(), TooMany: chosen > client.MaxExtract, Most: client.MaxExtract, Query: f.query()}})
}

// attach makes an answer a file. Its name says nothing of the person.
func (p *pages) attach(w http.ResponseWriter, kind, ending, media string) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+kind+"-"+p.Door.Now().In(p.Zone).Format(time.DateOnly)+ending+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// statement is the whole list with its proof.
func (p *pages) statement(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.history(r)
	if err != nil {
		return err
	}
	made, err := p.Door.Index().Statement(r.Context(), s.id, nil)
	switch {
	case errors.Is(err, statement.ErrNotFound):
		return p.nothing(w, r)
	case errors.Is(err, ledger.ErrErased): // what proves that a list is whole shows all of it
		p.Site.Problem(w, r, http.StatusGone, "erased")
		return ui.ErrAnswered
	case err != nil:
		return err
	}
	defer made.Close()
	p.attach(w, "statement", ".json", "application/json")
	out := bufio.NewWriterSize(w, 32<<10)
	if err := made.Write(r.Context(), out); err != nil {
		p.Logger.Error("a statement was broken off", "error", err)
		panic(http.ErrAbortHandler) // a part of it is out
	}
	_ = out.Flush() // it fails only if the reader went away
	return nil
}

// extract is the chosen entries, each with its proof.
func (p *pages) extract(w http.ResponseWriter, r *http.Request) error {
	s, h, err := p.history(r)
	if err != nil {
		return err
	}
	f, _ := readFilter(r)
	f.Page = 1
	var indices []uint64
	for _, i := range f.choose(h.Items, p.Zone) {
		if i.ID == 0 && i.Type != door.Erased { // those of another number are under that one
			indices = append(indices, i.Index)
		}
	}
	if len(indices) == 0 || len(indices) > client.MaxExtract {
		return p.nothing(w, r)
	}
	x, done, err := p.Door.Index().Extract(r.Context(), s.id, indices)
	if errors.Is(err, statement.ErrNotFound) || errors.Is(err, ledger.ErrTooMany) {
		return p.nothing(w, r)
	}
	if err != nil {
		return err
	}
	defer done()
	data, err := x.Marshal()
	if err != nil {
		return err
	}
	p.attach(w, "extract", ".json", "application/json")
	_, _ = w.Write(data) // it fails only if the reader went away
	return nil
}

// nothing goes back to where the reader chose.
func (p *pages) nothing(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/you/download", http.StatusSeeOther)
	return nil
}

// csv is the list in words, for a spreadsheet. It proves nothing.
func (p *pages) csv(w http.ResponseWriter, r *http.Request) error {
	s, h, err := p.history(r)
	if err != nil {
		return err
	}
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		return err
	}
	say := p.speaker(r, rules, s)
	f, _ := readFilter(r)
	f.Page = 1
	p.attach(w, "list", ".csv", "text/csv; charset=utf-8")
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	var head []string
	for _, name := range []plain.Key{"when", "where", "who", "what", "why", "result", "verdict", "attention", "entry"} {
		head = append(head, ui.Unmarked(say.Text("csv."+name)))
	}
	_ = out.Write(head)
	for _, i := range f.choose(h.Items, p.Zone) {
		row, verdict := say.row(i), ""
		if i.Verdict != nil && !row.Mine {
			verdict = say.rule(i).Verdict
		}
		line := []string{say.Words.When(i.When), row.Place, row.Who, row.What, row.Why, i.Words.Result, verdict, row.Reason,
			strconv.FormatUint(i.Index, 10)}
		for n := range line {
			line[n] = plain.Cell(ui.Unmarked(line[n]))
		}
		_ = out.Write(line)
	}
	out.Flush() // it fails only if the reader went away
	return nil
}
