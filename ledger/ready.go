package ledger

import "context"

// Ready returns nil if an append would succeed now, and otherwise why it would not: the log has
// stopped (ErrStopped), its signing record cannot be written (ErrRecord), the database does not
// answer (storage.ErrUnavailable) or the tree takes no leaves (storage.ErrFrozen).
func (l *Log) Ready(ctx context.Context) error {
	l.mu.RLock()
	closed := l.closed
	l.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if _, err := l.store.Head(ctx, l.tree); err != nil {
		return err
	}
	return l.signing.ready(ctx)
}
