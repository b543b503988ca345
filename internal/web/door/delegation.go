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
	list, err := d.readingFor(ctx, r.ID, id)
	if err == nil && !slices.Contains(list, r.Delegation) {
		err = ErrNotYours
	}
	return err
}

// delegationFor returns the delegation of a person under which the delegate may see their record
// now, or "". A delegation counts under the number for which it was recorded, and does not cross a
// link: whoever may link numbers could otherwise give an authority that nobody granted.
func (d *Door) delegationFor(ctx context.Context, delegate, id string) (string, error) {
	list, err := d.readingFor(ctx, delegate, id)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

// readingFor returns the delegations under which the delegate may see the record of a person now.
func (d *Door) readingFor(ctx context.Context, delegate, id string) (under []string, err error) {
	list, err := d.Delegations(ctx, id)
	if err != nil {
		return nil, err
	}
	now := d.cfg.Now()
	for _, h := range list {
		if h.Delegate == delegate && h.Live(now) && slices.Contains(h.Scope, "access") {
			under = append(under, h.ID)
		}
	}
	return under, nil
}
