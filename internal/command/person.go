package command

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/audit/plain"
	"igledger/ledger/entry"
)

// PersonID returns the id that somebody typed, in the form that the log has: a CHI or NHS number
// may have blanks or hyphens in it, as people and letters write it. A number that fails its check
// is taken, since there may be entries under it, and it is said. where is the line it is in, or "".
func PersonID(c *cli.Context, where, text string) (string, error) {
	if where != "" {
		where += ": "
	}
	id := strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")) // as Windows pipes it
	if scheme, number, ok := strings.Cut(id, ":"); ok {
		if s := strings.ToLower(scheme); s == "chi" || s == "nhs" {
			id = s + ":" + strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(number)
		}
	}
	if entry.CheckID(id) != nil {
		return "", Errorf(Usage, "%sthe id is malformed: give chi:<10 digits>, nhs:<10 digits> or temp:<organisation>:<number>", where)
	}
	if !entry.CheckDigitOK(id) {
		fmt.Fprintf(c.App.ErrWriter, "%s: %s%s\n", c.App.Name, where, Line(plain.In(plain.English).Flag(entry.FlagCheckDigit)))
	}
	return id, nil
}
