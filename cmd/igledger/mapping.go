package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/consent/fhir/mapping"
)

func mappingCommand() *cli.Command {
	printing := func(name, use string, text func() []byte) *cli.Command {
		return &cli.Command{
			Name: name, Usage: use, Description: "Example: igledger mapping " + name + " > mapping." + name,
			Action: func(c *cli.Context) error {
				_, err := c.App.Writer.Write(text())
				return err
			},
		}
	}
	return &cli.Command{
		Name:  "mapping",
		Usage: "what your systems' own words mean: check a file for --map, print its schema or an example",
		Subcommands: []*cli.Command{
			printing("example", "print a mapping with every setting, and a comment on each", mapping.Example),
			printing("schema", "print the JSON Schema of mappings, for editors", mapping.Schema),
			{
				Name: "check", Usage: "check a mapping, without a ledger", ArgsUsage: "FILE or -",
				Description: "Says what is wrong first, with line and place, and exits with 1. Refuses what could mean two things:\n" +
					"one identifier, reference, issuer or name of two organisations, or one system of two schemes.\n\n" +
					"Example: igledger mapping check mapping.yaml",
				Action: func(c *cli.Context) error {
					if c.NArg() != 1 {
						return usage("mapping check: give one FILE, or - for standard input")
					}
					data, err := readText(c, c.Args().First())
					if err != nil {
						return err
					}
					if _, err := mapping.Parse(data); err != nil {
						return refused("%s: %w", c.Args().First(), err)
					}
					_, err = fmt.Fprintln(c.App.Writer, "The mapping is well-formed.")
					return err
				},
			},
		},
	}
}

// mappingFlags are those of the commands that read FHIR.
func mappingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "map",
			Usage: "`FILE` that says what your systems' own words mean (YAML), or REFERENCE=ORG for one organisation; repeat for more"},
		&cli.StringSliceFlag{Name: "system",
			Usage: "URI=chi or URI=nhs: a further identifier system for people; repeat for more"},
	}
}

// mappingOf reads --map and --system. At most one file may be given; single settings add to it.
func mappingOf(c *cli.Context) (*mapping.Map, error) {
	m := &mapping.Map{}
	files := 0
	for _, arg := range c.StringSlice("map") {
		if ref, org, ok := cutLast(arg); ok && !exists(arg) {
			m.Organisations = append(m.Organisations, mapping.Organisation{ID: org, References: []string{ref}})
			continue
		}
		data, err := readText(c, arg)
		if err != nil {
			return nil, usage("--map: %w", err)
		}
		read, err := mapping.Parse(data)
		if err != nil {
			return nil, usage("--map %s: %v", arg, err)
		}
		if files++; files > 1 {
			return nil, usage("--map: give one file")
		}
		read.Organisations = append(read.Organisations, m.Organisations...)
		m = read
	}
	for _, arg := range c.StringSlice("system") {
		uri, scheme, ok := cutLast(arg)
		if !ok {
			return nil, usage("--system must have the form URI=chi or URI=nhs")
		}
		if m.Identifiers == nil {
			m.Identifiers = map[string]string{}
		}
		m.Identifiers[uri] = scheme
	}
	if err := m.Check(); err != nil {
		return nil, usage("--map, --system: %v", err)
	}
	return m, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cutLast cuts NAME=VALUE at the last "=". Both parts must be there.
func cutLast(s string) (name, value string, ok bool) {
	i := strings.LastIndexByte(s, '=')
	if i <= 0 || i == len(s)-1 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
