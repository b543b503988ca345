package ui

import "net/http"

// Again is what an address says where nothing was done: the reader had to sign in, or to prove who
// they are, before their form was taken.
const Again = "again"

// Done returns what an address says has just been done, if a page of ours led there, as the answer
// to a form does. Anybody can write such an address into a link, by which somebody would believe
// that their key is revoked, or their no recorded.
func Done(r *http.Request) string {
	done := r.URL.Query().Get("done")
	if from := r.Header.Get("Sec-Fetch-Site"); from != "" && from != "same-origin" && done != Again {
		return ""
	}
	return done
}
