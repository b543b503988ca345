package paper

import (
	"net/http"

	"igledger/audit/plain"
	"igledger/internal/web/ui"
)

// MountPublic adds the page on which anybody checks a statement or an extract that they have as a file.
// It needs no sign-in: of Deps only Site, Policy, Public and Logger.
func MountPublic(mux *http.ServeMux, d Deps) error {
	room, err := d.Site.Room(files)
	if err != nil {
		return err
	}
	mountPolicy(mux, d)
	data := func(words *ui.Words, kept bool) checkData {
		return checkData{strangerData{Checks: plain.In(words.Language()).Checks()}, d.Policy, kept}
	}
	mux.HandleFunc("GET /check", func(w http.ResponseWriter, r *http.Request) {
		words := room.Words(r)
		// Its error says that the page apologised.
		_ = room.Render(w, r, http.StatusOK, "check", ui.Page{Title: words.Text("check.title"), Section: "check",
			Scripts: []string{checker}, Data: data(words, false)})
	})
	// The same page as a file, for a reader who keeps it.
	mux.HandleFunc("GET /check/keep", func(w http.ResponseWriter, r *http.Request) {
		words := room.Words(r)
		page, err := room.Alone(r, "check", "paper.css", checker+".js", ui.Page{Title: words.Text("check.title"), Data: data(words, true)})
		if err != nil { // the program was built without it: the page says so
			d.Site.Problem(w, r, http.StatusNotFound, "not-found")
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="check-a-proof.html"`)
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(page) // it fails only if the reader went away
	})
	return nil
}

// checker is the script that checks.
const checker = "proof"

// checkData is what the page shows. The file never comes here.
type checkData struct {
	strangerData
	Policy string
	Kept   bool // it is a file on its reader's disk
}

// Keys are the words that the script puts together.
func (checkData) Keys() []string {
	return append(strangerData{}.Keys(), "no-file", "no-number", "number-needed", "no-statement", "no-policy", "no-days",
		"other-policy", "no-code")
}

// Proves names the words for what a check proves.
func (checkData) Proves() []string { return []string{"signed", "complete", "same"} }
