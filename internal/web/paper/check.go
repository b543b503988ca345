package paper

import (
	"net/http"

	"igledger/audit/plain"
	"igledger/internal/web/ui"
)

// MountPublic adds the page on which anybody checks a statement or an extract that they have as a file.
// It needs no sign-in: of Deps only Site, Policy and Logger.
func MountPublic(mux *http.ServeMux, d Deps) error {
	room, err := d.Site.Room(files)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /check", func(w http.ResponseWriter, r *http.Request) {
		words := room.Words(r)
		// Its error says that the page apologised.
		_ = room.Render(w, r, http.StatusOK, "check", ui.Page{Title: words.Text("check.title"), Section: "check", Scripts: []string{"proof"},
			Data: checkData{strangerData{Checks: plain.In(words.Language()).Checks()}, d.Policy}})
	})
	return nil
}

// checkData is what the page shows. The file never comes here.
type checkData struct {
	strangerData
	Policy string
}

// Keys are the words that the script puts together.
func (checkData) Keys() []string {
	return append(strangerData{}.Keys(), "no-file", "no-number", "number-needed", "no-statement", "no-policy", "progress")
}

// Proves and Not name the words for what a check proves, and for what it does not.
func (checkData) Proves() []string { return []string{"signed", "complete", "same"} }

// Not names the words for what a check does not prove.
func (checkData) Not() []string { return []string{"reported", "true", "withheld", "later"} }
