// Package consent derives what governs accesses from the entries of a log: the states of data-sharing agreements, sharing requests, the policy set in
// use, and of each person her consents and who may act for her. With package policies it says of every access whether it was covered (Rules).
//
// What is promised: everything follows from the log prefix and, where a state changes by time alone, from a time that the caller gives: for an access
// the one its source claims, for an act its iat. There is no clock and no I/O here, and a value never changes, so whoever replays a log comes to the
// same. What a rule forbids is refused with an *entry.Error that says what stands in the log; it never holds a personal datum.
//
// What is not: that the facts are true. And order in the log is what counts, not claimed times: an access that reaches the log after an agreement was
// terminated is judged as terminated, whenever it happened.
package consent
