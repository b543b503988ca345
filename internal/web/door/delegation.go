package door

import (
	"context"
	"slices"

	"igledger/consent"
)

// linkedWith returns the other numbers of a person.
func (d *Door) linkedWith(ctx context.Context, id string) ([]string, error) {
	state, err := d.log.Person(ctx, id)
	if err != nil {
		return nil, err
	}
	return consent.Linked(state)
}

// Delegations returns the delegations that others hold for a person, as the rules know them.
func (d *Door) Delegations(ctx context.Context, id string) ([]consent.Held, error) {
	state, err := d.log.Person(ctx, id)
	if err != nil {
		return nil, err
	}
	return consent.Delegations(state)
}

// mayRead returns nil if the delegation that r names lets r.ID see the record of the person id now.
func (d *Door) mayRead(ctx context.Context, r Reader, id string) error {
	list, err := d.Delegations(ctx, id)
	if err != nil {
		return err
	}
	now := d.cfg.Now()
	for _, h := range list {
		if h.ID == r.Delegation && h.Delegate == r.ID && h.Live(now) && slices.Contains(h.Scope, "access") {
			return nil
		}
	}
	return ErrNotYours
}
