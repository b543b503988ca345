package api

import (
	"encoding/json"
	"slices"
	"strings"

	"igledger/internal/client"
	"igledger/ledger/bundle"
)

// both returns what to ask about an id, for each purpose of use and with each of what the front
// desk must state. whole and own say when an auditor or front desk, and an organisation, were given
// what they asked for; without own the id is a register. none is who is told that there is nothing.
func both(name, about string, whole, own func([]byte, string) bool, none allowed) []ask {
	desk := `,"purpose":["PATRQT"],"request":"SAR-1","identity":"documents"`
	var list []ask
	add := func(how, with string, given func([]byte, string) bool, may, none allowed) {
		list = append(list, ask{name: name + ", " + how, body: "{" + about + with + "}", given: given, may: may, none: none})
	}
	const compliance = `,"purpose":["HCOMPL"]`
	if own == nil {
		add("for compliance", compliance, nil, auditorsOnly, noOne)
		add("on request", desk, nil, noOne, noOne)
		return list
	}
	if strings.HasSuffix(name, "another's patient") {
		add("for compliance", compliance, whole, auditorsOnly, none)
	} else {
		add("for compliance", compliance, func(body []byte, org string) bool {
			if org == "ONLY-C" {
				return own(body, org)
			}
			return whole(body, org)
		}, auditorsAndControllers, none)
	}
	add("on request", desk, whole, frontDesk, noOne)
	for how, with := range map[string]string{
		"without a purpose":                   ``,
		"for care":                            `,"purpose":["TREAT"]`,
		"for marketing":                       `,"purpose":["HMARKT"]`,
		"for compliance and research":         `,"purpose":["HCOMPL","HRESCH"]`,
		"at the desk, without a request":      `,"purpose":["PATRQT"]`,
		"at the desk, for a relative":         `,"purpose":["FAMRQT"],"request":"SAR-1","identity":"documents"`,
		"at the desk, without a purpose":      `,"request":"SAR-1","identity":"documents"`,
		"at the desk, for compliance":         `,"purpose":["HCOMPL"],"request":"SAR-1","identity":"documents"`,
		"at the desk, for compliance as well": `,"purpose":["HCOMPL","PATRQT"],"request":"SAR-1","identity":"documents"`,
	} {
		add(how, with, nil, noOne, noOne)
	}
	return list
}

// forms is both for a search in FHIR.
func forms(name, about string, whole, own func([]byte, string) bool) []ask {
	var list []ask
	for _, a := range both(name, "", whole, own, noOne) {
		var body client.Search
		if err := json.Unmarshal([]byte(strings.Replace(a.body, "{,", "{", 1)), &body); err != nil {
			panic(err)
		}
		a.body = about
		for _, p := range body.Purpose {
			a.body += "&reading-purpose=" + p
		}
		if body.Request != "" {
			a.body += "&reading-request=" + body.Request + "&reading-identity=" + string(body.Identity)
		}
		list = append(list, a)
	}
	return list
}

func wholeBundle(body []byte, _ string) bool {
	events, outcome := eventsOf(body)
	return len(events) > 0 && !strings.Contains(outcome, "There may be others")
}

// ownBundle reports whether an answer has events of the organisation. It panics if it has others.
func ownBundle(body []byte, org string) bool {
	events, outcome := eventsOf(body)
	for _, e := range events {
		if text, _ := json.Marshal(e); !strings.Contains(string(text), `"value":"`+org+`"`) {
			panic("an organisation was given an event that is not its own")
		}
	}
	return len(events) > 0 && strings.Contains(outcome, "There may be others")
}

// eventsOf returns the AuditEvents of a Bundle, and its OperationOutcome in JSON.
func eventsOf(body []byte) (events []object, outcome string) {
	for _, e := range list(decodeAs[object](body)["entry"]) {
		r := e["resource"].(object)
		if r["resourceType"] == "AuditEvent" {
			events = append(events, r)
			continue
		}
		text, _ := json.Marshal(r)
		outcome += string(text)
	}
	return events, outcome
}

func whole(body []byte, _ string) bool {
	got := decodeAs[client.Accesses](body)
	return got.Scope == "whole" && got.Count > 0 && len(got.Accesses) > 0
}

// own reports whether an answer has entries of the organisation. It panics if it has others.
func own(body []byte, org string) bool {
	got := decodeAs[client.Accesses](body)
	if got.Scope != "own" {
		return false
	}
	for _, a := range got.Accesses {
		if a.Access == nil || a.Access.Organisation != org && a.Access.Issuer != org || got.Count != 0 {
			panic("an organisation was given an entry that is not its own")
		}
	}
	return len(got.Accesses) > 0
}

func isStatement(body []byte, _ string) bool {
	return decodeAs[object](body)["format"] == bundle.FormatStatement
}
func isExtract(body []byte, _ string) bool {
	return decodeAs[object](body)["format"] == bundle.FormatExtract
}

func evaluationBy(org, holder string) string {
	return `{"subject":{"type":"staff","id":"N-1","properties":{"organisation":"` + org + `","role":["nurse"]}},"action":{"name":"R"},` +
		`"resource":{"type":"record","id":"{their-patient}","properties":{"holder":"` + holder + `","data":["` + sct + `371531000"]}},` +
		`"context":{"purpose":["TREAT"]}}`
}

func listed(evaluation string) string { return `{"evaluations":[` + evaluation + `]}` }

func decided(body []byte, _ string) bool {
	got := decodeAs[client.Decisions](body)
	return len(got.Evaluations) == 1 && got.Evaluations[0].Context.Error == nil
}

func receiptGiven(body []byte, _ string) bool {
	got := decodeAs[client.Results](body)
	return len(got.Results) == 1 && got.Results[0].Receipt != nil
}

func reportOn(want string) func([]byte, string) bool {
	return func(body []byte, org string) bool {
		return decodeAs[client.Report](body).Organisation == strings.ReplaceAll(want, "{org}", org)
	}
}

func ofStream(of string) func([]byte, string) bool {
	return func(body []byte, org string) bool {
		return slices.ContainsFunc(decodeAs[client.Sources](body).Sources, func(s client.Source) bool {
			return s.Organisation == strings.ReplaceAll(of, "{org}", org)
		})
	}
}

func decodeAs[T any](body []byte) T {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		panic(err)
	}
	return v
}
