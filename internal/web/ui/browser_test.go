package ui

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/fstest"

	"igledger/internal/web/webtest"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

// everything has each part that pages are made of.
const everything = `{{define "main"}}
<p class="ds_leader">{{t "words"}}</p>
{{template "notification" .Data.Note}}
<h2>{{t "words"}}</h2>
{{template "summary-list" .Data.Rows}}
{{template "tags" .Data.Tags}}
<form method="post" action="/form">
<div class="ds_question ds_question--error"><label class="ds_label" for="name">{{t "words"}}</label><p class="ds_hint-text">{{t "words"}}</p>
{{template "field-error" (.ErrorFor "name")}}<input class="ds_input ds_input--error" id="name" name="name" value="x"></div>
<div class="ds_question"><label class="ds_label" for="choice">{{t "words"}}</label><div class="ds_select-wrapper"><select class="ds_select" id="choice"><option>{{t "words"}}</option></select><span class="ds_select-arrow" aria-hidden="true"></span></div></div>
<fieldset class="ds_question"><legend>{{t "words"}}</legend>
<div class="ds_radio"><input class="ds_radio__input" id="r1" name="r" type="radio" checked><label class="ds_radio__label" for="r1">{{t "words"}}</label></div>
<div class="ds_checkbox"><input class="ds_checkbox__input" id="c1" name="c" type="checkbox" checked><label class="ds_checkbox__label" for="c1">{{t "words"}}</label></div>
</fieldset>
<label class="ds_label" for="text">{{t "words"}}</label><textarea class="ds_input" id="text" rows="3"></textarea>
<div class="ig-actions"><button class="ds_button" type="submit">{{t "words"}}</button> <a class="ds_button ds_button--secondary" href="/">{{t "words"}}</a></div>
</form>
<div class="ds_inset-text"><div class="ds_inset-text__text">{{t "words"}}</div></div>
<div class="ds_warning-text"><strong class="ds_warning-text__icon" aria-hidden="true"></strong><strong class="visually-hidden">!</strong><div class="ds_warning-text__text">{{t "words"}} <a href="/">{{t "words"}}</a></div></div>
<div class="ig-attention"><p>{{t "words"}} <a href="/">{{t "words"}}</a></p></div>
<table class="ds_table"><caption>{{t "words"}}</caption><thead><tr><th scope="col">{{t "words"}}</th><th scope="col">{{t "words"}}</th></tr></thead>
<tbody><tr><th scope="row">{{t "words"}}</th><td><a href="/">{{t "words"}}</a></td></tr><tr><th scope="row">{{t "words"}}</th><td>{{t "words"}}</td></tr></tbody></table>
<details class="ds_details" open><summary class="ds_details__summary">{{t "words"}}</summary><div class="ds_details__text"><p>{{t "words"}}</p></div></details>
{{template "pagination" .Data.Pages}}
{{end}}`

// Every part of pages can be read in every way in which people read.
func TestPartsInBrowser(t *testing.T) {
	for name, c := range map[string]struct {
		how   webtest.How
		plain bool
	}{
		"light":                                 {},
		"phone":                                 {how: webtest.How{Width: 320, NoScript: true}},
		"dark":                                  {how: webtest.How{Prefers: map[string]string{"prefers-color-scheme": "dark"}}},
		"contrast":                              {how: webtest.How{Prefers: map[string]string{"prefers-contrast": "more", "prefers-reduced-motion": "reduce"}}},
		"forced":                                {how: webtest.How{Prefers: map[string]string{"forced-colors": "active"}}},
		"print":                                 {how: webtest.How{Media: "print"}},
		"without the design system":             {plain: true},
		"dark, without the design system":       {how: webtest.How{Prefers: map[string]string{"prefers-color-scheme": "dark"}}, plain: true},
		"on a phone, without the design system": {how: webtest.How{Width: 320}, plain: true},
	} {
		s := newSite(t)
		s.config.Secure = false
		if c.plain {
			s.stylesheets[0] = "plain.css"
		}
		r, err := s.Room(fstest.MapFS{
			"page.html":     {Data: []byte(everything)},
			"en.properties": {Data: []byte("words = Words that are long enough to fill a line of a narrow page")},
		})
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		mux.Handle("/assets/", s.Assets())
		mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
			_ = r.Render(w, req, http.StatusOK, "page", Page{
				Title: "Every part", Section: "you", User: &testUser{}, Notice: "It is done.",
				Crumbs: []Crumb{{"Start", "/"}}, Errors: []FieldError{{"name", "Enter a name"}},
				Data: map[string]any{
					"Note":  Note{Kind: "warning", Title: "Mind this", Text: "It matters."},
					"Rows":  []Row{{Key: "Name", Value: "Morag", Link: Link{Text: "Change", Href: "/"}}, {Key: "Key", Value: "d6876ff356060d8a18360775f4e69522e797487ee74c815a1f63160e2c574efc"}},
					"Tags":  []Tag{{"grey", ""}, {"green", "green"}, {"red", "red"}, {"yellow", "yellow"}, {"orange", "orange"}, {"blue", "blue"}, {"teal", "teal"}},
					"Pages": Pagination{Label: "Pages", Prev: "/?p=1", Next: "/?p=3", Pages: []Link{{"1", "/?p=1", false}, {"2", "/?p=2", true}}},
				},
			})
		})
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		tab := webtest.New(t, c.how)
		tab.Open(server.URL)
		tab.Accessible()
		tab.Shot("parts-" + name)
		if list := tab.Problems(); len(list) > 0 {
			t.Errorf("%s: %v", name, list)
		}
	}
}
