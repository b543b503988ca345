package citizen

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/internal/web/shelf"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// notices are what people are told before they refuse something, in paragraphs. No text names
// anybody, so that everybody may read it.
var notices = map[string][]plain.Key{
	"research":   {"no.research.what", "no.not-care", "no.not-law", "no.when", "no.back"},
	"planning":   {"no.planning.what", "no.not-care", "no.not-law", "no.when", "no.back"},
	"out-person": {"out.person.what", "out.person.others", "out.emergency", "no.not-law", "no.when", "out.back"},
	"out-place":  {"out.place.what", "out.place.others", "out.emergency", "no.not-law", "no.when", "out.back"},
}

func noticeOf(words *ui.Words, name string) (list []string) {
	for _, key := range notices[name] {
		list = append(list, words.Text(key))
	}
	return list
}

// shelfNotices keeps each text that somebody was told before they decided, for as long as the
// ledger is run: the log has its hash, and the words of a later version of these pages have
// another.
const shelfNotices = "notices"

// notified keeps what the reader of a page was told, and returns its record. A use that does not
// exist has no text, and no record.
func (p *pages) notified(r *http.Request, name string) (*entry.Notice, error) {
	if notices[name] == nil {
		return nil, nil
	}
	words := p.room.Words(r)
	text := noticeText(noticeOf(words, name))
	n := &entry.Notice{Hash: sha256.Sum256([]byte(text)), Language: string(words.Language())}
	key := hex.EncodeToString(n.Hash[:])
	n.URL = p.Public + "/notices/" + key
	return n, p.Shelf.Put(r.Context(), shelfNotices, key, []byte(text), time.Time{})
}

// notice serves such a text to everybody, so that it can be read, and its hash compared.
func (p *pages) notice(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("hash")
	text, err := p.Shelf.Get(r.Context(), shelfNotices, key)
	if today := p.today(key); errors.Is(err, shelf.ErrNotFound) && today != "" { // the shelf was emptied
		text, err = []byte(today), nil
	}
	switch {
	case errors.Is(err, shelf.ErrNotFound):
		p.fail(w, r, errNotFound)
	case err != nil:
		p.fail(w, r, err)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		fmt.Fprint(w, string(text))
	}
}

// today returns the text with a hash among those that these pages tell, or "".
func (p *pages) today(key string) string {
	for _, words := range p.room.Languages() {
		for name := range notices {
			text := noticeText(noticeOf(words, name))
			if sum := sha256.Sum256([]byte(text)); hex.EncodeToString(sum[:]) == key {
				return text
			}
		}
	}
	return ""
}

func noticeText(paragraphs []string) string {
	return ui.Unmarked(strings.Join(paragraphs, "\n\n")) + "\n"
}
