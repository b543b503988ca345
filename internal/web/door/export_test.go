package door

import "context"

// Piece is how many entries a kept piece of a history has.
const Piece = piece

// KeepAhead keeps the pieces of the histories that have grown, as Follow does again and again.
func (d *Door) KeepAhead(ctx context.Context) error { return d.keepAhead(ctx) }
