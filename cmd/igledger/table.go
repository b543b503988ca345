package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A table that officers read is rows of cells, the first being the heads; how it is written is one of tableForms.
var tableForms = map[string]func(io.Writer, [][]string) error{"text": printTable, "csv": printCSV, "markdown": printMarkdown}

// printTable writes columns. Cells may be the words of other organisations, so each is made one line.
func printTable(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			if cell == "" {
				cell = "-"
			}
			fmt.Fprint(t, line(cell))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// printCSV writes RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe before it, as OWASP has it for CSV injection: titles and
// reasons are what other organisations wrote.
func printCSV(w io.Writer, rows [][]string) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = line(cell)
			if strings.IndexAny(cells[i], "=+-@") == 0 {
				cells[i] = "'" + cells[i]
			}
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// printMarkdown writes a table of GitHub Flavored Markdown. What would be markup there is escaped.
func printMarkdown(w io.Writer, rows [][]string) error {
	escape := strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`)
	for i, row := range rows {
		for _, cell := range row {
			fmt.Fprintf(w, "| %s ", escape.Replace(line(cell)))
		}
		fmt.Fprintln(w, "|")
		if i == 0 {
			fmt.Fprintln(w, strings.Repeat("|---", len(row))+"|")
		}
	}
	return nil
}
