package webtest

import (
	"bytes"
	"image/png"

	"github.com/chromedp/cdproto/page"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// Scan reads the QR code that the page draws, as a phone's camera does that is held near it: from a
// picture.
func (p *Tab) Scan() string {
	p.Helper()
	r := Eval[struct{ X, Y, Width, Height float64 }](p, `(() => {
		const r = (document.querySelector("[data-drawing]") ?? document.documentElement).getBoundingClientRect();
		return {X: r.x + scrollX, Y: r.y + scrollY, Width: r.width, Height: r.height};
	})()`)
	beyond := true
	shot := Get(p, Result(page.CaptureScreenshot, page.CaptureScreenshotParams{Format: "png", CaptureBeyondViewport: &beyond,
		Clip: &page.Viewport{X: r.X, Y: r.Y, Width: r.Width, Height: r.Height, Scale: 3}}))
	img, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		p.fail(err)
	}
	bmp, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		p.fail(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bmp, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		p.fail(err)
	}
	return result.GetText()
}

// Await waits until a JavaScript expression is true.
func (p *Tab) Await(js string) {
	p.Helper()
	Eval[bool](p, `new Promise((done) => {
		const look = () => (`+js+`) ? done(true) : requestAnimationFrame(look);
		look();
	})`)
}
