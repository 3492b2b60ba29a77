package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
)

// Rights calls the keyholder as those do who answer people's requests. It is
// safe for concurrent use. Who acts is named by WithAct.
type Rights struct {
	link

	rights keyholderpb.RightsClient
	cases  keyholderpb.CasesClient
}

// DialRights makes a client of the role rights.
func DialRights(cfg ClientConfig) (*Rights, error) {
	l, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	return &Rights{link: l, rights: keyholderpb.NewRightsClient(l.conn), cases: keyholderpb.NewCasesClient(l.conn)}, nil
}

// Find returns the handles of a contact that is known already. A visitor is
// always known, since visitors are not kept.
func (r *Rights) Find(ctx context.Context, query Query) (handles event.Handles, known bool, err error) {
	err = r.call(ctx, "find", func(ctx context.Context) error {
		request := &keyholderpb.FindRequest{
			Call: r.callOf(ctx), H1: query.H1[:], Kind: []byte{byte(query.Kind)}, Period: uint32(query.Period),
		}
		if !query.Old.IsZero() {
			request.H1Old = query.Old[:]
		}
		answer, err := r.rights.Find(ctx, request)
		if err != nil || !answer.GetKnown() {
			return err
		}
		handles, err = oneOf(answer.GetHandles())
		known = err == nil
		return err
	})
	return handles, known, err
}

func oneOf(answer *keyholderpb.ResolveAnswer) (event.Handles, error) {
	if answer == nil {
		return event.Handles{}, ErrAnswer
	}
	rows, err := answer.AppendTo(nil, 1)
	if err != nil {
		return event.Handles{}, err
	}
	return rows[0], nil
}

// Found is a contact that Search found.
type Found struct {
	Ref     Ref
	Handles event.Handles
}

// Search looks for a contact by an identifier in clear, normalised as events'
// are. Contacts are made by nobody's search.
func (r *Rights) Search(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string, period event.Period) (found Found, known bool, err error) {
	err = r.call(ctx, "search", func(ctx context.Context) error {
		answer, err := r.rights.Search(ctx, &keyholderpb.SearchRequest{
			Call: r.callOf(ctx), Site: string(site), Kind: uint32(kind), Value: []byte(value), Period: uint32(period),
		})
		if err != nil || !answer.GetKnown() {
			return err
		}
		if found.Handles, err = oneOf(answer.GetHandles()); err == nil {
			found.Ref, err = refOf(answer.GetRef())
		}
		known = err == nil
		return err
	})
	return found, known, err
}

// MaxList is how many pseudonyms one List may name.
const MaxList = 64

// List returns the contacts that the pseudonyms belong to, with all their
// others. What belongs to nobody is left out.
func (r *Rights) List(ctx context.Context, handles []event.Handle) (listed []Listed, err error) {
	request := &keyholderpb.ListRequest{}
	for _, h := range handles {
		request.Handles = append(request.Handles, h[:]...)
	}
	err = r.counted(ctx, "list", func() error { // it looks through the whole vault
		request.Call = r.callOf(ctx)
		answer, err := r.rights.List(ctx, request)
		if err != nil {
			return err
		}
		listed, err = readListed(answer)
		return err
	})
	return listed, err
}

// ApprovalNeeded says that a reveal is above the limit: a second person must
// approve it by ID within a quarter of an hour, then it is asked for again.
type ApprovalNeeded struct{ ID []byte }

func (a *ApprovalNeeded) Error() string {
	return fmt.Sprintf("above the limit of reveals: a second person must approve it (zgoda keys approve %x)", a.ID)
}

// Reveal returns what is kept of a contact. approval is of an earlier
// *ApprovalNeeded, or nil.
func (r *Rights) Reveal(ctx context.Context, ref Ref, approval []byte) (revealed Revealed, err error) {
	var needed []byte
	err = r.call(ctx, "reveal", func(ctx context.Context) error {
		answer, err := r.rights.Reveal(ctx, &keyholderpb.RevealRequest{Call: r.callOf(ctx), Ref: ref[:], Approval: approval})
		if err != nil {
			return err
		}
		needed = answer.GetApprovalNeeded()
		revealed = readRevealed(answer)
		return nil
	})
	if err == nil && len(needed) > 0 {
		return Revealed{}, &ApprovalNeeded{ID: needed}
	}
	return revealed, err
}

// Approve lets a reveal of another person through.
func (r *Rights) Approve(ctx context.Context, id []byte) error {
	return r.call(ctx, "approve", func(ctx context.Context) error {
		_, err := r.rights.Approve(ctx, &keyholderpb.ApproveRequest{Call: r.callOf(ctx), Id: id})
		return err
	})
}

// Waiting is a reveal that wants a second person.
type Waiting struct {
	ID            []byte
	Actor, Reason string
	Since, Until  time.Time
	Approved      bool
}

// Waiting lists the reveals that want a second person, the oldest first.
func (r *Rights) Waiting(ctx context.Context) (list []Waiting, err error) {
	err = r.call(ctx, "waiting", func(ctx context.Context) error {
		answer, err := r.rights.Waiting(ctx, &keyholderpb.WaitingRequest{Call: r.callOf(ctx)})
		for _, w := range answer.GetWaiting() {
			list = append(list, Waiting{
				ID: w.GetId(), Actor: w.GetActor(), Reason: w.GetReason(),
				Since: time.UnixMilli(w.GetSince()), Until: time.UnixMilli(w.GetUntil()), Approved: w.GetApproved(),
			})
		}
		return err
	})
	return list, err
}

// IsApprovalNeeded returns the approval that an error asks for.
func IsApprovalNeeded(err error) (id []byte, ok bool) {
	if needed, ok := errors.AsType[*ApprovalNeeded](err); ok {
		return needed.ID, true
	}
	return nil, false
}
