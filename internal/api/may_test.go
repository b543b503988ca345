package api

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// The table below says by hand who may call what. Nothing in it is taken from the table of routes,
// so that a grant that is changed there by mistake fails here. A route without a row fails too.

// roleLetters name the roles in the table. For each there is an organisation ONLY-<letter> that has
// this role and no other, with one key for each purpose.
var roleLetters = map[string]entry.Role{
	"C": entry.RoleController, "P": entry.RoleProcessor, "S": entry.RoleSource, "A": entry.RoleAuditor,
	"R": entry.RoleRegistrar, "E": entry.RoleEnroller, "O": entry.RoleOperator, "F": entry.RoleFrontDesk,
}

const everyRole = "CPSAREOF"

var everyPurpose = []entry.Purpose{
	entry.PurposeAdminister, entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeFrontDesk,
	entry.PurposeGuard, entry.PurposeSubmit,
}

// allowed is, by the purpose of the caller's key, the letters of the roles that are given what they
// ask for.
type allowed map[entry.Purpose]string

var (
	noOne                  = allowed{}
	submitKeys             = allowed{"submit": everyRole}
	deciderKeys            = allowed{"submit": "CPS", "audit": "CPS", "guard": "CPS"}
	auditorsOnly           = allowed{"audit": "A"}
	controllersOnly        = allowed{"audit": "C"}
	auditorsAndControllers = allowed{"audit": "AC"}
	frontDesk              = allowed{"front-desk": "F"}
)

func anyKeyOf(letters string) allowed {
	return allowed{"submit": letters, "agreements": letters, "audit": letters, "administer": letters}
}

// row is what is expected of one route: of an open one, the same answer for everyone; of any other,
// who is given what. In paths and bodies these stand for what belongs to the caller's organisation:
// {org} its id, {key} the position and {jti} the jti of an entry it signed, {patient} a person it
// looked at and {access} where that stands. {their-access} and {their-jti} are of an entry that SRC
// signed about {their-patient}, which concerns SRC alone. {register} is the position of a sealed
// entry about a register.
type row struct {
	route  string
	open   bool
	cors   bool   // any web page may read the answer
	path   string // unless an ask has one of its own
	media  string // of the body; "": JSON
	body   string
	status int    // of an open route
	says   string // the OpenAPI document of a guarded route
	asks   []ask
}

// ask is one thing to ask of a guarded route.
type ask struct {
	name string
	path string // "": the row's
	body string
	// given reports whether an answer with status 200 has what org asked for; if nil, every such
	// answer has.
	given func(body []byte, org string) bool
	may   allowed
	// none is who is told that there is nothing of theirs, which is all that they may know. The
	// reading is logged. Everyone else is refused, and leaves no trace.
	none allowed
}

// What the OpenAPI document says of who may call, at the end of a description.
const (
	saysSubmitter = "Caller: a key with purpose `submit`. Limited to entries that the organisation submitted."
	saysAuditor   = "Caller: the auditor (a key with purpose `audit`, role `auditor`), " +
		"for the purpose `HOPERAT` or a narrower one"
	saysLimited = ", limited to accesses that it made or to records that it holds, and what it recorded itself"
	saysOwn     = "; the organisation (a key with purpose `audit`, role `controller`), " +
		"for the purpose `HOPERAT` or a narrower one" + saysLimited
	saysNotes   = saysAuditor + saysLimited + saysOwn + "."
	saysHistory = saysAuditor + "; the front desk (a key with purpose `front-desk`, role `front-desk`), " +
		"for the purpose `PATRQT`, with request and identity, not ids that begin with `reg:`" +
		saysOwn + ", not ids that begin with `reg:`."
	saysOpening  = saysAuditor + saysOwn + ", not ids that begin with `reg:`."
	saysDesk     = "Caller: a key with purpose `front-desk` of an organisation with the role `front-desk`."
	saysBulk     = saysAuditor + "."
	saysReporter = saysAuditor + saysOwn + "."
	saysDecider  = "Caller: a key with purpose `submit`, `audit` or `guard` of an organisation with the role " +
		"`controller`, `processor` or `source`. " +
		"Limited to accesses by the organisation, or to records that it holds."
	saysAny = "Caller: a key with purpose `submit`, `agreements`, `audit` or `administer`. " +
		"Limited to the organisation's own streams, unless it has the role `auditor`, `operator` or `registrar`."
)

var rows = []row{
	{route: "POST /v1/entries", open: true, path: "/v1/entries", body: `{"entries":["{signed}"]}`, status: 200},
	{route: "GET /v1/receipts/{index}", says: saysSubmitter, asks: []ask{
		{name: "its own", path: "/v1/receipts/{key}", may: submitKeys},
		{name: "another's", path: "/v1/receipts/{their-access}", may: noOne},
	}},
	{route: "POST /v1/receipts/lookup", says: saysSubmitter, path: "/v1/receipts/lookup", asks: []ask{
		{name: "its own", body: `{"jti":["{jti}"]}`, given: receiptGiven, may: submitKeys},
		{name: "another's", body: `{"jti":["{their-jti}"]}`, given: receiptGiven, may: noOne},
	}},
	{route: "POST /v1/accesses/search", says: saysHistory, path: "/v1/accesses/search", asks: slices.Concat(
		both("its patient", `"id":"{patient}"`, whole, own, noOne),
		both("another's patient", `"id":"{their-patient}"`, whole, own, noOne),
		both("a register", `"id":"reg:sources"`, nil, nil, noOne),
		both("readings of everyone", `"id":"reg:everyone"`, nil, nil, noOne),
	)},
	{
		route: "POST /fhir/r4/AuditEvent/_search", says: saysHistory, path: "/fhir/r4/AuditEvent/_search",
		media: "application/x-www-form-urlencoded", asks: slices.Concat(
			forms("its patient", "patient={patient}", wholeBundle, ownBundle),
			forms("another's patient", "patient={their-patient}", wholeBundle, ownBundle),
			forms("a register", "entity=reg:sources", nil, nil),
		),
	},
	{route: "GET /fhir/r4/metadata", open: true, cors: true, path: "/fhir/r4/metadata", status: 200},
	{route: "POST /v1/statements", says: saysHistory, path: "/v1/statements", asks: slices.Concat(
		both("its patient", `"id":"{patient}"`, isStatement, isExtract, noOne),
		both("another's patient", `"id":"temp:SRC:2"`, isStatement, isExtract, controllersOnly), // at whom nobody has looked yet
		both("an extract about its patient", `"id":"{patient}","extract":[{access}]`, isExtract, isExtract, noOne),
		both("an extract about another's patient", `"id":"{their-patient}","extract":[{their-access}]`, isExtract, isExtract, controllersOnly),
		both("a register", `"id":"reg:sources"`, nil, nil, noOne),
		both("an extract of a register", `"id":"reg:sources","extract":[{register}]`, nil, nil, noOne),
	)},
	{route: "POST /v1/papers", says: saysDesk, path: "/v1/papers", asks: []ask{
		{name: "its patient", body: `{"id":"{patient}","sealed":"{sealed}"}`, may: frontDesk},
		{name: "another's patient", body: `{"id":"{their-patient}","sealed":"{sealed}"}`, may: frontDesk}, // nothing is read
	}},
	{route: "GET /v1/openings/{index}", says: saysOpening, asks: []ask{
		{name: "a person it looked at", path: "/v1/openings/{access}?purpose=HCOMPL", may: auditorsAndControllers},
		{name: "without a purpose", path: "/v1/openings/{access}", may: noOne},
		{name: "for marketing", path: "/v1/openings/{access}?purpose=HMARKT", may: noOne},
		{name: "on request", path: "/v1/openings/{access}?purpose=PATRQT", may: noOne},
		{name: "another's patient", path: "/v1/openings/{their-access}?purpose=HCOMPL", may: auditorsOnly},
		{name: "a choice that another recorded", path: "/v1/openings/{choice}?purpose=HCOMPL", may: auditorsOnly},
		{name: "a register", path: "/v1/openings/{register}?purpose=HCOMPL", may: auditorsOnly},
	}},
	{route: "GET /v1/openings", says: saysBulk, asks: []ask{
		{name: "from its own", path: "/v1/openings?from={access}&purpose=HCOMPL", may: auditorsOnly},
		{name: "from another's", path: "/v1/openings?from={their-access}&purpose=HCOMPL", may: auditorsOnly},
		{name: "without a purpose", path: "/v1/openings?from={access}", may: noOne},
	}},
	{route: "GET /v1/feed/{from}", says: saysBulk, asks: []ask{
		{name: "from its own", path: "/v1/feed/{access}?purpose=HCOMPL", may: auditorsOnly},
		{name: "from another's", path: "/v1/feed/{their-access}?purpose=HCOMPL", may: auditorsOnly},
		{name: "for research", path: "/v1/feed/{their-access}?purpose=HRESCH", may: noOne},
	}},
	{route: "POST /v1/reports", says: saysReporter, path: "/v1/reports", asks: []ask{
		{name: "on itself", body: `{"kind":"uncovered","organisation":"{org}","purpose":["HCOMPL"]}`, may: auditorsAndControllers},
		{name: "its agreements", body: `{"kind":"due","organisation":"{org}","purpose":["HCOMPL"]}`, may: auditorsAndControllers},
		{name: "unnamed, on itself", body: `{"kind":"drift","purpose":["HCOMPL"]}`, given: reportOn("{org}"), may: controllersOnly},
		{name: "unnamed, on all", body: `{"kind":"drift","purpose":["HCOMPL"]}`, given: reportOn(""), may: auditorsOnly},
		{name: "on another", body: `{"kind":"break-glass","organisation":"SRC","purpose":["HCOMPL"]}`, may: auditorsOnly},
		{name: "another's agreements", body: `{"kind":"due","organisation":"SRC","purpose":["HCOMPL"]}`, may: auditorsOnly},
		{name: "without a purpose", body: `{"kind":"uncovered","organisation":"{org}"}`, may: noOne},
		{name: "on request", body: `{"kind":"uncovered","organisation":"{org}","purpose":["PATRQT"]}`, may: noOne},
	}},
	{route: "GET /v1/notes", says: saysNotes, asks: []ask{
		{name: "its own", path: "/v1/notes?purpose=HCOMPL", given: notedBy, may: auditorsAndControllers},
		{name: "without a purpose", path: "/v1/notes", may: noOne},
		{name: "on request", path: "/v1/notes?purpose=PATRQT", may: noOne},
		{name: "for research", path: "/v1/notes?purpose=HRESCH", may: noOne},
	}},
	{route: "POST /access/v1/evaluation", says: saysDecider, path: "/access/v1/evaluation", asks: []ask{
		{name: "its own record", body: evaluationBy("{org}", "{org}"), may: deciderKeys},
		{name: "unnamed", body: evaluationBy("", ""), may: deciderKeys},
		{name: "another's record", body: evaluationBy("{org}", "SRC"), may: deciderKeys},
		{name: "another, its record", body: evaluationBy("SRC", "{org}"), may: deciderKeys},
		{name: "between others", body: evaluationBy("CTL", "SRC"), may: noOne},
		{name: "another's own", body: evaluationBy("SRC", "SRC"), may: noOne},
	}},
	{route: "POST /access/v1/evaluations", says: saysDecider, path: "/access/v1/evaluations", asks: []ask{
		{name: "its own record", body: listed(evaluationBy("{org}", "{org}")), given: decided, may: deciderKeys},
		{name: "another's record", body: listed(evaluationBy("{org}", "SRC")), given: decided, may: deciderKeys},
		{name: "another, its record", body: listed(evaluationBy("SRC", "{org}")), given: decided, may: deciderKeys},
		{name: "between others", body: listed(evaluationBy("CTL", "SRC")), given: decided, may: noOne},
		{name: "between others, not in a list", body: evaluationBy("CTL", "SRC"), may: noOne},
	}},
	{route: "GET /v1/sources", says: saysAny, path: "/v1/sources", asks: []ask{
		{name: "the list", may: anyKeyOf(everyRole)},
		{name: "its own stream", given: ofStream("{org}"), may: anyKeyOf("S")}, // only a source has one
		{name: "another's stream", given: ofStream("SRC"), may: anyKeyOf("ARO")},
	}},
	{route: "GET /.well-known/authzen-configuration", open: true, cors: true, path: "/.well-known/authzen-configuration", status: 200},
	{
		route: "GET /.well-known/authzen-configuration/{path}", open: true, cors: true,
		path: "/.well-known/authzen-configuration/other", status: 404,
	},
	{route: "GET /v1/agreements", open: true, cors: true, path: "/v1/agreements", status: 200},
	{route: "GET /v1/agreements/{id}", open: true, cors: true, path: "/v1/agreements/isa-1", status: 200},
	{route: "GET /v1/requests", open: true, cors: true, path: "/v1/requests", status: 200},
	{route: "GET /v1/policies", open: true, cors: true, path: "/v1/policies", status: 200},
	{route: "GET /v1/register", open: true, cors: true, path: "/v1/register", status: 200},
	{route: "POST /v1/cosignatures", open: true, path: "/v1/cosignatures", media: "text/plain", body: "prose\n", status: 422},
	{route: "GET /v1/log", open: true, cors: true, path: "/v1/log", status: 200},
	{route: "GET /checkpoint", open: true, cors: true, path: "/checkpoint", status: 200},
	{route: "GET /tile/{tile}", open: true, cors: true, path: "/tile/entries/000.p/1", status: 200},
	{route: "GET /openapi.json", open: true, cors: true, path: "/openapi.json", status: 200},
	{route: "GET /healthz", open: true, path: "/healthz", status: 200},
	{route: "GET /readyz", open: true, path: "/readyz", status: 200},
}

// gate is a board with the organisations that the table speaks of.
type gate struct {
	*board
	signers map[string]map[entry.Purpose]*wire.Signer // by organisation
	fill    map[string]*strings.Replacer              // by organisation
	all     *wire.Signer                              // for every purpose, of ALL, which has every role
}

func newGate(t *testing.T) *gate {
	g := &gate{board: newBoard(t), signers: map[string]map[entry.Purpose]*wire.Signer{}, fill: map[string]*strings.Replacer{}}
	g.agree(g.isa("isa-1", 1))
	const theirPatient = "temp:SRC:1"
	theirs := g.access("SRC", theirPatient)
	theirAccess := g.append(g.submit["SRC"], theirs).Index
	register := g.append(g.submit["SRC"], g.access("SRC", entry.RegSources)).Index
	refusal := func(id string) *entry.Consent {
		now := time.Now().UTC().Format(time.RFC3339)
		return &entry.Consent{
			Common: common("SRC"), Consent: uuid.NewString(), Act: "refused", Scope: "research", Decided: now,
			Rule:      &entry.ConsentRule{Decision: "deny", Purposes: []string{"HRESCH"}},
			Expressed: entry.Expressed{How: "verbal", Verified: now}, Sub: id,
		}
	}
	choice := g.append(g.board.keys["SRC"], refusal(theirPatient)).Index
	join := func(org string, roles ...entry.Role) {
		g.enrol(org, roles...)
		own := &entry.Key{Common: common(org), Org: org}
		signer := g.newKey()
		own.Key = entry.PublicKey{JWK: signer.Public, Purposes: []entry.Purpose{entry.PurposeSubmit}}
		own.Proof = g.prove(signer, org)
		key := g.append(g.admin[org], own).Index
		g.signers[org] = map[entry.Purpose]*wire.Signer{
			entry.PurposeAdminister: g.admin[org], entry.PurposeSubmit: signer,
			entry.PurposeAgreements: g.addKey(org, entry.PurposeAgreements), entry.PurposeAudit: g.addKey(org, entry.PurposeAudit),
			entry.PurposeFrontDesk: g.addKey(org, entry.PurposeFrontDesk), entry.PurposeGuard: g.addKey(org, entry.PurposeGuard),
		}
		patient := "temp:" + org + ":1"
		g.append(g.submit["SRC"], g.access("SRC", patient)) // of which the organisation knows nothing
		g.append(g.board.keys["SRC"], refusal(patient))
		access := g.access("SRC", patient)
		access.Org = org
		g.fill[org] = strings.NewReplacer("{org}", org, "{key}", decimalOf(key), "{jti}", own.ID,
			"{patient}", patient, "{access}", decimalOf(g.append(g.submit["SRC"], access).Index),
			"{their-patient}", theirPatient, "{their-access}", decimalOf(theirAccess), "{their-jti}", theirs.ID,
			"{sealed}", wire.Encode64(make([]byte, sealedLength)), "{register}", decimalOf(register), "{choice}", decimalOf(choice), "{signed}", g.entry("SRC", person))
	}
	for letter, role := range roleLetters {
		join("ONLY-"+letter, role)
	}
	g.append(g.signers["ONLY-S"][entry.PurposeSubmit], g.access("ONLY-S", "temp:ONLY-S:2"))
	join("ALL", entry.RoleAuditor, entry.RoleController,
		entry.RoleEnroller, entry.RoleFrontDesk, entry.RoleOperator, entry.RoleProcessor, entry.RoleRegistrar, entry.RoleSource)
	g.all = g.addKey("ALL", everyPurpose...)
	g.papers = new(shelf)
	g.ok(g.withIndex().Step(t.Context()))
	return g
}

// ask sends what a asks of r as org, with "" for no Authorization header.
func (g *gate) ask(r row, a ask, org, authorization string) reply {
	g.Helper()
	method, _, _ := strings.Cut(r.route, " ")
	fill := g.fill[org]
	return g.do(method, fill.Replace(cmp.Or(a.path, r.path)), fill.Replace(a.body),
		"Authorization", authorization, "Content-Type", r.media)
}

func TestEveryRouteHasARow(t *testing.T) {
	var want, got []string
	for _, r := range routes {
		want = append(want, r.method+" "+r.pattern)
	}
	for _, r := range rows {
		got = append(got, r.route)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the table of this test has\n%s\nthe table of routes\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The document says of every route what the table says, and asks for a token exactly where one is
// needed.
func TestDocumentSaysWhoMayCall(t *testing.T) {
	paths := decodeAs[object](openAPI(routes))["paths"].(object)
	for _, r := range rows {
		method, pattern, _ := strings.Cut(r.route, " ")
		op := paths[pattern].(object)[strings.ToLower(method)].(object)
		description, _ := op["description"].(string)
		if r.open {
			if op["security"] != nil || strings.Contains(description, "Caller:") {
				t.Errorf("%s is open; the document says %v: %s", r.route, op["security"], description)
			}
			continue
		}
		if security := list(op["security"]); len(security) != 1 || security[0]["caller"] == nil {
			t.Errorf("%s: security %v", r.route, op["security"])
		}
		if _, says, _ := strings.Cut(description, "Caller:"); "Caller:"+says != r.says {
			t.Errorf("%s: the document says %q", r.route, description)
		}
		for _, status := range []string{"401", "403"} {
			if op["responses"].(object)[status] == nil {
				t.Errorf("%s: no answer %s", r.route, status)
			}
		}
	}
}

// Every role and purpose is given on every route what the table says and nothing else, and who is
// refused leaves no trace in the log.
func TestWhoMayCallWhat(t *testing.T) {
	g := newGate(t)
	for _, r := range rows {
		t.Run(r.route, func(t *testing.T) {
			for n, letter := range slices.Sorted(maps.Keys(roleLetters)) {
				for i, purpose := range everyPurpose {
					if testing.Short() && (n+i)%4 > 0 {
						continue
					}
					if r.open {
						org := "ONLY-" + letter
						g.checkOpen(t, r, org, "Bearer "+g.token(g.signers[org][purpose], org))
					}
					for _, a := range r.asks {
						g.checkAsk(t, r, a, letter, purpose)
					}
				}
			}
		})
	}
}

// checkAsk checks that the organisation of this role, with its key for purpose, is given what the
// table says.
func (g *gate) checkAsk(t *testing.T, r row, a ask, letter string, purpose entry.Purpose) {
	t.Helper()
	org := "ONLY-" + letter
	who := a.name + ", role " + string(roleLetters[letter]) + ", key for " + string(purpose)
	before := g.size()
	answer := g.ask(r, a, org, "Bearer "+g.token(g.signers[org][purpose], org))
	if strings.Contains(a.none[purpose], letter) {
		if code := answer.problem(t); answer.StatusCode != 404 || code != notFound || g.size() == before {
			t.Errorf("%s: %d %s, want 404 not-found and an entry about it", who, answer.StatusCode, code)
		}
		return
	}
	given := answer.StatusCode == 200 && (a.given == nil || a.given(answer.body, org))
	if want := strings.Contains(a.may[purpose], letter); given != want {
		t.Errorf("%s: given %v, want %v: %d %.300q", who, given, want, answer.StatusCode, answer.body)
	}
	if answer.StatusCode == 200 {
		return
	}
	if code := answer.problem(t); code != forbidden || answer.StatusCode != 403 {
		t.Errorf("%s: %d %s, want 403 forbidden", who, answer.StatusCode, code)
	}
	if g.size() != before {
		t.Errorf("%s: what was refused changed the log", who)
	}
}

// checkOpen checks that an open route answers as the table says, whatever token comes along.
func (g *gate) checkOpen(t *testing.T, r row, org, authorization string) {
	t.Helper()
	answer := g.ask(r, ask{body: r.body}, org, authorization)
	if answer.StatusCode != r.status {
		t.Errorf("status %d, want %d: %.300q", answer.StatusCode, r.status, answer.body)
	}
	if got := answer.Header.Get("Access-Control-Allow-Origin") == "*"; got != r.cors {
		t.Errorf("open to any web page: %v, want %v", got, r.cors)
	}
}

// No token that is not entirely good is of any use on any route, and the answer says that a token
// is wanted. Open routes do not look at it.
func TestTokens(t *testing.T) {
	g := newGate(t)
	revoked := g.addKey("ALL", everyPurpose...)
	g.revoke("ALL", revoked)
	at := func(s *wire.Signer, origin, org string, now time.Time) string {
		tok, err := register.SignCaller(s, origin, org, "ig-office", now)
		g.ok(err)
		return "Bearer " + tok
	}
	now := time.Now()
	good := at(g.all, origin, "ALL", now)
	forged := good[:strings.LastIndexByte(good, '.')+1] + strings.Split(at(g.all, origin, "ALL", now), ".")[2]
	bad := map[string]string{
		"no token":                     "",
		"another scheme":               "Basic " + strings.TrimPrefix(good, "Bearer "),
		"no token after the scheme":    "Bearer",
		"no scheme":                    strings.TrimPrefix(good, "Bearer "),
		"not a token":                  "Bearer a.b.c",
		"an entry for a token":         "Bearer " + strings.SplitN(g.entry("SRC", person), "~", 2)[0],
		"expired":                      at(g.all, origin, "ALL", now.Add(-time.Hour)),
		"not yet valid":                at(g.all, origin, "ALL", now.Add(time.Hour)),
		"for another log":              at(g.all, "sandbox.example", "ALL", now),
		"signature of another token":   forged,
		"unregistered key":             at(g.newKey(), origin, "ALL", now),
		"another organisation's token": at(g.all, origin, "ONLY-A", now),
		"revoked key":                  at(revoked, origin, "ALL", now),
	}
	for _, r := range rows {
		t.Run(r.route, func(t *testing.T) {
			if r.open {
				for _, authorization := range bad {
					g.checkOpen(t, r, "ALL", authorization)
				}
				return
			}
			for name, authorization := range bad {
				before := g.size()
				answer := g.ask(r, r.asks[0], "ALL", authorization)
				if code := answer.problem(t); answer.StatusCode != 401 || code != unauthorised || answer.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: %d %s, WWW-Authenticate %q", name, answer.StatusCode, code, answer.Header.Get("WWW-Authenticate"))
				}
				if g.size() != before {
					t.Errorf("%s: a refused call changed the log", name)
				}
			}
			if answer := g.ask(r, r.asks[0], "ALL", good); answer.StatusCode != 200 {
				t.Errorf("a good token: %d %.300q", answer.StatusCode, answer.body)
			}
		})
	}
}

// A route that does not state who may call it, or states it in two ways, does not start.
func TestRoutesStateWhoMayCall(t *testing.T) {
	w := newWorld(t)
	others := slices.DeleteFunc(slices.Clone(routes), func(r route) bool { return r.pattern == "/healthz" })
	for name, r := range map[string]route{
		"neither open nor a grant": {},
		"an empty grant":           {may: &grant{}},
		"a grant without purposes": {may: &grant{roles: []entry.Role{entry.RoleAuditor}}},
		"both":                     {open: true, may: bulkReaders},
		"guarded, for any page":    {may: bulkReaders, cors: true},
	} {
		r.method, r.pattern, r.serve = "GET", "/healthz", (*api).health
		func() {
			defer func() {
				if fault, _ := recover().(string); !strings.Contains(fault, "GET /healthz") {
					t.Errorf("%s: New went on, or said %q", name, fault)
				}
			}()
			newAPI(Config{Log: w.log}, append(slices.Clip(others), r))
		}()
	}
}
