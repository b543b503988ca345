package main

import (
	"encoding/csv"
	"fmt"
	"strings"

	"igledger/audit/plain"
	"igledger/internal/command"
)

// tableForms writes a table for officers in each form. A table is rows of cells; the first row
// holds the headings.
var tableForms = map[string]func(command.Screen, [][]string) error{
	"text":     command.Screen.Table,
	"csv":      printCSV,
	"markdown": printMarkdown,
}

// printCSV writes RFC 4180. It puts an apostrophe before a cell that a spreadsheet would read as a
// formula, as OWASP advises against CSV injection: other organisations write titles and reasons.
func printCSV(w command.Screen, rows [][]string) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = plain.Cell(line(cell))
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// printMarkdown writes a table of GitHub Flavored Markdown. It escapes what would be markup there.
func printMarkdown(w command.Screen, rows [][]string) error {
	escape := strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`", "[",
		`\[`, "]", `\]`)
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

// counted returns a number with the noun that fits: "1 entry", "2 entries".
func counted[T int | uint64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
