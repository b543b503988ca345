// Package consent derives what governs accesses from the entries of a log: the states of
// data-sharing agreements, sharing requests, the policy set in use, and for each person their
// consents and who may act for them. With package policies it decides of every access whether it
// was covered (Rules).
//
// It promises that everything follows from the log prefix. If a state changes by time alone, it
// also follows from a time that the caller passes: for an access the time that its source claims,
// for an act its iat. The package uses no clock and no I/O, and its values are immutable, so
// everyone who replays a log reaches the same result. If a rule forbids an entry, the error is a
// *wire.Error that says what the log holds. It never holds a personal datum.
//
// It does not promise that the facts are true. And the order in the log decides, not claimed times,
// except among the acts of one consent record (entry.Order): if an access reaches the log after its
// agreement was terminated, it is judged under a terminated agreement, whenever it happened.
package consent
