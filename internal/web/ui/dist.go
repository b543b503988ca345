// Package ui holds what all pages share: the layout, the words, the styles and scripts, and the
// headers that protect their readers.
//
// Each room of pages has its own templates and words, which Site.Room reads once, when the server
// starts. Every page can be read without script. A page is rendered completely before a byte of it
// goes out, so a reader never sees half of one.
//
// What it promises: no page runs a script or has a style that does not come from this server as a
// file of its own, no other site can frame a page, and a page that is about somebody who is signed in
// is kept by no cache. It holds no session and no data of the ledger.
package ui

import "embed"

// dist is what make pages builds. Where npm is missing it is empty.
//
//go:embed all:dist
var dist embed.FS

// styles are our own: plain.css stands in for the design system where dist is empty, and pages.css
// goes on top of either.
//
//go:embed styles
var styles embed.FS

//go:embed templates *.properties
var own embed.FS
