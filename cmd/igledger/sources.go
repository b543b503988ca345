package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
)

func sourcesCommand() *cli.Command {
	return &cli.Command{
		Name:  "sources",
		Usage: "show the streams of sources: missing numbers, silence, heartbeats",
		Description: "Auditors, operators and registrars see all streams, other organisations only their own.\n" +
			"Exits with 1 if a stream has a fault: numbers are missing, it has been silent for longer\n" +
			"than it declared, a day has no heartbeat, or a heartbeat declares gaps or receipts that\n" +
			"were not checked. Streams beyond those that the ledger keeps apart (igledger serve\n" +
			"--max-streams) are counted together, as (others).\n\n" +
			"Example: igledger sources --org NHSL --key lothian-submit.jwk",
		Flags: remoteFlags(),
		Action: func(c *cli.Context) error {
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			r.asCaller("igledger")
			list, err := r.Sources(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				err = printJSON(c.App.Writer, list)
			} else {
				err = printSources(command.ScreenOf(c), list.Sources)
			}
			if err != nil {
				return err
			}
			faulty := 0
			for _, s := range list.Sources {
				if len(s.Faults) > 0 {
					faulty++
				}
			}
			if faulty > 0 {
				return refused("faulty: %d of %s", faulty, counted(len(list.Sources), "stream", "streams"))
			}
			return nil
		},
	}
}

func printSources(w command.Screen, list []client.Source) error {
	rows := [][]string{{"ORGANISATION", "SOURCE", "ENTRIES", "LAST", "MISSING", "REPEATED", "NEWEST", "HEARTBEAT", "INTERVAL", "FAULTS"}}
	legend := new(command.Marks)
	for _, s := range list {
		day, interval := "", ""
		if h := s.Heartbeats; h != nil {
			day, interval = h.LastDay, (time.Duration(h.Interval) * time.Second).String()
		}
		var faults []string
		for _, f := range s.Faults {
			faults = append(faults, string(f))
			legend.Is(string(f), said.Fault(string(f)))
		}
		rows = append(rows, []string{s.Organisation, cmp.Or(s.Source, "(others)"), fmt.Sprint(s.Entries), fmt.Sprint(s.Last),
			missing(s), repeated(s), s.LastReceived, day, interval, strings.Join(faults, ", ")})
	}
	if err := w.Table(rows); err != nil {
		return err
	}
	return w.Legend("FAULTS", legend)
}

// repeated returns how many accesses came under a number that was in the log already.
func repeated(s client.Source) string {
	if s.Repeats == 0 {
		return "none"
	}
	return fmt.Sprint(s.Repeats)
}

// missing returns the number of missing sequence numbers and the lowest three ranges of them.
func missing(s client.Source) string {
	if s.Missing == 0 {
		return "none"
	}
	var named []string
	var listed uint64
	for _, g := range s.Gaps[:min(3, len(s.Gaps))] {
		listed += g.Last - g.First + 1
		if g.First == g.Last {
			named = append(named, fmt.Sprint(g.First))
		} else {
			named = append(named, fmt.Sprintf("%d-%d", g.First, g.Last))
		}
	}
	if more := s.Missing - listed; more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%d: %s", s.Missing, strings.Join(named, " "))
}
