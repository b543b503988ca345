package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"igledger/audit"
	"igledger/audit/plain"
	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/source"
	"igledger/ledger/entry"
	"igledger/policies/purpose"
	"igledger/policies/readers"
)

// said holds the wording of the commands' answers.
var said = plain.In(plain.English)

// readingPurpose returns the flag for the purpose of reading the ledger. The reading becomes an
// access entry about the person.
func readingPurpose() cli.Flag {
	return &cli.StringSliceFlag{Name: "purpose", Action: checkReading,
		Usage: "PurposeOfUse code of this reading, which the person will see: see docs/READING.md (default: HCOMPL; with --request PATRQT)"}
}

// personReading returns the flags of a reading of one person's history, followed by more.
func personReading(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "id",
			Usage: "the person's id; other users of this machine may see it in the list of processes"},
		&cli.StringFlag{Name: "function", Value: "igledger",
			Usage: "function or system on whose behalf you read, never a person"},
		readingPurpose(),
		&cli.StringFlag{Name: "request",
			Usage: "at a front desk: reference of the person's request, never a number of the person"},
		&cli.StringFlag{Name: "identity",
			Usage: "at a front desk: how you checked who asked: documents, vouched or vouched-record"},
	}, more...)
}

// whoMayRead says in the help of a command who may read a person's history.
const whoMayRead = "Auditors read everything. The front desk reads a person's history at their request, with a\n" +
	"front-desk key, --request and --identity. Any other controller gets only accesses that it\n" +
	"made or to records that it holds, and what it recorded itself (docs/READING.md). The\n" +
	"ledger logs this reading, and the person can see it."

// asReader makes the calls of r carry a token for the function that the flags name, and what they
// state about the reading.
func (r *remote) asReader(c *cli.Context) error {
	r.asCaller(c.String("function"))
	r.Purpose, r.Request, r.Identity = statedPurpose(c), c.String("request"), entry.Identity(c.String("identity"))
	if err := entry.CheckRequest(r.Request, r.Identity); err != nil {
		return usage("--request and --identity: %v", err)
	}
	return nil
}

func statedPurpose(c *cli.Context) []string {
	switch {
	case c.IsSet("purpose"):
		return c.StringSlice("purpose")
	case c.String("request") != "":
		return []string{"PATRQT"}
	}
	return []string{"HCOMPL"}
}

// checkReading refuses purposes for which nobody reads, before anything is asked of a ledger:
// what a person's record says of a reading, it says for ever.
func checkReading(_ *cli.Context, list []string) error {
	if err := readers.CheckUses(list); err != nil {
		return usage("--purpose: %v", err)
	}
	for _, p := range list {
		if !slices.Contains(readers.Uses(), purpose.Code(p)) {
			return usage("--purpose: nobody reads the ledger for %s. A reading is for one of %s", p, strings.Join(readers.Uses(), ", "))
		}
	}
	return nil
}

// checkPurposes refuses codes that are no PurposeOfUse code, in a flag for the purposes of
// accesses. Those of another system are given as system|code.
func checkPurposes(_ *cli.Context, list []string) error {
	if err := purpose.CheckTyped(list); err != nil {
		return usage("%v Give a code of another system as system|code", err)
	}
	return nil
}

func whoAccessedCommand() *cli.Command {
	return &cli.Command{
		Name:  "who-accessed",
		Usage: "list who accessed a person's record, why and with what result",
		Description: "Reads the person's id (chi:0101…, nhs:943…, temp:ORG:number) from standard input, so\n" +
			"that it does not appear in a list of processes.\n" + whoMayRead + "\n" +
			"--save keeps the openings, which igverify entry checks.\n\n" +
			"Example: echo chi:0101011237 | igledger who-accessed --org NHSL --key lothian-audit.jwk\n" +
			"Example: … --key lothian-desk.jwk --request SAR-2026-0042 --identity documents\n" +
			"Example: … --key lothian-audit.jwk --format fhir-r4 > bundle.json",
		Flags: remoteFlags(personReading(
			formatFlag(),
			&cli.IntFlag{Name: "limit", Value: 100, Usage: "maximum number of entries, newest first; 0 for all"},
			&cli.StringFlag{Name: "save", Usage: "folder for the openings, one JSON file per entry"},
		)...),
		Action: func(c *cli.Context) error {
			if c.Int("limit") < 0 {
				return usage("--limit must be a number of entries, or 0 for all")
			}
			version, err := historyFormat(c)
			if err != nil {
				return err
			}
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			if err := r.asReader(c); err != nil {
				return err
			}
			id, err := readID(c)
			if err != nil {
				return err
			}
			var made exported
			if c.Bool("json") || version != "" {
				if made, err = r.export(c.Context, "UTC"); err != nil {
					return err
				}
			}
			got, err := r.history(c, id, c.Int("limit"))
			if err != nil {
				return err
			}
			if dir := c.String("save"); dir != "" {
				if err := saveOpenings(dir, got.Accesses); err != nil {
					return err
				}
			}
			if c.Bool("json") {
				return printJSON(c.App.Writer, struct {
					exported
					*client.Accesses
				}{made, got})
			}
			if version != "" {
				return printFHIR(c, got, version, made)
			}
			name, err := r.names(c.Context)
			if err != nil {
				return err
			}
			return printAccesses(command.ScreenOf(c), got, name)
		},
	}
}

// readID reads the person's id from --id, from a prompt, or from the first line of standard input.
func readID(c *cli.Context) (string, error) {
	id := c.String("id")
	switch {
	case id != "":
	case command.Asks(c):
		var err error
		if id, err = command.AskHidden(c, "id (chi:…, nhs:…, temp:ORG:…)"); err != nil {
			return "", err
		}
	default:
		in := bufio.NewReader(io.LimitReader(c.App.Reader, 4096))
		line, err := in.ReadString('\n')
		if err != nil && line == "" {
			return "", usage("there is no id on standard input")
		}
		id = line
		if rest, _ := in.Peek(in.Buffered()); len(bytes.TrimSpace(rest)) > 0 {
			return "", usage("there is more than one line on standard input: give one person's id")
		}
	}
	return command.PersonID(c, "", id)
}

// history returns the accesses to a person's record that the caller may see, from all pages, up to
// limit. The result says whether these are all.
func (r *remote) history(c *cli.Context, id string, limit int) (*client.Accesses, error) {
	var all *client.Accesses
	for before := uint64(0); ; {
		page := 200
		if limit > 0 && all != nil {
			page = min(page, limit-len(all.Accesses))
		} else if limit > 0 {
			page = min(page, limit)
		}
		got, err := r.Search(c.Context, id, before, page)
		if err != nil {
			return nil, err
		}
		before = got.Next
		if all == nil {
			all = got
		} else {
			all.Accesses = append(all.Accesses, got.Accesses...)
		}
		if before == 0 || limit > 0 && len(all.Accesses) >= limit {
			all.Next = 0
			return all, nil
		}
	}
}

// printAccesses prints the accesses as a table. name returns what an organisation is called.
func printAccesses(w command.Screen, got *client.Accesses, name func(org string) string) error {
	var list []command.Shown
	for _, a := range got.Accesses {
		e, err := entry.ParseParts(a.Opening.JWS, a.Opening.Disclosures)
		if err != nil {
			return refused("entry %d from the ledger is not valid: %w", a.Index, err)
		}
		var s plain.Summary
		switch b := e.Body.(type) {
		case *entry.Access:
			s = audit.Describe(said, b)
		case *entry.Decision:
			s = said.Describe(e)
		default:
			continue // consents and delegations: consent list shows them
		}
		shown := command.Shown{Index: a.Index, When: s.When, Told: said.Told(s, name(s.Organisation), a.Opening.Flags)}
		if v := a.Verdict; v != nil { // nil: from a time when the ledger had no rules
			shown.Verdict = []string{said.Verdict(&v.Verdict), verdictReasons(v)} // the server words its reasons
		}
		list = append(list, shown)
	}
	if err := w.History(list); err != nil {
		return err
	}
	rows := uint64(len(list))
	total := historyTotal(got, rows)
	if got.Scope != string(readers.Whole) {
		total = said.Text(plain.TotalOwn, "accesses", said.Count(plain.TotalAccesses, rows))
	}
	_, err := fmt.Fprintf(w, "\n%s\n", total)
	return err
}

// names returns what the register calls organisations, with their ids.
func (r *remote) names(ctx context.Context) (func(org string) string, error) {
	reg, err := r.Register(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, o := range reg.Organisations {
		names[o.ID] = o.Name + " (" + o.ID + ")"
	}
	return func(org string) string { return names[org] }, nil
}

// historyTotal says how many of a history's entries are shown, and how many of them are accesses.
func historyTotal(got *client.Accesses, accesses uint64) string {
	shown := strconv.Itoa(len(got.Accesses))
	entries := said.Count(plain.TotalEntries, got.Count, "n", shown, "of", strconv.FormatUint(got.Count, 10))
	return said.Text(plain.TotalHistory, "accesses", said.Count(plain.TotalAccesses, accesses), "entries", entries)
}

func saveOpenings(dir string, list []client.RecordedAccess) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("saving openings: %w", err)
	}
	for _, a := range list {
		var text bytes.Buffer
		if err := printJSON(&text, a.Opening); err != nil {
			return err
		}
		name := filepath.Join(dir, strconv.FormatUint(a.Index, 10)+".json")
		if err := command.Replace(name, text.Bytes(), false); err != nil {
			return fmt.Errorf("saving openings: %w", err)
		}
	}
	return nil
}

func receiptCommand() *cli.Command {
	return &cli.Command{
		Name:      "receipt",
		Usage:     "fetch the receipt of an entry that your organisation submitted",
		ArgsUsage: "INDEX, or --jti UUID",
		Description: "Prints the receipt as JSON; igverify receipt checks it against the entry. With --outbox it is\n" +
			"the one that the source kept, which the ledger cannot change any more: with a statement\n" +
			"that lacks the entry it convicts the operator, see igverify contradict.\n\n" +
			"Example: igledger receipt --org NHSL --key lothian-submit.jwk 120034 > receipt.json",
		Flags: remoteFlags(
			&cli.StringFlag{Name: "jti", Usage: "jti of the entry, instead of its index"},
			&cli.StringFlag{Name: "outbox", Usage: "`FILE` that access import keeps: print the receipt from there, without the ledger"},
			&cli.BoolFlag{Name: "witnessed", Usage: "under the newest checkpoint that reached the operator's quorum, not under " +
				"the newest of all"},
		),
		Action: func(c *cli.Context) error {
			if c.String("outbox") != "" {
				return keptReceipt(c)
			}
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			r.asCaller("igledger")
			byID, byIndex := r.ReceiptsByID, r.Receipt
			if c.Bool("witnessed") {
				byID, byIndex = r.WitnessedReceiptsByID, r.WitnessedReceipt
			}
			if jti := c.String("jti"); jti != "" {
				if _, err := uuid.Parse(jti); err != nil {
					return usage("--jti must be a UUID")
				}
				results, err := byID(c.Context, []string{jti})
				if err != nil {
					return err
				}
				if results[0].Problem != nil {
					return refused("%w", results[0].Problem)
				}
				return printJSON(c.App.Writer, results[0].Receipt)
			}
			index, err := strconv.ParseUint(c.Args().First(), 10, 64)
			if err != nil || c.NArg() != 1 {
				return usage("receipt: give one INDEX, or --jti")
			}
			receipt, err := byIndex(c.Context, index)
			if err != nil {
				return err
			}
			return printJSON(c.App.Writer, receipt)
		},
	}
}

// keptReceipt prints a receipt from a source's outbox.
func keptReceipt(c *cli.Context) error {
	path, jti := c.String("outbox"), c.String("jti")
	index, err := strconv.ParseUint(c.Args().First(), 10, 64)
	if jti == "" && (err != nil || c.NArg() != 1) || jti != "" && c.NArg() > 0 {
		return usage("receipt: give one INDEX, or --jti")
	}
	if err := begunOutbox(path); err != nil {
		return err
	}
	receipt, err := source.KeptReceipt(c.Context, path, index, jti)
	if errors.Is(err, sql.ErrNoRows) {
		return refused("the outbox has no receipt of this entry: it was not sent from here, or dropped for room")
	}
	if err != nil {
		return err
	}
	return printJSON(c.App.Writer, receipt)
}
