// Package ui holds what all pages share: the layout, the styles and scripts, the words and the
// headers that protect their readers.
package ui

import "embed"

// dist is what make pages builds. Where npm is missing it is empty.
//
//go:embed all:dist
var dist embed.FS
