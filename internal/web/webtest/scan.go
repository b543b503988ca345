package webtest

import (
	"bytes"
	"image/png"

	"github.com/chromedp/chromedp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// Scan reads the QR code that the page shows, as a phone's camera does: from a picture.
func (p *Tab) Scan() string {
	p.Helper()
	img, err := png.Decode(bytes.NewReader(Get(p, chromedp.FullScreenshot(100))))
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
