package client

import (
	"context"
	"net/http"
	"net/url"
)

// Notes is the answer to GET /v1/notes: one page of what the caller's organisation noted.
type Notes struct {
	Notes []Note `json:"notes" doc:"By jti"`
	Next  string `json:"next,omitempty" doc:"Pass as after to get the next page; absent on the last page"`
}

// Note is what an organisation's officers noted on the pages about an access that stands out. It is
// not in the log: nobody but the organisation has it, and nothing proves it.
type Note struct {
	ID     string     `json:"jti" doc:"jti of the access, as reports have it"`
	Status string     `json:"status" enum:"open,explained,incident" doc:"How far the organisation is: that of the newest step"`
	Steps  []NoteStep `json:"steps" doc:"Oldest first"`
}

// NoteStep is one record about an access.
type NoteStep struct {
	Status string `json:"status" enum:"open,explained,incident" doc:"open: not settled; explained: it was right; incident: it was wrong"`
	Note   string `json:"note,omitempty" doc:"In the words of who recorded it, not the ledger's"`
	At     string `json:"at" doc:"RFC 3339, by the ledger's clock"`
	By     string `json:"by" doc:"Who recorded it, as their organisation names them"`
}

// Notes returns all notes of the caller's organisation. On the organisation's first reading of a
// day the ledger logs an access about everyone before it answers.
func (c *Client) Notes(ctx context.Context) ([]Note, error) {
	all := []Note{}
	for after := ""; ; {
		path := c.withPurpose("/v1/notes")
		if after != "" {
			path += map[bool]string{true: "?", false: "&"}[len(c.Purpose) == 0] + url.Values{"after": {after}}.Encode()
		}
		page, err := get[Notes](ctx, c, request{method: http.MethodGet, path: path, token: true})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Notes...)
		if page.Next <= after {
			return all, nil
		}
		after = page.Next
	}
}
