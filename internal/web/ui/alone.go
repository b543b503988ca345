package ui

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

// around is the file around a body. Styles and scripts may be within it, as in no page that a
// server sends.
var around = template.Must(template.ParseFS(own, "templates/alone/file.html"))

// alonePage is what both templates are executed with.
type alonePage struct {
	View
	Policy string
	Style  template.CSS
	Script template.JS
	Body   template.HTML
	Made   time.Time
}

// Alone returns a page of a room as one file that needs no other: styles and the script are
// within it. A reader opens it from their disk, so no server sets its headers: its own policy, in
// the file, lets run what is in it by digest, and nothing be loaded or sent.
func (room *Room) Alone(r *http.Request, name, style, script string, p Page) ([]byte, error) {
	l := room.language(r)
	t := room.pages[l][name]
	if t == nil {
		return nil, fmt.Errorf("there is no page %s", name)
	}
	text, ok := room.site.assets.files[script]
	if !ok {
		return nil, fmt.Errorf("%w: %s", errNoAsset, script)
	}
	var styles bytes.Buffer
	for _, s := range append(slices.Clone(room.site.stylesheets), style) {
		styles.Write(room.site.assets.files[s].plain)
		styles.WriteByte('\n')
	}
	v := &alonePage{
		View:  View{Page: p, Brand: room.site.config.Brand, Lang: l},
		Style: template.CSS(styles.String()), Script: template.JS(text.plain), //nolint:gosec // they are our own files
		Made: room.site.config.Now(),
	}
	if closes(string(v.Style), "</style") || closes(string(v.Script), "</script") || closes(string(v.Script), "<!--") {
		return nil, fmt.Errorf("%s or a stylesheet would end the element that it is in", script)
	}
	v.Policy = "default-src 'none'; script-src " + digestOf(string(v.Script)) + "; style-src " + digestOf(string(v.Style)) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "alone", v); err != nil {
		return nil, err
	}
	v.Body = template.HTML(out.String()) //nolint:gosec // a template wrote it
	out.Reset()
	err := around.Execute(&out, v)
	return out.Bytes(), err
}

func closes(text, end string) bool { return strings.Contains(strings.ToLower(text), end) }

// digestOf is what a policy calls a script or style within a page (CSP Level 3, hash-source).
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
