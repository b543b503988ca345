package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"igledger/consent/fhir"
	"igledger/consent/fhir/tree"
	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

func importConsentCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "record consents from FHIR Consent resources, R4 or R5",
		ArgsUsage: "FILE… or -",
		Description: "Reads single Consents, Bundles and NDJSON. Lists everything in a resource that the\n" +
			"ledger cannot enforce as written, and the effect. The entry keeps the whole resource.\n" +
			"Importing the same resource again changes nothing. Exits with 1 if a resource is\n" +
			"refused; the others are recorded.\n\n" +
			"Example: igledger consent import --org NHSL --key lothian-agreements.jwk --map " +
			"Organization/f001=NHSL consents.ndjson",
		Flags: remoteFlags(append(mappingFlags(),
			&cli.StringFlag{Name: "source",
				Usage: "name of the system that the consents are from, as access import has it: a patient whom only this system " +
					"knows has the same id in both (default: fhir)"},
			&cli.StringFlag{Name: "agreement",
				Usage: "id of the agreement for which people were asked, if the resource names none"},
			&cli.BoolFlag{Name: "dry-run",
				Usage: "only list what cannot be enforced; records nothing, and needs no ledger or key"},
		)...),
		Action: importConsents,
	}
}

// importedConsent is the outcome of importing one resource.
type importedConsent struct {
	File       string            `json:"file"`
	Number     int               `json:"number"` // of the resource in its file, from 1
	Status     string            `json:"status"` // appended, replayed, known, checked or refused
	Record     string            `json:"record,omitempty"`
	Index      uint64            `json:"index,omitzero"`
	Flags      []entry.Flag      `json:"flags,omitempty"`
	Unenforced []fhir.Unenforced `json:"unenforced,omitempty"`
	Error      string            `json:"error,omitempty"`
}

func importConsents(c *cli.Context) error {
	if c.NArg() == 0 {
		return usage("consent import: give one or more files, or - for standard input")
	}
	conv := fhir.Conversion{Issuer: c.String("org"), Source: c.String("source")}
	var err error
	conv.Map, err = mappingOf(c)
	if err != nil {
		return err
	}
	if conv.Source != "" && wire.CheckSystem(conv.Source) != nil {
		return usage("--source: not the name of a system")
	}
	var r *remote // nil for a dry run
	if !c.Bool("dry-run") {
		r, err = newRemote(c, signing)
		if err != nil {
			return err
		}
	} else if conv.Issuer == "" {
		return usage("give --org: local numbers of people belong to that organisation")
	}
	var list []importedConsent
	for _, name := range c.Args().Slice() {
		data, err := fileOrStdin(c, name)
		if err != nil {
			return fmt.Errorf("reading consents: %w", err)
		}
		resources, err := consentsIn(data)
		if err != nil {
			return refused("%s: %w", name, err)
		}
		for i, found := range resources {
			one := importedConsent{File: name, Number: i + 1}
			if err := r.importConsent(c, conv, found, &one); err != nil {
				return err
			}
			list = append(list, one)
		}
	}
	return reportImport(c, list)
}

// foundConsent is a resource in a file, and what its references may name.
type foundConsent struct {
	raw jsontext.Value
	at  tree.Place
}

// consentsIn returns the Consents in a file: its values, and the resources in those that are
// Bundles.
func consentsIn(data []byte) ([]foundConsent, error) {
	var out []foundConsent
	for d := jsontext.NewDecoder(bytes.NewReader(data)); ; {
		v, err := d.ReadValue()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, errors.New("the file is not JSON or NDJSON")
		}
		var bundle struct {
			ResourceType string `json:"resourceType"`
			Entry        []struct {
				FullURL  string         `json:"fullUrl"`
				Resource jsontext.Value `json:"resource"`
			} `json:"entry"`
		}
		v = v.Clone()
		if json.Unmarshal(v, &bundle) != nil || bundle.ResourceType != "Bundle" {
			out = append(out, foundConsent{raw: v})
			continue
		}
		all := &tree.Bundle{}
		for _, e := range bundle.Entry {
			if v, err := tree.Parse("Bundle.entry.resource", e.Resource); err == nil {
				o, _ := v.(tree.Object)
				all.Add(e.FullURL, o)
			}
			out = append(out, foundConsent{e.Resource, tree.Place{URL: e.FullURL, Bundle: all}})
		}
	}
}

// importConsent converts and submits one resource, and records the outcome in one. It returns an
// error only if the ledger or the connection fails, not if the resource is refused.
func (r *remote) importConsent(c *cli.Context, conv fhir.Conversion, found foundConsent, one *importedConsent) error {
	in, err := conv.ReadIn(found.raw, found.at)
	if err != nil {
		one.Status, one.Error = "refused", err.Error()
		return nil
	}
	x := in.Consent
	one.Record, one.Unenforced, one.Status = x.Consent, in.Unenforced, "checked"
	if c.Bool("dry-run") {
		return nil
	}
	x.Common = r.common()
	if a := c.String("agreement"); len(x.Agreements) == 0 && a != "" {
		x.Agreements = []string{a}
	}
	// The same resource is the same act, whenever it is imported.
	sum := sha256.Sum256(found.raw)
	x.ID = uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "urn:igledger:consent-import:%s:%s:%x", r.origin, r.org,
		sum)).String()
	res, err := r.submit(c.Context, x)
	var e *exitError
	var p *client.Problem
	switch {
	case err == nil:
		one.Status, one.Index, one.Flags = string(res.Status), res.Index, res.Flags
	case errors.As(err, &p) && p.Code() == "conflict":
		one.Status = "known"
	case res.Problem != nil && p != nil, errors.As(err, &e) && e.code == exitUsage:
		// Only this resource is refused, by the ledger or because its entry would not be
		// well-formed.
		one.Status, one.Error = "refused", err.Error()
	default:
		return err
	}
	return nil
}

func reportImport(c *cli.Context, list []importedConsent) error {
	bad := 0
	for _, one := range list {
		if one.Status == "refused" {
			bad++
		}
	}
	if c.Bool("json") {
		if err := printJSON(c.App.Writer, list); err != nil {
			return err
		}
	} else {
		for _, one := range list {
			fmt.Fprintf(c.App.Writer, "%s, resource %d: %s", one.File, one.Number, one.Status)
			if one.Index > 0 {
				fmt.Fprintf(c.App.Writer, " in entry %d", one.Index)
			}
			if one.Record != "" {
				fmt.Fprintf(c.App.Writer, ", record %s", one.Record)
			}
			fmt.Fprintln(c.App.Writer)
			if one.Error != "" {
				fmt.Fprintf(c.App.Writer, "  %s\n", one.Error)
			}
			for _, f := range one.Flags {
				fmt.Fprintf(c.App.Writer, "  %s\n", line(said.FlagAdvice(f)))
			}
			printUnenforced(c.App.Writer, one.Unenforced)
		}
	}
	if bad > 0 {
		return refused("refused: %d of %s", bad, counted(len(list), "consent", "consents"))
	}
	return nil
}

// printUnenforced prints each reason once, with the elements to which it applies.
func printUnenforced(w io.Writer, list []fhir.Unenforced) {
	var reasons []string
	paths := map[string][]string{}
	for _, u := range list {
		if paths[u.Why] == nil {
			reasons = append(reasons, u.Why)
		}
		paths[u.Why] = append(paths[u.Why], u.Path)
	}
	for _, why := range reasons {
		fmt.Fprintf(w, "  not enforced as written: %s\n    (%s)\n", why, strings.Join(paths[why], ", "))
	}
}
