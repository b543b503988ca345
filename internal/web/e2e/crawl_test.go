package e2e_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"igledger/internal/web/webtest"
)

// mostBytes is how much a page may load, compressed, without the verifier: at 1 Mbit/s less than a
// second.
const mostBytes = 100_000

// verifiers are the scripts with the verifier, each in its own page.
var verifiers = []string{"check.", "paper.", "proof."}

// alike turns addresses of the same kind of page into one, so that a few of each are enough.
var alike = regexp.MustCompile(`[0-9a-f]{8,}|\d+|lang=\w+|=[^&]+`)

const mostAlike = 3

// mostAsked is how much is asked for in one session, which may ask for 100 pages at once.
const mostAsked = 80

// crawler follows every link of the demonstration as somebody.
type crawler struct {
	*testing.T
	client  *http.Client
	enter   func() []*http.Cookie // signs in, in a browser of its own
	cookies []*http.Cookie
	asked   int
	pages   map[string]*crawled // by path and query
	kinds   map[string]int
	assets  map[string]int // compressed bytes
	queue   []string
	from    map[string]string
	forms   map[string]string // actions, by where they stand
}

type crawled struct {
	status int
	bytes  int
	ids    map[string]bool
	frags  map[string]string // fragments of other pages that it links to, by address
	assets []string
}

func (c *crawler) do(method, path string) (int, []byte, http.Header) {
	c.Helper()
	req, err := http.NewRequest(method, demo.url+path, nil)
	if err != nil {
		c.Fatalf("%s: %v", path, err)
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.asked%mostAsked == 0 {
		c.cookies = c.enter()
	}
	c.asked++
	for _, k := range c.cookies {
		req.AddCookie(k)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		c.Fatalf("%s: %v", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode, body, resp.Header
}

// ask adds an address to those to be read, if it is of the demonstration and not enough are like
// it.
func (c *crawler) ask(from, href string) {
	base, _ := url.Parse(demo.url + from)
	u, err := base.Parse(href)
	if err != nil {
		c.Errorf("%s: the link %q is none", from, href)
		return
	}
	if u.Scheme+"://"+u.Host != demo.url {
		return
	}
	path := u.RequestURI()
	if u.Fragment != "" {
		c.pages[from].frags[path] = u.Fragment
	}
	if _, known := c.from[path]; known {
		return
	}
	if kind := alike.ReplaceAllString(path, "…"); c.kinds[kind] < mostAlike {
		c.kinds[kind]++
		c.from[path] = from
		c.queue = append(c.queue, path)
	}
}

func (c *crawler) read(path string) {
	// What is written for people is asked as they ask, and what is for programs as those do.
	status, body, head := c.do("GET", path)
	p := &crawled{status: status, ids: map[string]bool{}, frags: map[string]string{}}
	c.pages[path] = p
	if status >= 400 || status == http.StatusFound && head.Get("Location") == "" {
		c.Errorf("%s, to which %s links: %d", path, c.from[path], status)
		return
	}
	if to := head.Get("Location"); to != "" {
		c.ask(path, to)
		return
	}
	if !strings.HasPrefix(head.Get("Content-Type"), "text/html") {
		return
	}
	p.bytes = len(body)
	doc, err := html.Parse(strings.NewReader(plainText(c, body, head)))
	if err != nil {
		c.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		at := map[string]string{}
		for _, a := range n.Attr {
			at[a.Key] = a.Val
		}
		if id := at["id"]; id != "" {
			if p.ids[id] {
				c.Errorf("%s: the id %q is there twice", path, id)
			}
			p.ids[id] = true
		}
		switch {
		case n.Data == "a" && at["href"] != "":
			c.ask(path, at["href"])
		case n.Data == "form" && strings.EqualFold(at["method"], "post"):
			c.forms[at["action"]] = path
		case n.Data == "form":
			c.ask(path, at["action"])
		case n.Data == "script" && at["src"] != "":
			p.assets = append(p.assets, at["src"])
		case n.Data == "link" && at["href"] != "", n.Data == "img" && at["src"] != "":
			p.assets = append(p.assets, at["href"]+at["src"])
		}
	}
}

// everything reads what can be reached, and then checks what only all pages together show.
func (c *crawler) everything() {
	for len(c.queue) > 0 {
		path := c.queue[0]
		c.queue = c.queue[1:]
		c.read(path)
	}
	for path, p := range c.pages {
		for to, id := range p.frags {
			if q := c.pages[to]; q != nil && q.status == 200 && !q.ids[id] {
				c.Errorf("%s links to %s#%s, which is not there", path, to, id)
			}
		}
		total := p.bytes
		for _, a := range p.assets {
			name := a[strings.LastIndex(a, "/")+1:]
			if slices.ContainsFunc(verifiers, func(v string) bool { return strings.HasPrefix(name, v) }) {
				continue
			}
			if _, ok := c.assets[a]; !ok {
				status, body, _ := c.do("GET", a)
				if status != 200 {
					c.Errorf("%s of %s: %d", a, path, status)
				}
				c.assets[a] = len(body)
			}
			total += c.assets[a]
		}
		if total > mostBytes && path != "/check/keep" { // the file that is kept has the verifier in it
			c.Errorf("%s loads %d bytes", path, total)
		}
	}
}

// mine are the forms whose pages this test is about. The others belong to officers, and do
// something when they are sent empty.
var mine = regexp.MustCompile(`^/(you|desk|sign)`)

// Every link, form and fragment that somebody can reach leads somewhere, and no page is heavy.
func TestEveryLink(t *testing.T) {
	for _, who := range pagesOf {
		t.Run(strings.ReplaceAll(who.name, " ", ""), func(t *testing.T) {
			enter := func() []*http.Cookie {
				if who.name == "" {
					return nil
				}
				v := visit(t, webtest.How{})
				v.signIn(who.account, who.name)
				return v.Cookies()
			}
			visit(t, webtest.How{}) // so that the demonstration runs
			stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			c := &crawler{T: t, enter: enter,
				client: &http.Client{CheckRedirect: stay, Transport: &http.Transport{DisableCompression: true}},
				pages:  map[string]*crawled{}, kinds: map[string]int{}, assets: map[string]int{}, from: map[string]string{}, forms: map[string]string{}}
			for _, path := range who.paths {
				if path != "/nothing-here" {
					c.pages[""] = &crawled{frags: map[string]string{}}
					c.ask("", path)
				}
			}
			c.everything()
			for action, from := range c.forms {
				if !mine.MatchString(action) || action == "/sign-out" {
					continue
				}
				if status, _, _ := c.do("POST", action); status == 404 || status == 405 || status >= 500 {
					c.Errorf("the form of %s to %s: %d", from, action, status)
				}
			}
			heaviest, at := 0, ""
			for path, p := range c.pages {
				if p.bytes > heaviest {
					heaviest, at = p.bytes, path
				}
			}
			t.Logf("%d pages; the longest is %s with %d bytes", len(c.pages), at, heaviest)
		})
	}
}

func plainText(c *crawler, body []byte, head http.Header) string {
	if head.Get("Content-Encoding") != "gzip" {
		return string(body)
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}
