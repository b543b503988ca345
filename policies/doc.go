// Package policies decides whether an access to a record was covered: by which agreement and consent, as an emergency override, or not, and by
// which rules. It also knows the PurposeOfUse codes of HL7 v3-ActReason, what covers what among them, and how to say each to a citizen.
//
// The rules are Cedar policies: those built in (default.cedar) or what a log's registrar stated instead. docs/POLICIES.md tells of them in plain words.
//
// What is promised: a decision depends on the Facts and the Set alone, so whoever replays a log comes to the same; no person's id, no consent's id and no time
// reaches a policy; a set that compiles never fails to decide, and a forbid that cannot be evaluated closes rather than opens; several consents combine by
// one rule (Combine), in which what an access does not state is met by every refusal and by no limited permission.
//
// What is not: that the facts are true. They are what a source stated and what the log held below it. And Compile refuses mistakes, not intentions: a valid
// set may allow too much.
package policies
