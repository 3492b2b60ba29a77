package rights

import (
	"context"
	"fmt"

	"zgoda/control"
)

// alone refuses erasures of browsers that are a contact's too: rows under the browser's
// pseudonym are that contact's from the link on, and whoever has the browser in their
// hands may be somebody else. The contact's own erasure takes them.
func (s *Service) alone(ctx context.Context, out []Opened) error {
	var refused [][16]byte
	for i := range out {
		if out[i].Err != nil {
			continue
		}
		switch linked, err := s.linked(ctx, &out[i].Request); {
		case err != nil:
			return err
		case linked:
			refused, out[i].Err = append(refused, out[i].Request.ID), ErrLinked
		}
	}
	s.closeCases(ctx, refused)
	return nil
}

func (s *Service) linked(ctx context.Context, r *control.Request) (bool, error) {
	if r.Right != control.RightErasure || !r.Visitor || r.Handle.IsZero() {
		return false, nil
	}
	first, err := s.deps.Store.FirstLink(ctx, r.Site, r.Handle)
	if err != nil {
		return false, fmt.Errorf("look for contacts of the browser: %w", err)
	}
	return !first.IsZero(), nil
}
