package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"igledger/audit"
	"igledger/audit/plain"
	"igledger/internal/client"
	"igledger/ledger/entry"
)

// said is in what words the commands answer.
var said = plain.In(plain.English)

// readingPurpose is why somebody reads the ledger: the reading becomes an access entry about the person, and without a purpose one that is not covered.
func readingPurpose() cli.Flag {
	return &cli.StringSliceFlag{Name: "purpose", Value: cli.NewStringSlice("HCOMPL"), Usage: "PurposeOfUse code of why this is read, which the person will see; PATRQT if she asked for it"}
}

func whoAccessedCommand() *cli.Command {
	return &cli.Command{
		Name:  "who-accessed",
		Usage: "list who looked at a person's record, why and with what result",
		Description: "The person's id (chi:0101…, nhs:943…, temp:ORG:number) is read from standard input, so that it stands in no list of processes.\n" +
			"The caller's organisation must be an auditor or controller and the key for audit. This reading is itself logged.\n" +
			"--save keeps the openings, which igverify entry checks.\n\n" +
			"Example: echo chi:0101011237 | igledger who-accessed --org NHSL --key lothian-audit.jwk",
		Flags: remoteFlags(
			&cli.StringFlag{Name: "id", Usage: "the id; other users of this machine may see it in the list of processes"},
			&cli.StringFlag{Name: "function", Value: "igledger", Usage: "on whose behalf: a function or system, never a person"},
			readingPurpose(),
			&cli.IntFlag{Name: "limit", Value: 100, Usage: "at most so many, newest first; 0 for all"},
			&cli.StringFlag{Name: "save", Usage: "folder to keep the openings in, one JSON file per entry"},
		),
		Action: func(c *cli.Context) error {
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			r.asCaller(c.String("function"))
			r.Purpose = c.StringSlice("purpose")
			id, err := readID(c)
			if err != nil {
				return err
			}
			list, count, err := r.history(c, id, c.Int("limit"))
			if err != nil {
				return err
			}
			if dir := c.String("save"); dir != "" {
				if err := saveOpenings(dir, list); err != nil {
					return err
				}
			}
			if c.Bool("json") {
				return printJSON(c.App.Writer, map[string]any{"count": count, "accesses": list})
			}
			return printAccesses(c.App.Writer, count, list)
		},
	}
}

// readID takes the person's id from --id, a prompt or the first line of standard input.
func readID(c *cli.Context) (string, error) {
	id := c.String("id")
	if id == "" {
		if f, ok := c.App.Reader.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			fmt.Fprint(c.App.ErrWriter, "id (chi:…, nhs:…, temp:ORG:…): ")
		}
		line, err := bufio.NewReader(io.LimitReader(c.App.Reader, 4096)).ReadString('\n')
		if err != nil && line == "" {
			return "", usage("no id on standard input")
		}
		id = strings.TrimSpace(line)
	}
	if err := entry.CheckID(id); err != nil {
		return "", usage("%v", err)
	}
	return id, nil
}

// history pages through a person's accesses.
func (r *remote) history(c *cli.Context, id string, limit int) ([]client.RecordedAccess, uint64, error) {
	var list []client.RecordedAccess
	var count, before uint64
	for {
		page := 200
		if limit > 0 {
			page = min(page, limit-len(list))
		}
		got, err := r.Search(c.Context, id, before, page)
		if err != nil {
			return nil, 0, err
		}
		if before == 0 {
			count = got.Count
		}
		list = append(list, got.Accesses...)
		if got.Next == 0 || limit > 0 && len(list) >= limit {
			return list, count, nil
		}
		before = got.Next
	}
}

// printAccesses prints the table that a person reads.
func printAccesses(w io.Writer, count uint64, list []client.RecordedAccess) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENTRY\tWHEN\tWHO\tWHAT\tWHY\tRESULT\tREMARKS\tVERDICT")
	slices.SortStableFunc(list, func(a, b client.RecordedAccess) int { return happened(b).Compare(happened(a)) })
	rows := uint64(0)
	for _, a := range list {
		e, err := entry.ParseParts(a.Opening.JWS, a.Opening.Disclosures)
		if err != nil {
			return refused("entry %d as the ledger gives it: %w", a.Index, err)
		}
		var s plain.Summary
		switch b := e.Body.(type) {
		case *entry.Access:
			s = audit.Describe(said, b)
		case *entry.Decision:
			s = said.Describe(e)
		default:
			continue // consents and delegations, which consent list shows
		}
		rows++
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.Index, s.When.UTC().Format("2006-01-02 15:04"), who(s), s.What, why(s), s.Result, remarks(s, a.Opening.Flags),
			verdictText(a.Verdict))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, said.Text(plain.TotalHistory, "accesses", said.Count(plain.TotalAccesses, rows),
		"entries", said.Count(plain.TotalEntries, count, "n", strconv.Itoa(len(list)), "of", strconv.FormatUint(count, 10))))
	return err
}

// verdictText says a verdict in a cell. Its reasons are in the server's words.
func verdictText(v *client.PlainVerdict) string {
	if v == nil {
		return "-" // of before the ledger had rules
	}
	return line(said.Verdict(&v.Verdict) + " " + verdictReasons(v))
}

// happened is when an access happened by its source's claim: the order people read in, which is not that of the log.
func happened(a client.RecordedAccess) time.Time {
	access := a.Access
	if access == nil && a.Asked != nil {
		access = &a.Asked.Access
	}
	if access == nil {
		return time.Time{}
	}
	for _, text := range []string{access.Occurred, access.Recorded} {
		if t, err := entry.ParseTime(text); err == nil {
			return t
		}
	}
	return time.Time{}
}

func who(s plain.Summary) string {
	parts := []string{s.Organisation}
	for _, p := range []string{s.Role, s.Staff} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if s.Machine {
		parts = append(parts, said.Text(plain.MarkMachine))
	}
	return strings.Join(parts, ", ")
}

func why(s plain.Summary) string {
	text := s.Why
	if s.Justification != "" {
		text += "; " + s.Justification
	}
	if s.Agreement != "" {
		text += " [" + s.Agreement + "]"
	}
	return text
}

func remarks(s plain.Summary, flags []entry.Flag) string {
	var parts []string
	if s.Emergency {
		parts = append(parts, said.Text(plain.MarkEmergency))
	}
	for _, f := range flags {
		parts = append(parts, said.Flag(f))
	}
	return strings.Join(parts, "; ")
}

func saveOpenings(dir string, list []client.RecordedAccess) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("saving openings: %w", err)
	}
	for _, a := range list {
		f, err := os.OpenFile(dir+"/"+strconv.FormatUint(a.Index, 10)+".json", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("saving openings: %w", err)
		}
		if err := printJSON(f, a.Opening); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("saving openings: %w", err)
		}
	}
	return nil
}

func receiptCommand() *cli.Command {
	return &cli.Command{
		Name:      "receipt",
		Usage:     "fetch the receipt of an entry that the organisation submitted",
		ArgsUsage: "INDEX, or --jti UUID",
		Description: "Prints the receipt as JSON; igverify receipt checks it against the entry.\n\n" +
			"Example: igledger receipt --org NHSL --key lothian-submit.jwk 120034 > receipt.json",
		Flags: remoteFlags(&cli.StringFlag{Name: "jti", Usage: "the entry's jti instead of its index"}),
		Action: func(c *cli.Context) error {
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			r.asCaller("igledger")
			if jti := c.String("jti"); jti != "" {
				results, err := r.ReceiptsByID(c.Context, []string{jti})
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
				return usage("receipt wants one INDEX or --jti")
			}
			receipt, err := r.Receipt(c.Context, index)
			if err != nil {
				return err
			}
			return printJSON(c.App.Writer, receipt)
		},
	}
}
