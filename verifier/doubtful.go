package verifier

// setApart moves entries that are not what they claim out of the histories: a reader of a table
// takes what stands in it for true, whatever is written below. Such an entry is in the log all the
// same, and who put it there has a name.
func (c *check) setApart() {
	failed := map[uint64]*Failure{}
	for _, f := range c.Failures {
		if f.Index != nil && !onlyCompleteness[f.Check] && failed[*f.Index] == nil {
			failed[*f.Index] = f
		}
	}
	if len(failed) == 0 {
		return
	}
	apart := func(rows []StatementEntry) []StatementEntry {
		kept := rows[:0]
		for _, row := range rows {
			if f := failed[row.Index]; f != nil && !row.Hidden {
				row.Remarks = append([]string{string(f.Check) + ": " + f.Meaning}, row.Remarks...)
				c.doubtful = append(c.doubtful, row)
				continue
			}
			kept = append(kept, row)
		}
		return kept
	}
	c.own, c.everyone = apart(c.own), apart(c.everyone)
	for i := range c.linked {
		c.linked[i].Entries = apart(c.linked[i].Entries)
	}
}
