package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/web/paper/sealed"
	"igledger/internal/web/paper/sheet"
	"igledger/internal/words"
	"igledger/ledger/bundle"
	"igledger/ledger/wire"
	"igledger/verifier"
)

func paperCommand() *cli.Command {
	return &cli.Command{
		Name:  "paper",
		Usage: "print a person's list at a front desk, with a code by which its holder can check it",
		Description: "Reads the person's id from standard input, fetches their statement, checks it, and writes\n" +
			"a PDF, or with a name that ends in .html a page for any browser to print. A PDF needs an\n" +
			"installed Chromium.\n\n" +
			"The code opens the same list on a page of the ledger, for 30 days, for anybody who has the\n" +
			"paper. The list is sealed on this machine, and the ledger does not get the key. The person\n" +
			"can stop the code by signing in, or at a front desk. --no-code prints without one.\n" + whoMayRead + "\n\n" +
			"Example: echo chi:0101011237 | igledger paper --org NHSL --key lothian-desk.jwk " +
			"--request SAR-2026-0042 --identity documents --out list.pdf",
		Flags: remoteFlags(personReading(
			&cli.StringFlag{Name: "out", Required: true, Usage: "file to write, which only its owner can read: .pdf or .html"},
			&cli.BoolFlag{Name: "large", Usage: "large print, 18 point"},
			&cli.BoolFlag{Name: "no-code", Usage: "print no code, and leave nothing at the ledger"},
			&cli.StringFlag{Name: "chromium", EnvVars: []string{"IGLEDGER_CHROMIUM"}, Usage: "the browser that makes the PDF (default: one on the path)"},
		)...),
		Action: printPaper,
	}
}

func printPaper(c *cli.Context) error {
	out := c.String("out")
	browser := ""
	switch strings.ToLower(filepath.Ext(out)) {
	case ".html":
	case ".pdf":
		var err error
		if browser, err = sheet.Browser(c.String("chromium")); err != nil {
			return fmt.Errorf("%w, so there can be no PDF. Give --out a name that ends in .html, and print that with any browser", err)
		}
	default:
		return usage("--out must end in .pdf or .html")
	}
	if err := command.NewFile(out); err != nil { // before a code is made
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
	data, err := r.fetchStatement(c, client.StatementRequest{
		ID: id, Purpose: r.Purpose, Request: c.String("request"), Identity: r.Identity,
	})
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(data, []byte(`{"format":"`+bundle.FormatStatement+`"`)) {
		return refused("the ledger gives your organisation its own entries alone, which are nobody's list to print: use a front-desk key")
	}
	policy, err := verifier.PolicyForLog(r.logKey)
	if err != nil {
		return err
	}
	report := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: policy, ID: id, Now: time.Now()})
	if err := report.Err(); err != nil {
		return refused("the statement does not pass its checks, so it is not printed: %w", err)
	}
	s := &sheet.Sheet{Report: report, Desk: r.org, Made: time.Now(), Zone: time.Local, Words: words.Of(data), Large: c.Bool("large")}
	if zone, err := time.LoadLocation("Europe/London"); err == nil {
		s.Zone = zone
	}
	if !c.Bool("no-code") {
		if err := addCode(c, r, s, id, data); err != nil {
			return err
		}
	}
	page, err := s.HTML()
	if err == nil && browser != "" {
		page, err = sheet.PDF(c.Context, browser, page)
	}
	if err != nil {
		return err
	}
	if err := command.WriteNew(out, page, false); err != nil {
		return err
	}
	result := map[string]any{"file": out, "words": s.Words}
	text := fmt.Sprintf("%s\nsix words: %s\n", out, strings.Join(s.Words, " "))
	if s.Code != "" {
		result["ends"] = s.Ends.UTC().Format(time.RFC3339)
		text += "the code works until " + s.Ends.In(s.Zone).Format("2 January 2006") + "\n"
	}
	return output(c, result, "%s", text)
}

// addCode seals the statement here, hands it over, and puts the code on the sheet.
func addCode(c *cli.Context, r *remote, s *sheet.Sheet, id string, statement []byte) error {
	data, key, err := sealed.Seal(sealed.Document{ID: id, Statement: statement})
	if errors.Is(err, sealed.ErrTooLarge) {
		return refused("%w: use --no-code", err)
	}
	if err != nil {
		return err
	}
	kept, err := r.KeepPaper(c.Context, client.SealedPaper{ID: id, Sealed: wire.Encode64(data)})
	if err != nil {
		return err
	}
	base, ok := strings.CutSuffix(kept.Address, "/p/"+sealed.ID(data))
	if !ok {
		return refused("the ledger kept something else than was sent, so nothing is printed")
	}
	s.Code = sealed.Address(base, sealed.ID(data), key)
	s.Ends, err = time.Parse(time.RFC3339, kept.Ends)
	return err
}
