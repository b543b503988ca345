// Package policies decides whether an access to a record is covered: by an agreement and consent,
// as an emergency override, or not at all, and by which rules. It also says which purposes of use
// and data codes cover which.
//
// The rules are Cedar policies. They are built in (default.cedar), or a log's registrar stated
// others in their place. docs/POLICIES.md explains them in plain words.
//
// What the package promises:
//
//   - A decision depends on the Facts and the Set alone, so everyone who replays a log reaches the
//     same decision.
//   - No person's id, consent's id or time reaches a policy.
//   - What a person chose can be left out of a decision (Blind) so that nobody can tell from the rest
//     whether they refused or said nothing.
//   - A set that compiles never fails to decide. A forbid that cannot be evaluated denies.
//   - Several consents combine by one rule (Combine). If an access does not state something, every
//     refusal that asks for it applies, and no permission that asks for it does.
//
// What it does not promise: that the facts are true. A source stated them, or the log held them
// below the access. And Compile refuses mistakes, not intentions: a valid set may allow too much.
package policies
