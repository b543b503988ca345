// Package audit is about accesses: it turns FHIR R4 and R5 AuditEvents into accesses and back, and
// describes an access in words. What is said below of R4 holds for R5 through its view (r5.go).
//
// What the conversion promises:
//
//   - Nothing of an event is lost. What entry.Access has a field for goes there. All the rest goes
//     into its disclosure FHIR (the residue, see residue.go and docs/FORMATS.md), including
//     extensions, contained resources, "_field" siblings and the narrative. For an event about at
//     most one patient, ToAuditEvent returns the same JSON, up to the order of members.
//   - An event of any size is an access. What of it does not fit into an entry is replaced by its
//     size and hash (tree.Cut), and a note says so.
//   - One access is about one patient. An event about several patients becomes one access each,
//     which holds nothing of the others; share.go has the rules. ToAuditEvent then returns the
//     event without them.
//   - The open claims hold codes, names of systems and organisations, and times. They never hold a
//     display, a text, or a word that names a person in the event.
//   - An event that is JSON and an AuditEvent is not refused for a wrong check digit, for an unknown
//     or missing code, time, outcome or purpose, or for a missing agent or observer. What was not
//     understood is in the notes that are returned with it (note.go). An event that cannot be read
//     well enough to be certain of its patients is refused. It is never filed without them.
//
// What it does not promise: that the event is true; that free text in one patient's event does not
// speak of another person; or that the residue does not identify staff. Known names and numbers of
// the user are replaced in the residue by references, but another spelling stays. To withhold
// "staff", withhold "fhir" as well.
//
// What is read from where (BALP is IHE Basic Audit Log Patterns):
//
//	entry.Access     AuditEvent
//	Sub              entity[patient].what, as resolved in contained resources and the Bundle; if no entity
//	                 says which patient, an agent that is one, else whose record an entity belongs to,
//	                 what was searched for, or a number anywhere; else reg:sources
//	                 (patient.go; tree/id.go for the ids)
//	Event            type, subtype
//	Action, Outcome  action, outcome, also in words or as an HTTP status (outcome.go); if absent or
//	                 not understood: implied by type and subtype; "0", or a refusal that outcomeDesc
//	                 states
//	Recorded         recorded; if absent, the end or start of the period, meta.lastUpdated, or now
//	Occurred(End)    period.start, period.end (when.go). A date is the whole day, month or year in the
//	                 mapping's zone, from its first second to its last
//	Staff, Role      the agent who is the user: who, name, altId, BALP's otherId; role (agent.go)
//	Machine          no agent is, or may be, a person, no organisation asks, and nothing is disclosed to
//	                 another organisation
//	Org, Foreign     agent of type v3-RoleClass#PROV, organisation of the user's PractitionerRole, or the
//	                 organisation that asked; for a disclosure, the sender if a person sent, else the
//	                 recipient; else what organisation.go lists; if the event names none, the issuer; if
//	                 it names one that nobody knows, foreign
//	Recipient        in an event that moves data, the organisation of the agents at its far end: DCM
//	                 110152, v3-ParticipationType IRCP and the like, entity role 16 (recipient.go)
//	System           who of the client, never of the server: DCM 110152 in a read, 110153 in query, create
//	                 and update, 110150 in a delete or an authorisation
//	Parties          the other agents: server, recipient, custodian, authoriser
//	Purpose          purposeOfUse of the user, purposeOfEvent, purposeOfUse of others: v3-ActReason
//	                 plain, local ones as the mapping says, others "system|code" (why.go)
//	Agreement        agent.policy "urn:igledger:agreement:<id>"; tokens (SAML assertion id, OAuth jti)
//	                 stay in the residue
//	Emergency        DCM 110127 Emergency Override Started, purpose BTG, a code that the mapping names, or
//	                 words for break-glass, which are noted (why.go)
//	Data             entities: resource types, securityLabel, types other than audit-entity-type;
//	                 resource types that searches and operations returned (search.go); none if that was
//	                 a whole record
//	Text             purposeOfUse.text; outcomeDesc; entity.detail of type "justification"; the first
//	                 search that is text; what the event calls a foreign organisation
//	Source           source.observer, source.site
package audit
