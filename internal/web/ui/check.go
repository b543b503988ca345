package ui

import (
	"fmt"
	"html/template"
	"regexp"
	"strconv"
	"text/template/parse"

	"igledger/audit/plain"
)

// forbidden is markup that the Content-Security-Policy would leave dead, or that takes a reader
// somewhere without saying so.
var forbidden = regexp.MustCompile(`(?i)<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|<script(?:[^>]*>)?[^<>]*[^<>\s][^<>]*</script|<base\b|<iframe|<object|<embed`)

// check returns what is wrong with a page before anybody asks for it: a key without a text, and
// markup that would not work. Keys that a template puts together are not seen here.
func check(t *template.Template, words *Words) error {
	for _, part := range t.Templates() {
		if part.Tree == nil {
			continue
		}
		if err := checkNode(part.Tree.Root, words); err != nil {
			return fmt.Errorf("template %s: %w", part.Name(), err)
		}
	}
	return nil
}

func checkNode(node parse.Node, words *Words) error {
	var err error
	walk(node, func(n parse.Node) {
		switch n := n.(type) {
		case *parse.TextNode:
			if bad := forbidden.Find(n.Text); bad != nil && err == nil {
				err = fmt.Errorf("%q is not allowed", bad)
			}
		case *parse.CommandNode:
			if key, ok := asked(n); ok && !words.Has(key) && err == nil {
				err = fmt.Errorf("there are no words for %q", key)
			}
		}
	})
	return err
}

// asked returns the key that a command of a template asks for, if it is written out.
func asked(c *parse.CommandNode) (plain.Key, bool) {
	if len(c.Args) < 2 {
		return "", false
	}
	f, ok := c.Args[0].(*parse.IdentifierNode)
	s, ok2 := c.Args[1].(*parse.StringNode)
	if !ok || !ok2 || f.Ident != "t" && f.Ident != "n" {
		return "", false
	}
	key, err := strconv.Unquote(s.Quoted)
	return plain.Key(key), err == nil
}

// walk calls visit for a node and all below it.
func walk(node parse.Node, visit func(parse.Node)) {
	visit(node)
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		walk(b.List, visit)
		if b.ElseList != nil {
			walk(b.ElseList, visit)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			walk(child, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			walk(c, visit)
		}
	case *parse.CommandNode:
		for _, a := range n.Args {
			if p, ok := a.(*parse.PipeNode); ok {
				walk(p, visit)
			}
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, visit)
		}
	}
}
