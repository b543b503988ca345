package officer

import (
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"igledger/consent/draft"
	"igledger/internal/testlog"
	"igledger/internal/web/signin"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// written is an agreement between LOT and others as an officer writes it.
func (w *world) written(id string, change ...string) string {
	text := strings.NewReplacer(append(change,
		`id: ""`, "id: "+id, `hash: ""`, `hash: "`+strings.Repeat("ab", 32)+`"`, "north-board", "LOT", "south-board", "HUB",
		"2026-09-15", w.day(-60), "2027-01-01", w.day(1), "2029-12-31", w.day(700), "2028-01-31",
		w.day(300))...).Replace(string(draft.Template()))
	return text
}

// regexpDraft finds the address of a draft in its editor.
var regexpDraft = regexp.MustCompile(`action="(/officer/drafts/[A-Z0-9]+)"`)

// areaOf is what an editor has in its field.
func areaOf(body string) string {
	m := regexp.MustCompile(`(?s)<textarea[^>]*>\n?(.*?)</textarea>`).FindStringSubmatch(body)
	return html.UnescapeString(m[1])
}

func under(id string) func(*entry.Access) { return func(a *entry.Access) { a.Agreement = id } }

// elsewhereAgree proposes an agreement to LOT.
func (o *officer) elsewhereAgree(id string) {
	o.t.Helper()
	o.propose(id, "organisation: north-board", "organisation: GGC", "organisation: south-board", "organisation: LOT",
		"from: north-board", "from: GGC", "to: north-board", "to: GGC", "from: south-board", "from: LOT", "to: south-board", "to: LOT")
}

func (o *officer) post(path string, form url.Values) answer {
	o.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return o.do("POST", path, form)
}

// propose writes and proposes an agreement, and returns its path.
func (o *officer) propose(id string, change ...string) string {
	o.t.Helper()
	a := o.post("/officer/draft", url.Values{"text": {o.written(id, change...)}, "next": {"propose"}})
	if a.code != 303 {
		o.t.Fatalf("draft: %d %s", a.code, a.text())
	}
	o.see(a.location)
	done := o.post(a.location, url.Values{"how": {"server"}})
	if done.code != 303 {
		o.t.Fatalf("propose: %d %s", done.code, done.text())
	}
	return agreementPath(id)
}

func (w *world) size() uint64 {
	w.t.Helper()
	n, err := w.Log.Size(w.t.Context())
	w.ok(err)
	return n
}

// An officer writes an agreement, is told what is wrong and where, proposes, signs and ends it.
// What is sent twice is recorded once.
func TestAgreementFromDraftToEnd(t *testing.T) {
	w := newWorld(t)
	lot, hub, ggc := w.officer("LOT", "Ailsa Example"), w.officer("HUB", "Hamish Example"), w.officer("GGC", "Una Example")

	wrong := strings.Replace(w.written("isa-1"), "role: controller", "role: boss", 1)
	a := lot.post("/officer/draft", url.Values{"text": {wrong}})
	if a.code != 422 || !strings.Contains(a.text(), "Line 17: Parties, number 1, Role has a value that is not allowed here") ||
		!strings.Contains(a.body, `href="#text"`) || !strings.Contains(a.body, "role: boss") {
		t.Fatalf("%d %s", a.code, a.text())
	}
	saved := regexpDraft.FindStringSubmatch(a.body)
	if saved == nil || !strings.Contains(lot.see("/officer/drafts").text(), "Saved by Ailsa Example") {
		t.Fatal("a draft with mistakes is not kept")
	}
	check := lot.post("/officer/draft/check", url.Values{"text": {wrong}})
	var said struct{ Problems []struct{ Line int } }
	if err := json.Unmarshal([]byte(check.body), &said); err != nil || len(said.Problems) != 1 || said.Problems[0].Line != 17 {
		t.Errorf("%v %s", err, check.body)
	}
	a = lot.post(saved[1], url.Values{"text": {w.written("isa-1")}, "revision": {"1"}, "next": {"propose"}})
	if a.code != 303 || !strings.HasSuffix(a.location, "/propose") {
		t.Fatalf("%d %s", a.code, a.text())
	}
	if x := lot.post(saved[1], url.Values{"text": {"other"}, "revision": {"1"}}); x.code != 409 || !strings.Contains(x.body, "other") {
		t.Errorf("a save over another's: %d", x.code)
	}
	before := w.size()
	for range 2 {
		if x := lot.post(a.location, url.Values{"how": {"server"}}); x.code != 303 && x.code != 404 { // the draft is gone by then
			t.Fatalf("%d %s", x.code, x.text())
		}
	}
	if n := w.size() - before; n != 1 {
		t.Errorf("proposed twice: %d entries", n)
	}

	if x := hub.see("/officer/inbox").text(); !strings.Contains(x, "1 agreement to sign") {
		t.Error(x)
	}
	if x := ggc.see("/officer/inbox").text(); !strings.Contains(x, "0 agreements to sign") {
		t.Error(x)
	}
	before = w.size()
	for range 2 {
		if x := lot.post("/officer/agreements/isa-1/1/sign", nil); x.code != 303 {
			t.Fatalf("%d %s", x.code, x.text())
		}
	}
	if n := w.size() - before; n != 1 {
		t.Errorf("signed twice: %d entries", n)
	}
	if x := hub.post("/officer/agreements/isa-1/1/sign", nil); x.code != 422 || !strings.Contains(x.text(), "holds no key") {
		t.Errorf("%d %s", x.code, x.text())
	}
	hub.elsewhere("/officer/agreements/isa-1/1/sign", w.keys["HUB"], nil, 303)
	page := lot.see("/officer/agreements/isa-1").text()
	for _, want := range []string{"Signed by Organisation LOT", "Signed by Organisation HUB", short(w.keys["HUB"].KID),
		"Signed, not started"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q: %s", want, page)
		}
	}

	for form, code := range map[string]int{"reason=why": 422, "reason=why&typed=isa-2": 422, "typed=isa-1": 422,
		"reason=why&typed=isa-1": 303} {
		if form == "reason=why&typed=isa-1" {
			continue
		}
		q, _ := url.ParseQuery(form)
		if x := lot.post("/officer/agreements/isa-1/1/terminate", q); x.code != code {
			t.Errorf("%s: %d", form, x.code)
		}
	}
	before = w.size()
	for range 2 {
		if x := lot.post("/officer/agreements/isa-1/1/terminate", url.Values{"reason": {"no longer needed"}, "typed": {"isa-1"}}); x.code != 303 {
			t.Fatalf("%d %s", x.code, x.text())
		}
	}
	if n := w.size() - before; n != 1 {
		t.Errorf("ended twice: %d entries", n)
	}
	if x := lot.see("/officer/agreements/isa-1").text(); !strings.Contains(x, "Ended by Organisation LOT") ||
		!strings.Contains(x, "no longer needed") {
		t.Error(x)
	}
}

// elsewhere does a deed with a key that is not at the server, as the script does.
func (o *officer) elsewhere(path string, key *wire.Signer, form url.Values, code int) answer {
	o.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	public, err := json.Marshal(key.Public)
	o.ok(err)
	form.Set("how", "prepare")
	form.Set("key", string(public))
	a := o.post(path, form)
	var said struct{ Signing string }
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || a.code != 200 {
		o.t.Fatalf("prepare: %d %v %s", a.code, err, a.body)
	}
	payload, err := wire.Decode64("payload", said.Signing[strings.IndexByte(said.Signing, '.')+1:])
	o.ok(err)
	compact, err := key.SignJWS(wire.TypEntry, payload)
	o.ok(err)
	if !strings.HasPrefix(compact, said.Signing+".") {
		o.t.Fatal("what a key signs elsewhere is not what it would sign here")
	}
	form.Set("how", "browser")
	form.Set("jws", compact)
	a = o.post(path, form)
	if a.code != code {
		o.t.Fatalf("browser: %d %s", a.code, a.text())
	}
	return a
}

// What another entry says, or another organisation's, is not taken by a page that asked for
// something else, even if its signature is good.
func TestSignedSomethingElse(t *testing.T) {
	w := newWorld(t)
	lot, hub := w.officer("LOT", "Ailsa Example"), w.officer("HUB", "Hamish Example")
	lot.propose("isa-1")
	lot.propose("isa-2")
	before := w.size()
	sign := func(key *wire.Signer, org string, body entry.Body) string {
		e, err := entry.SignFor(key, org, w.Log.Origin(), body)
		w.ok(err)
		return e.Compact
	}
	rules, err := w.door.Rules(t.Context())
	w.ok(err)
	other := rules.Agreements().Get("isa-2").Versions[0].Proposal
	for name, jws := range map[string]string{
		"another agreement": sign(w.keys["HUB"], "HUB", &entry.AgreementSignature{Agreement: "isa-2", Version: 1, Proposal: other}),
		"another organisation": sign(w.keys["LOT"], "LOT", &entry.AgreementSignature{Agreement: "isa-1", Version: 1,
			Proposal: rules.Agreements().Get("isa-1").Versions[0].Proposal}),
		"another key": sign(w.keys["LOT"], "HUB", &entry.AgreementSignature{Agreement: "isa-1", Version: 1,
			Proposal: rules.Agreements().Get("isa-1").Versions[0].Proposal}),
		"nothing": "x",
	} {
		if a := hub.post("/officer/agreements/isa-1/1/sign", url.Values{"how": {"browser"}, "jws": {jws}}); a.code != 422 {
			t.Errorf("%s: %d", name, a.code)
		}
	}
	stranger, _ := json.Marshal(testlog.Signer(wire.EdDSA).Public)
	if a := hub.post("/officer/agreements/isa-1/1/sign", url.Values{"how": {"prepare"}, "key": {string(stranger)}}); a.code != 422 {
		t.Errorf("prepared for a key that is not registered: %d", a.code)
	}
	if n := w.size() - before; n != 0 {
		t.Errorf("%d entries", n)
	}
}

// Another organisation's drafts, ids and keys in an address or form give nothing.
func TestOnlyOwnDeeds(t *testing.T) {
	w := newWorld(t)
	lot, ggc := w.officer("LOT", "Ailsa Example"), w.officer("GGC", "Una Example")
	all := []signin.Permission{signin.Agreements, signin.Administer, signin.Reports}
	admin, ggcAdmin := w.officer("LOT", "Admin Example", all...), w.officer("GGC", "Other Admin", all...)
	lot.propose("isa-1")
	a := lot.post("/officer/draft", url.Values{"text": {w.written("isa-2")}})
	path, _, _ := strings.Cut(a.location, "?")
	kid := lot.askForKey(testlog.Signer(wire.EdDSA))
	before := w.size()
	for _, o := range []*officer{ggc, ggcAdmin} {
		for _, p := range []string{path, path + "/propose", "/officer/draft?amend=isa-1", "/officer/agreements/isa-1/1/sign",
			"/officer/agreements/isa-1/1/withdraw", "/officer/agreements/isa-1/7/sign",
			"/officer/agreements/isa-1/1/nonsense", "/officer/keys/" + kid + "/request.json"} {
			if x := o.get(p); x.code != 404 && x.code != 303 {
				t.Errorf("GET %s: %d", p, x.code)
			} else if strings.Contains(x.body, "isa-2") {
				t.Errorf("GET %s tells of it", p)
			}
		}
		for _, p := range []string{path, path + "/propose", path + "/delete", "/officer/agreements/isa-1/1/sign",
			"/officer/agreements/isa-1/1/decline",
			"/officer/agreements/isa-1/1/withdraw", "/officer/keys/" + kid + "/approve", "/officer/keys/" + kid + "/refuse",
			"/officer/keys/" + w.keys["LOT"].KID + "/revoke"} {
			x := o.post(p, url.Values{"text": {w.written("isa-3")}, "typed": {"isa-1"}, "reason": {"why"}, "org": {"LOT"}})
			if x.code != 404 && x.code != 403 && x.code != 303 {
				t.Errorf("POST %s: %d", p, x.code)
			}
		}
	}
	if w.size() != before {
		t.Error("something was recorded")
	}
	lot.see(path) // still there
	if x := lot.post("/officer/keys/"+kid+"/approve", nil); x.code != 403 {
		t.Errorf("an officer who is no administrator approves: %d", x.code)
	}
	admin.see("/officer/keys/" + kid + "/approve")
	if x := w.nobody().get("/officer/agreements"); x.code == 200 {
		t.Error("nobody reads")
	}
}

// askForKey asks for a key as the script does, and returns its thumbprint.
func (o *officer) askForKey(key *wire.Signer) string {
	o.t.Helper()
	public, err := json.Marshal(key.Public)
	o.ok(err)
	form := url.Values{"key": {string(public)}, "purpose": {"agreements"}}
	a := o.post("/officer/keys/prove", form)
	var said struct{ Signing string }
	o.ok(json.Unmarshal([]byte(a.body), &said))
	proof, err := entry.ProveKey(key, o.Log.Origin(), "LOT")
	o.ok(err)
	if strings.HasPrefix(proof, said.Signing+".") {
		form.Set("proof", proof)
	} else {
		own, err := entry.ProveKey(key, o.Log.Origin(), "HUB")
		o.ok(err)
		form.Set("proof", own)
	}
	if a := o.post("/officer/keys", form); a.code != 303 {
		o.t.Fatalf("%d %s", a.code, a.text())
	}
	return key.KID
}

// A key whose holder does not prove to have it is not asked for. An administrator registers the
// others, here or with the command that takes the file.
func TestKeys(t *testing.T) {
	w := newWorld(t)
	hub := w.officer("HUB", "Hamish Example")
	admin := w.officer("HUB", "Admin Example", signin.Administer)
	key, public := testlog.Signer(wire.EdDSA), []byte(nil)
	public, _ = json.Marshal(key.Public)
	proof, err := entry.ProveKey(testlog.Signer(wire.EdDSA), w.Log.Origin(), "HUB")
	w.ok(err)
	if a := hub.post("/officer/keys", url.Values{"key": {string(public)}, "purpose": {"agreements"}, "proof": {proof}}); a.code != 422 {
		t.Errorf("without proof: %d", a.code)
	}
	if a := hub.post("/officer/keys/prove", url.Values{"key": {string(public)}, "purpose": {"administer"}}); a.code != 422 {
		t.Errorf("an officer asks for an administrator's key: %d", a.code)
	}
	kid := hub.askForKey(key)
	file := hub.see("/officer/keys/" + kid + "/request.json")
	var req keyFile
	if err := json.NewDecoder(bytes.NewReader([]byte(file.body))).Decode(&req); err != nil || req.Organisation != "HUB" ||
		entry.CheckKeyProof(req.Proof, w.Log.Origin(), "HUB", req.Key.JWK) != nil {
		t.Errorf("%v %s", err, file.body)
	}
	if x := admin.see("/officer/inbox").text(); !strings.Contains(x, "1 key to approve") || !strings.Contains(x, short(kid)) {
		t.Error(x)
	}
	for range 2 {
		a := admin.post("/officer/keys/"+kid+"/approve", nil)
		if a.code != 303 && a.code != 404 {
			t.Fatalf("%d %s", a.code, a.text())
		}
	}
	w.officer("LOT", "Ailsa Example").propose("isa-1")
	hub.elsewhere("/officer/agreements/isa-1/1/sign", key, nil, 303)
	if a := admin.post("/officer/keys/"+kid+"/revoke", url.Values{"reason": {"retired"}, "typed": {short(kid)}}); a.code != 303 {
		t.Fatalf("%d %s", a.code, a.text())
	}
	if x := hub.see("/officer/agreements/isa-1").text(); !strings.Contains(x, "key revoked since") {
		t.Error(x)
	}
}

// What one party will not sign leaves its list, and the ledger is as before.
func TestDecline(t *testing.T) {
	w := newWorld(t)
	lot, hub := w.officer("LOT", "Ailsa Example"), w.officer("HUB", "Hamish Example")
	lot.propose("isa-1")
	before := w.size()
	if a := hub.post("/officer/agreements/isa-1/1/decline", url.Values{"reason": {"too <b>wide"}}); a.code != 303 {
		t.Fatal(a.code)
	}
	x := hub.see("/officer/inbox")
	if !strings.Contains(x.text(), "0 agreements to sign") || !strings.Contains(x.body, "too &lt;b&gt;wide") || w.size() != before {
		t.Error(x.text())
	}
	hub.post("/officer/agreements/isa-1/1/decline", url.Values{"again": {"1"}})
	if x := hub.see("/officer/inbox").text(); !strings.Contains(x, "1 agreement to sign") {
		t.Error(x)
	}
}

// An amendment starts from the newest version, on a day that can be. The two are shown side by
// side.
func TestAmend(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-1", "LOT", "GGC", "TREAT")
	lot := w.officer("LOT", "Ailsa Example")
	a := lot.see("/officer/draft?amend=isa-1")
	if !strings.Contains(a.body, "version: 2") || !strings.Contains(a.body, "start: &#34;"+w.day(1)) &&
		!strings.Contains(a.body, "start: "+w.day(1)) {
		t.Fatal(a.body)
	}
	text := strings.Replace(areaOf(a.body), "a year", "two whole years", 1)
	a = lot.post("/officer/draft", url.Values{"text": {text}, "next": {"propose"}})
	if a.code != 303 {
		t.Fatal(a.text())
	}
	if a := lot.post(a.location, nil); a.code != 303 {
		t.Fatal(a.text())
	}
	x := lot.see("/officer/agreements/isa-1/compare?from=1&to=2")
	if !strings.Contains(x.body, "<del>a</del> <ins>") && !strings.Contains(x.body, "<del>a year</del>") &&
		!strings.Contains(x.body, "<del>") {
		t.Error(x.body)
	}
	if strings.Contains(lot.get("/officer/agreements/isa-1/compare?from=1&to=9").text(), "differences") {
		t.Error("a version that is not there")
	}
}

// Accesses that name an agreement are counted under it, for the organisation whose accesses they
// are.
func TestAccessesUnder(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-1", "LOT", "GGC", "TREAT")
	for i := range 3 {
		w.access("LOT", morag, i, under("isa-1"))
		w.access("LOT", morag, i, under("isa-2"))
		w.access("LOT", morag, i, under("isa-1"), func(a *entry.Access) { a.Outcome = "8" }) // nothing was seen
	}
	if x := w.officer("LOT", "Ailsa Example").see("/officer/agreements/isa-1").text(); !strings.Contains(x, "3 accesses in all.") {
		t.Error(x)
	}
	if x := w.officer("GGC", "Una Example").see("/officer/agreements/isa-1").text(); !strings.Contains(x,
		"No access of your organisation named this agreement.") {
		t.Error(x)
	}
	una := w.officer("LOT", "Una Example", signin.Agreements)
	if x := una.see("/officer/agreements/isa-1").text(); !strings.Contains(x, "may not read reports") {
		t.Error(x)
	}
}

func TestDifference(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"read the letters", "read all letters", "=read |-the|+all|= letters"},
		{"", "new", "+new"},
		{"same", "same", "=same"},
	} {
		var got []string
		for _, s := range diffWords(c.a, c.b) {
			got = append(got, strings.Replace(string(s.kind), " ", "=", 1)+s.text)
		}
		if g := strings.Join(got, "|"); g != c.want {
			t.Errorf("%q %q: %s, want %s", c.a, c.b, g, c.want)
		}
	}
	before := []draft.Field{{Path: "parties[0].organisation", Name: "parties", Number: 1, Part: "Organisation", Value: "A"},
		{Path: "parties[0].role", Name: "parties", Number: 1, Part: "Role", Value: "controller"}}
	now := []draft.Field{{Path: "parties[0].organisation", Name: "parties", Number: 1, Part: "Organisation", Value: "B"},
		{Path: "parties[0].role", Name: "parties", Number: 1, Part: "Role", Value: "recipient"},
		{Path: "parties[1].organisation", Name: "parties", Number: 2, Part: "Organisation", Value: "A"},
		{Path: "parties[1].role", Name: "parties", Number: 2, Part: "Role", Value: "processor"}}
	changed := 0
	for _, p := range pairUp(before, now) {
		if p.before != nil && p.now != nil && p.before.Value != p.now.Value {
			changed++
			if p.before.Value != "controller" || p.now.Value != "processor" {
				t.Errorf("%+v", p)
			}
		}
	}
	if changed != 1 {
		t.Errorf("%d changes", changed)
	}
}
