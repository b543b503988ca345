package paper

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

const (
	postShelf  = "desk-post"
	jobLife    = 30 * 24 * time.Hour
	maxAddress = 400 // bytes
	maxLines   = 8
)

// job is a print that a desk sends by post. It holds neither the number nor the list, and the address
// only if somebody typed it for the label, until it is posted.
type job struct {
	ID       string    `json:"id"`
	Request  string    `json:"request"`
	Made     time.Time `json:"made"`
	By       string    `json:"by"` // name of the member of staff
	Address  string    `json:"address,omitempty"`
	Posted   time.Time `json:"posted,omitzero"`
	PostedBy string    `json:"postedBy,omitempty"`
}

// jobKey is that of a job of an organisation: another's finds nothing.
func jobKey(org, id string) string { return org + "/" + id }

// addJob puts the print of a visit on the list to post.
func (p *pages) addJob(w http.ResponseWriter, r *http.Request) error {
	u, words := signin.From(r.Context()), p.room.Words(r)
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	v, err := p.openVisit(r)
	if err != nil {
		return err
	}
	address, ok := readAddress(r.PostFormValue("address"))
	if !ok {
		return p.visitPage(w, r, http.StatusUnprocessableEntity, "", []ui.FieldError{{Field: "address", Text: words.Text("post.address.wrong")}})
	}
	j := job{ID: rand.Text(), Request: v.Request, Made: p.Now(), By: staffName(u), Address: address}
	if err := p.putJob(r, u.Org, j.ID, func(*job) (*job, error) { return &j, nil }); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/visit/"+r.PathValue("visit")+"?post", http.StatusSeeOther)
	return nil
}

func staffName(u *signin.User) string { return cmp.Or(u.Name, u.Staff.Name, u.Staff.ID) }

// readAddress returns the lines of an address. It takes no person's number, which would be read
// through the window of the envelope.
func readAddress(text string) (string, bool) {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	address := strings.Join(lines, "\n")
	strange := func(r rune) bool { return unicode.IsControl(r) && r != '\n' }
	ok := len(address) <= maxAddress && len(lines) <= maxLines && utf8.ValidString(address) &&
		!strings.ContainsFunc(address, strange) && !entry.ContainsPersonNumber(address)
	return address, ok
}

// putJob changes a job of an organisation, or makes it: change gets nil if there is none.
func (p *pages) putJob(r *http.Request, org, id string, change func(*job) (*job, error)) error {
	return p.Shelf.Update(r.Context(), postShelf, jobKey(org, id), func(old []byte) ([]byte, time.Time, error) {
		var j *job
		if old != nil {
			j = new(job)
			if err := json.Unmarshal(old, j); err != nil {
				return nil, time.Time{}, err
			}
		}
		j, err := change(j)
		if err != nil {
			return nil, time.Time{}, err
		}
		data, err := json.Marshal(j)
		return data, j.Made.Add(jobLife), err
	})
}

func (p *pages) getJob(r *http.Request) (*job, error) {
	data, err := p.Shelf.Get(r.Context(), postShelf, jobKey(signin.From(r.Context()).Org, r.PathValue("job")))
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	j := new(job)
	return j, json.Unmarshal(data, j)
}

type postData struct {
	Waiting, Posted []job
	Days            int
}

// post lists the print jobs of the user's organisation.
func (p *pages) post(w http.ResponseWriter, r *http.Request) error {
	words := p.room.Words(r)
	d := postData{Days: int(jobLife / (24 * time.Hour))}
	prefix := jobKey(signin.From(r.Context()).Org, "")
	for after := ""; ; {
		items, err := p.Shelf.List(r.Context(), postShelf, prefix, after, 200)
		if err != nil {
			return err
		}
		for _, i := range items {
			after = i.Key
			var j job
			if err := json.Unmarshal(i.Value, &j); err != nil {
				return err
			}
			if j.Posted.IsZero() {
				d.Waiting = append(d.Waiting, j)
			} else {
				d.Posted = append(d.Posted, j)
			}
		}
		if len(items) < 200 {
			break
		}
	}
	slices.SortFunc(d.Waiting, func(a, b job) int { return a.Made.Compare(b.Made) })
	slices.SortFunc(d.Posted, func(a, b job) int { return b.Posted.Compare(a.Posted) })
	notice := ""
	switch q := r.URL.Query(); {
	case q.Has("posted"):
		notice = words.Text("post.done")
	case q.Has("removed"):
		notice = words.Text("post.removed")
	}
	return p.room.Render(w, r, http.StatusOK, "post", ui.Page{
		Title: words.Text("post.title"), Section: "desk", Notice: notice, Data: d,
		Crumbs: []ui.Crumb{{Text: words.Text("nav.desk"), Href: "/desk"}},
	})
}

// label is the address of one job, to print.
func (p *pages) label(w http.ResponseWriter, r *http.Request) error {
	j, err := p.getJob(r)
	if err != nil {
		return err
	}
	if j.Address == "" {
		return errNotFound
	}
	words := p.room.Words(r)
	return p.room.Render(w, r, http.StatusOK, "label", ui.Page{
		Title: words.Text("label.title"), Section: "desk", Data: j,
		Crumbs: []ui.Crumb{{Text: words.Text("nav.desk"), Href: "/desk"}, {Text: words.Text("post.title"), Href: "/desk/post"}},
	})
}

// posted says that a job was posted, and forgets its address.
func (p *pages) posted(w http.ResponseWriter, r *http.Request) error {
	u := signin.From(r.Context())
	err := p.putJob(r, u.Org, r.PathValue("job"), func(j *job) (*job, error) {
		if j == nil {
			return nil, errNotFound
		}
		if j.Posted.IsZero() {
			j.Posted, j.PostedBy = p.Now(), staffName(u)
		}
		j.Address = ""
		return j, nil
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/post?posted", http.StatusSeeOther)
	return nil
}

func (p *pages) removeJob(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.getJob(r); err != nil {
		return err
	}
	if err := p.Shelf.Delete(r.Context(), postShelf, jobKey(signin.From(r.Context()).Org, r.PathValue("job"))); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/post?removed", http.StatusSeeOther)
	return nil
}
