package keyholder

import (
	"context"
	"errors"
	"log/slog"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/authority"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// contacts is what the service needs of a vault.
type contacts interface {
	Lookup(index keyring.Index) (keyring.Salt, bool)
	Mint(ctx context.Context, indexes []keyring.Index) error
	Link(ctx context.Context, indexes []keyring.Index, visitor event.Blinded) (vault.Linked, error)
}

// service answers the calls.
type service struct {
	keyholderpb.UnimplementedPseudonymiseServer
	keyholderpb.UnimplementedHealthServer

	ring      *keyring.Ring
	contacts  contacts
	authority *authority.Authority
	policy    *access.Policy
	log       *slog.Logger
}

// quota takes what a call asks for, and tells the policy.
func (s *service) quota(ctx context.Context, unknown, minted int) error {
	tally := access.TallyOf(ctx)
	tally.Unknown += unknown
	who, _ := access.From(ctx)
	if err := s.policy.Quota.Take(who, unknown, minted); err != nil {
		tally.Why = access.WhyQuota
		return err
	}
	tally.Minted += minted
	return nil
}

// Texts of refusals; they name the rule, never what broke it.
var (
	errBatch   = status.Error(codes.InvalidArgument, "a batch has 1 to 4096 identifiers, in whole columns")
	errLinks   = status.Error(codes.InvalidArgument, "a link has 1 to 16 identifiers of contacts, in whole columns, and one visitor or none")
	errFind    = status.Error(codes.InvalidArgument, "find takes one identifier")
	errKind    = status.Error(codes.InvalidArgument, "no such kind of identifier")
	errHash    = status.Error(codes.InvalidArgument, "an identifier is zero")
	errNoKeys  = status.Error(codes.Unavailable, "the keys of this period cannot be had")
	errNoVault = status.Error(codes.Unavailable, "the vault cannot write")
)

// Ready says whether keys can be had.
func (s *service) Ready(context.Context, *keyholderpb.ReadyRequest) (*keyholderpb.ReadyAnswer, error) {
	if _, err := s.epoch(); err != nil {
		return nil, err
	}
	return &keyholderpb.ReadyAnswer{}, nil
}

// Keys hands out the gateway's keys.
func (s *service) Keys(context.Context, *keyholderpb.KeysRequest) (*keyholderpb.KeysAnswer, error) {
	keys := s.ring.Gateway()
	answer := &keyholderpb.KeysAnswer{Spool: keys.Spool.Reveal(), Cookie: keys.Cookie.Reveal()}
	for _, g := range keys.Gate {
		answer.Gate = append(answer.Gate, &keyholderpb.GateKey{Version: g.Version, Key: g.Key.Reveal()})
	}
	return answer, nil
}

// Resolve answers for every identifier of the batch, or for none.
func (s *service) Resolve(ctx context.Context, request *keyholderpb.ResolveRequest) (*keyholderpb.ResolveAnswer, error) {
	n, err := request.Rows()
	tally := access.TallyOf(ctx)
	tally.Rows = n
	if n > keyholderpb.MaxBatch {
		tally.Why = access.WhyOversized
	}
	if err != nil || n == 0 || n > keyholderpb.MaxBatch {
		return nil, errBatch
	}
	epoch, err := s.epoch()
	if err != nil {
		return nil, err
	}
	d := epoch.Deriver()
	defer d.Release()
	salts, err := s.salts(ctx, d, request, n)
	if err != nil {
		return nil, err
	}
	answer := &keyholderpb.ResolveAnswer{}
	answer.Grow(n)
	for i := range n {
		h1, kind, _, period := request.Row(i)
		if kind == event.KindVisitor {
			answer.Add(d.Visitor(h1, period))
		} else {
			answer.Add(d.Contact(salts[i], period))
		}
	}
	return answer, nil
}

// salts finds the salts of the contacts in a batch, and mints those that are to
// be, all in one transaction. The decoy of every contact is computed, known or
// not, so that both take the same way.
func (s *service) salts(ctx context.Context, d *keyring.Deriver, request *keyholderpb.ResolveRequest, n int) ([]keyring.Salt, error) {
	salts := make([]keyring.Salt, n)
	var unknown []place
	var fresh []keyring.Index
	for i := range n {
		h1, kind, mint, _ := request.Row(i)
		if err := check(h1, kind); err != nil {
			return nil, err
		}
		if kind == event.KindVisitor {
			continue
		}
		index := d.Index(h1)
		salts[i] = d.Decoy(h1)
		if salt, known := s.contacts.Lookup(index); known {
			salts[i] = salt
			continue
		}
		unknown = append(unknown, place{i, index})
		if mint {
			fresh = append(fresh, index)
		}
	}
	if len(unknown) == 0 {
		return salts, nil
	}
	if err := s.quota(ctx, len(unknown)-len(fresh), len(fresh)); err != nil {
		return nil, err
	}
	if len(fresh) == 0 {
		return salts, nil
	}
	if err := s.contacts.Mint(ctx, fresh); err != nil {
		return nil, s.vaultFailed(ctx, err)
	}
	for _, at := range unknown { // also those that another row of the batch minted
		if salt, known := s.contacts.Lookup(at.index); known {
			salts[at.row] = salt
		}
	}
	return salts, nil
}

// place is a row of a batch whose contact was not known when it was looked up.
type place struct {
	row   int
	index keyring.Index
}

func check(h1 event.Blinded, kind event.IdentifierKind) error {
	if kind < event.KindVisitor || kind > event.KindCustomerID {
		return errKind
	}
	if h1.IsZero() {
		return errHash
	}
	return nil
}

// Link makes identifiers lead to one contact.
func (s *service) Link(ctx context.Context, request *keyholderpb.LinkRequest) (*keyholderpb.LinkAnswer, error) {
	hashes, visitor, err := readLink(request)
	if err != nil {
		return nil, err
	}
	epoch, err := s.epoch()
	if err != nil {
		return nil, err
	}
	d := epoch.Deriver()
	defer d.Release()
	indexes := make([]keyring.Index, len(hashes))
	for i, h1 := range hashes {
		indexes[i] = d.Index(h1)
	}
	access.TallyOf(ctx).Rows = len(indexes)
	if err := s.quota(ctx, 0, s.unknown(indexes)); err != nil {
		return nil, err
	}
	linked, err := s.contacts.Link(ctx, indexes, visitor)
	if err != nil {
		return nil, s.vaultFailed(ctx, err)
	}
	period := event.Period(request.GetPeriod())
	answer := &keyholderpb.LinkAnswer{Contact: one(d.Contact(linked.Contact, period)), Conflict: linked.Conflict}
	if linked.Conflict {
		answer.Second = one(d.Contact(linked.Second, period))
	}
	if !visitor.IsZero() {
		answer.Visitor = one(d.Visitor(visitor, period))
	}
	return answer, nil
}

// unknown says whether a link makes a contact: 1 if no index is known.
func (s *service) unknown(indexes []keyring.Index) int {
	for _, index := range indexes {
		if _, known := s.contacts.Lookup(index); known {
			return 0
		}
	}
	return 1
}

func readLink(request *keyholderpb.LinkRequest) (hashes []event.Blinded, visitor event.Blinded, err error) {
	hashes, err = keyholderpb.Blinded(request.GetH1())
	if err != nil || len(hashes) == 0 || len(hashes) > keyholderpb.MaxLink || len(request.GetKind()) != len(hashes) {
		return nil, visitor, errLinks
	}
	for i, h1 := range hashes {
		kind := event.IdentifierKind(request.GetKind()[i])
		if kind == event.KindVisitor {
			return nil, visitor, errLinks
		}
		if err := check(h1, kind); err != nil {
			return nil, visitor, err
		}
	}
	one, err := keyholderpb.Blinded(request.GetVisitor())
	if err != nil || len(one) > 1 {
		return nil, visitor, errLinks
	}
	if len(one) == 1 {
		visitor = one[0]
	}
	return hashes, visitor, nil
}

func one(handles event.Handles) *keyholderpb.ResolveAnswer {
	answer := &keyholderpb.ResolveAnswer{}
	answer.Add(handles)
	return answer
}

// epoch returns the keys in force, or the refusal to send. Callers hear no
// details of the keyholder's disk; the log has them.
func (s *service) epoch() (*keyring.Epoch, error) {
	epoch, err := s.ring.Epoch()
	if err != nil {
		s.log.Error("keys of this period", "error", err)
		return nil, errNoKeys
	}
	return epoch, nil
}

func (s *service) vaultFailed(ctx context.Context, err error) error {
	if errors.Is(err, ctx.Err()) {
		return status.FromContextError(err).Err()
	}
	s.log.Error("write to the vault", "error", err)
	return errNoVault
}
