package api

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

type object = map[string]any

// The document is OpenAPI 3.1. It has every route exactly once and nothing else; every reference
// resolves; every path parameter is declared; every answer, parameter and property is described.
func TestDocument(t *testing.T) {
	w := newWorld(t)
	r := w.do("GET", "/openapi.json", "")
	var doc object
	w.ok(gojson.Unmarshal(r.body, &doc)) // refuses duplicate members
	if v := doc["openapi"]; v != "3.1.0" {
		t.Fatalf("openapi is %v", v)
	}
	schemas := doc["components"].(object)["schemas"].(object)
	walk(doc, func(o object) {
		if ref, ok := o["$ref"].(string); ok && schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
			t.Errorf("%s does not resolve", ref)
		}
	})
	for name, s := range schemas {
		if s.(object)["type"] != "object" {
			t.Errorf("schema %s is of type %v", name, s.(object)["type"])
		}
		for prop, p := range s.(object)["properties"].(object) {
			if p.(object)["description"] == nil {
				t.Errorf("%s.%s has no description", name, prop)
			}
			if _, ok := p.(object)["type"].([]any); ok {
				t.Errorf("%s.%s may be null", name, prop)
			}
		}
	}
	paths := doc["paths"].(object)
	ids, count := map[any]bool{}, 0
	for path, item := range paths {
		for method, op := range item.(object) {
			count++
			op := op.(object)
			at := method + " " + path
			if op["summary"] == nil || op["operationId"] == nil || ids[op["operationId"]] {
				t.Errorf("%s: no summary, or no operationId of its own", at)
			}
			ids[op["operationId"]] = true
			var declared []string
			for _, p := range list(op["parameters"]) {
				if p["description"] == nil || p["schema"] == nil {
					t.Errorf("%s: parameter %v is not described", at, p["name"])
				}
				if p["in"] == "path" && p["required"] == true {
					declared = append(declared, p["name"].(string))
				}
			}
			var inPath []string
			for _, m := range regexp.MustCompile(`{(\w+)}`).FindAllStringSubmatch(path, -1) {
				inPath = append(inPath, m[1])
			}
			if !slices.Equal(declared, inPath) {
				t.Errorf("%s: declares path parameters %v", at, declared)
			}
			for status, resp := range op["responses"].(object) {
				resp := resp.(object)
				content := resp["content"].(object)
				if resp["description"] == "" || status != "200" && content["application/problem+json"] == nil {
					t.Errorf("%s: answer %s is not described, or is no problem", at, status)
				}
				if status == "503" && resp["headers"].(object)["Retry-After"] == nil {
					t.Errorf("%s: 503 without Retry-After", at)
				}
			}
			if op["responses"].(object)["200"] == nil {
				t.Errorf("%s: no answer 200", at)
			}
			if (op["security"] != nil) != (op["responses"].(object)["401"] != nil) {
				t.Errorf("%s: security and 401 do not go together", at)
			}
		}
	}
	if count != len(routes) || len(operations) != len(routes) {
		t.Errorf("%d operations in the document, %d in the table, %d routes", count, len(operations), len(routes))
	}
	for _, r := range routes {
		item, ok := paths[r.pattern].(object)
		if !ok || item[strings.ToLower(r.method)] == nil {
			t.Errorf("%s %s is not in the document", r.method, r.pattern)
		}
	}
}

func walk(v any, f func(object)) {
	switch v := v.(type) {
	case object:
		f(v)
		for key, x := range v {
			if key != "example" {
				walk(x, f)
			}
		}
	case []any:
		for _, x := range v {
			walk(x, f)
		}
	}
}

func list(v any) []object {
	var out []object
	if v != nil {
		for _, x := range v.([]any) {
			out = append(out, x.(object))
		}
	}
	return out
}

// messages are the types of the document with the example of each.
var messages = []reflect.Type{
	reflect.TypeFor[client.Submission](), reflect.TypeFor[client.Results](), reflect.TypeFor[client.Lookup](), reflect.TypeFor[client.Search](), reflect.TypeFor[client.Accesses](),
	reflect.TypeFor[client.Register](), reflect.TypeFor[client.LogInfo](), reflect.TypeFor[client.Problem](), reflect.TypeFor[bundle.Receipt](), reflect.TypeFor[bundle.Opening](),
	reflect.TypeFor[client.StatementRequest](), reflect.TypeFor[client.Cosigners](), reflect.TypeFor[client.Sources](),
	reflect.TypeFor[client.Evaluation](), reflect.TypeFor[client.Decision](), reflect.TypeFor[client.Evaluations](), reflect.TypeFor[client.Decisions](), reflect.TypeFor[client.PDP](),
	reflect.TypeFor[client.Agreements](), reflect.TypeFor[client.Agreement](), reflect.TypeFor[client.SharingRequests](), reflect.TypeFor[client.Policies](),
	reflect.TypeFor[client.ReportRequest](), reflect.TypeFor[client.Report](),
}

func example(t *testing.T, typ reflect.Type) []byte {
	t.Helper()
	b, err := examples.ReadFile("examples/" + strings.ToLower(typ.Name()) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every example matches its schema, and decodes strictly into its type.
func TestExamplesMatchTheirSchemas(t *testing.T) {
	if *update {
		writeExamples(t)
		t.Skip("examples written: run again without -update")
	}
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for _, typ := range messages {
		s := schemas.Schema(typ, false, typ.Name())
		describe(schemas)
		data := example(t, typ)
		v := reflect.New(typ)
		if err := wire.DecodeJSON("example", data, v.Interface()); err != nil {
			t.Errorf("%s: %v", typ.Name(), err)
		}
		var any any
		if err := json.Unmarshal(data, &any); err != nil {
			t.Fatal(err)
		}
		res := &huma.ValidateResult{}
		huma.Validate(schemas, s, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, any, res)
		for _, err := range res.Errors {
			t.Errorf("%s: %v", typ.Name(), err)
		}
	}
}

// The examples belong together: the entries submitted, their receipts and the opening verify under
// the keys of their log.
func TestExamplesVerify(t *testing.T) {
	read := func(v any) {
		t.Helper()
		if err := wire.DecodeJSON("example", example(t, reflect.TypeOf(v).Elem()), v); err != nil {
			t.Fatal(err)
		}
	}
	var sub client.Submission
	var results client.Results
	var info client.LogInfo
	var opening bundle.Opening
	read(&sub)
	read(&results)
	read(&info)
	read(&opening)
	log, err := wire.NewLogVerifier(info.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range sub.Entries {
		res := results.Results[i]
		e, err := entry.Parse(s)
		if res.Status == client.Refused {
			if err == nil || res.Problem == nil {
				t.Errorf("entry %d was refused but is valid", i)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		proved, err := verifier.VerifyReceipt(res.Receipt, e, log, info.VRFKey)
		if err != nil || proved.Index != res.Index {
			t.Errorf("receipt %d: index %d, %v", i, proved.Index, err)
		}
		if proved.Index == opening.Index {
			if _, err := verifier.OpenLeaf(&opening, res.Receipt.Leaf); err != nil {
				t.Errorf("opening: %v", err)
			}
		}
	}
}

// writeExamples makes a log and stores what its API answers.
func writeExamples(t *testing.T) {
	w := newWorld(t)
	a := w.access("SRC", person)
	sent := submission(w.sign(w.submit["SRC"], a).SDJWT(), "not.an.entry")
	save := func(name string, body []byte) {
		v := jsontext.Value(body)
		w.ok(v.Indent())
		w.ok(os.WriteFile("examples/"+name+".json", append(bytes.TrimSpace(v), '\n'), 0o644))
	}
	src := []string{"Authorization", "Bearer " + w.token(w.submit["SRC"], "SRC")}
	aud := []string{"Authorization", "Bearer " + w.token(w.audit["AUD"], "AUD")}
	save("submission", []byte(sent))
	save("results", w.do("POST", "/v1/entries", sent).body)
	index := w.size() - 1
	save("receipt", w.do("GET", "/v1/receipts/"+decimalOf(index), "", src...).body)
	save("lookup", []byte(`{"jti":["`+a.ID+`"]}`))
	search := `{"id":"` + person + `","limit":10,"purpose":["HCOMPL"]}`
	save("search", []byte(search))
	save("statementrequest", []byte(`{"id":"`+person+`","from":"2026-01-01","to":"2026-03-31","purpose":["PATRQT"]}`))
	save("opening", w.do("GET", "/v1/openings/"+decimalOf(index), "", aud...).body)
	save("accesses", w.do("POST", "/v1/accesses/search", search, aud...).body)
	save("register", w.do("GET", "/v1/register", "").body)
	save("loginfo", w.do("GET", "/v1/log", "").body)
	save("cosigners", []byte(`{"cosigners":["university.example/audit"]}`))
	w.seq["SRC"] += 3
	w.append(w.submit["SRC"], w.access("SRC", person))
	w.append(w.submit["SRC"], w.heartbeat("SRC", "ehr", yesterday()))
	save("sources", w.do("GET", "/v1/sources", "", aud...).body)
	save("problem", w.do("POST", "/v1/entries", submission("not.an.entry")).body)
	governed(t, save)
}

// governed makes a log with an agreement and stores what its API answers.
func governed(t *testing.T, save func(name string, body []byte)) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	b.append(b.keys["CTL"], &entry.SharingRequest{Common: common("CTL"), Request: "req-1", Holder: "SRC",
		Data: "discharge letters", Purpose: "care", Codes: []string{"TREAT"}, Necessity: "clinics need them", Power: "statute", By: "IG lead"})
	b.append(b.keys["SRC"], &entry.SharingDecision{Common: common("SRC"), Request: "req-1", Decision: "agreed",
		Reasons: "necessary for care", Article6: []string{"e"}, DPIA: "considered, low risk", By: "Caldicott Guardian", Agreement: "isa-1"})
	b.append(b.submit["SRC"], b.shared(person, func(a *entry.Access) { a.Purpose = []string{"HPAYMT"} }))
	post := func(name, answer, path string, body any, caller ...string) {
		text, err := json.Marshal(body)
		b.ok(err)
		save(name, text)
		save(answer, b.do("POST", path, string(text), caller...).body)
	}
	src := []string{"Authorization", "Bearer " + b.token(b.submit["SRC"], "SRC")}
	aud := []string{"Authorization", "Bearer " + b.token(b.audit["AUD"], "AUD")}
	q := questionOf(b.shared(person))
	post("evaluation", "decision", "/access/v1/evaluation", q, src...)
	billing := &client.RequestContext{Purpose: []string{"HPAYMT"}, Agreement: "isa-1"}
	post("evaluations", "decisions", "/access/v1/evaluations",
		client.Evaluations{Evaluation: q, Evaluations: []client.Evaluation{{}, {Context: billing}},
			Options: &client.EvaluationOptions{Semantic: client.DenyOnFirstDeny}}, src...)
	post("reportrequest", "report", "/v1/reports", client.ReportRequest{Kind: client.Uncovered,
		Organisation: "CTL", Purpose: []string{"HOPERAT"}}, aud...)
	save("agreements", b.do("GET", "/v1/agreements", "").body)
	save("agreement", b.do("GET", "/v1/agreements/isa-1", "").body)
	save("sharingrequests", b.do("GET", "/v1/requests", "").body)
	save("policies", b.do("GET", "/v1/policies", "").body)
	save("pdp", []byte(`{"policy_decision_point":"https://ledger.example.scot","access_evaluation_endpoint":"https://ledger.example.scot/access/v1/evaluation","access_evaluations_endpoint":"https://ledger.example.scot/access/v1/evaluations"}`))
}
