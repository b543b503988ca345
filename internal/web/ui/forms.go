package ui

import (
	"bytes"
	"context"
)

// MadeFor is the field of every form, and the header of what scripts send, that says for whom their
// page was made. Whoever uses the browser next may send a form that stayed open in another tab: it
// must not count for them.
const MadeFor = "made-for"

type madeForKey struct{}

// WithMadeFor returns a context by which pages know what their forms say of whom they were made
// for.
func WithMadeFor(ctx context.Context, whom string) context.Context {
	return context.WithValue(ctx, madeForKey{}, whom)
}

func madeFor(ctx context.Context) string {
	whom, _ := ctx.Value(madeForKey{}).(string)
	return whom
}

// withForms returns a page with MadeFor as the first field of each form that is posted. Templates
// escape what begins a tag, so only their own forms are found.
func withForms(page []byte, whom string) []byte {
	const form, posted = "<form ", `method="post"`
	if whom == "" || !bytes.Contains(page, []byte(posted)) {
		return page
	}
	field := `<input type="hidden" name="` + MadeFor + `" value="` + whom + `">`
	out := make([]byte, 0, len(page)+4*len(field))
	for {
		at := bytes.Index(page, []byte(form))
		if at < 0 {
			return append(out, page...)
		}
		end := at + bytes.IndexByte(page[at:], '>') + 1
		out = append(out, page[:end]...)
		if bytes.Contains(page[at:end], []byte(posted)) {
			out = append(out, field...)
		}
		page = page[end:]
	}
}
