package draw

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/yeqown/go-qrcode/v2"
)

// Code draws a QR code, dark on light whatever the page's colours are, because phones read no
// other. title is what a screen reader says instead; it is text, not markup.
func Code(text, title string) (template.HTML, error) {
	code, err := qrcode.NewWith(text, qrcode.WithEncodingMode(qrcode.EncModeByte),
		qrcode.WithErrorCorrectionLevel(qrcode.ErrorCorrectionMedium))
	if err != nil {
		return "", fmt.Errorf("making the code: %w", err)
	}
	w := &codeWriter{title: title}
	if err := code.Save(w); err != nil {
		return "", fmt.Errorf("drawing the code: %w", err)
	}
	return template.HTML(w.svg.String()), nil //nolint:gosec // the title is escaped
}

type codeWriter struct {
	title string
	svg   strings.Builder
}

func (w *codeWriter) Close() error { return nil }

func (w *codeWriter) Write(m qrcode.Matrix) error {
	const quiet = 4 // modules of white around it: ISO/IEC 18004 section 9.1
	size := m.Width() + 2*quiet
	fmt.Fprintf(&w.svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" shape-rendering="crispEdges">`+
		`<title>%s</title>`+
		`<rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`, size, size, template.HTMLEscapeString(w.title), size, size)
	m.Iterate(qrcode.IterDirection_ROW, func(x, y int, v qrcode.QRValue) {
		if v.IsSet() {
			fmt.Fprintf(&w.svg, "M%d %dh1v1h-1z", x+quiet, y+quiet)
		}
	})
	w.svg.WriteString(`"/></svg>`)
	return nil
}
