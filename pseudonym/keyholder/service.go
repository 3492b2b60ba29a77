package keyholder

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/killpoint"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/authority"
	"zgoda/pseudonym/cases"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/role"
	"zgoda/pseudonym/rotation"
	"zgoda/pseudonym/vault"
)

// contacts is what the service needs of a vault.
type contacts interface {
	Lookup(index keyring.Index) (keyring.Salt, bool)
	Load(ctx context.Context, indexes []keyring.Index) error
	MintUnder(ctx context.Context, indexes []keyring.Index, made vault.Made) error
	LinkUnder(ctx context.Context, indexes []keyring.Index, visitor event.Blinded, made vault.Made) (vault.Linked, error)
	Alias(ctx context.Context, pairs []vault.Pair, made vault.Made) error
	Today() uint32
	See(day uint32, index keyring.Index)
}

// service answers the calls.
type service struct {
	keyholderpb.UnimplementedPseudonymiseServer
	keyholderpb.UnimplementedHealthServer

	ring      *keyring.Ring
	contacts  contacts
	cases     *cases.Cases
	authority *authority.Authority
	policy    *access.Policy
	rotator   *rotation.Rotator
	people    *persons
	kept      saidCounter
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
	errGate    = status.Error(codes.Unavailable, "the gateway key is not in use any more: fetch the keys again")
	errNoVault = status.Error(codes.Unavailable, "the vault cannot write")
)

// Ready says whether keys can be had.
func (s *service) Ready(ctx context.Context, request *keyholderpb.ReadyRequest) (*keyholderpb.ReadyAnswer, error) {
	if _, err := s.epoch(); err != nil { //nolint:contextcheck // the keys of a period are made for all calls
		return nil, err
	}
	answer := &keyholderpb.ReadyAnswer{Revision: s.ring.Revision(), Open: s.ring.Carrying(rotation.Profiling), Now: time.Now().UnixMilli()}
	who, _ := access.From(ctx)
	if name := request.GetNode(); len(name) <= maxNode && who.Role == role.Pseudonymise {
		hold, err := s.rotator.Seen(ctx, who.Name, name, request.GetHeld(), answer.GetRevision())
		if err != nil { // the gateway goes on as it was last told
			return nil, (&keys{log: s.log}).failed("hear a gateway", err)
		}
		answer.Hold = hold
	}
	return answer, nil
}

// Keys hands out the gateway's keys.
func (s *service) Keys(context.Context, *keyholderpb.KeysRequest) (*keyholderpb.KeysAnswer, error) {
	keys := s.ring.Gateway()
	answer := &keyholderpb.KeysAnswer{
		Spool: keys.Spool.Reveal(), Cookie: keys.Cookie.Reveal(), Revision: s.ring.Revision(),
		VisitorGate: &keyholderpb.GateKey{Version: keys.Visitor.Version, Key: keys.Visitor.Key.Reveal()},
	}
	for _, g := range keys.Gate {
		answer.Gate = append(answer.Gate, &keyholderpb.GateKey{Version: g.Version, Key: g.Key.Reveal()})
	}
	s.sealing(answer)
	return answer, nil
}

// Resolve answers for every identifier of the batch, or for none.
func (s *service) Resolve(ctx context.Context, request *keyholderpb.ResolveRequest) (*keyholderpb.ResolveAnswer, error) {
	killpoint.At("keyholder resolve")
	n, err := request.Rows()
	tally := access.TallyOf(ctx)
	tally.Rows = n
	if n > keyholderpb.MaxBatch {
		tally.Why = access.WhyOversized
	}
	if err != nil || n == 0 || n > keyholderpb.MaxBatch {
		return nil, errBatch
	}
	d, err := s.deriver(request.GetGate()) //nolint:contextcheck // the keys of a period are made for all calls
	if err != nil {
		return nil, err
	}
	defer d.Release()
	b, err := s.salts(ctx, d, request, n)
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
			answer.Add(d.Contact(b.salts[i], period))
		}
	}
	answer.AddErased(b.erased)
	return answer, nil
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
	d, err := s.deriver(request.GetGate()) //nolint:contextcheck // the keys of a period are made for all calls
	if err != nil {
		return nil, err
	}
	defer d.Release()
	access.TallyOf(ctx).Rows = len(hashes)
	indexes, err := s.linkable(ctx, d, hashes, request.GetH1Old(), request.GetGate())
	if err != nil {
		return nil, err
	}
	linked, err := s.contacts.LinkUnder(ctx, indexes, visitor, vault.Made{Link: d.Links(), Gate: request.GetGate()})
	if err != nil {
		return nil, s.vaultFailed(ctx, err)
	}
	s.contacts.See(s.contacts.Today(), indexes[0])
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

func readLink(request *keyholderpb.LinkRequest) (hashes []event.Blinded, visitor event.Blinded, err error) {
	hashes, err = keyholderpb.Blinded(request.GetH1())
	if err != nil || len(hashes) == 0 || len(hashes) > keyholderpb.MaxLink || len(request.GetKind()) != len(hashes) {
		return nil, visitor, errLinks
	}
	if old := len(request.GetH1Old()); old != 0 && old != len(request.GetH1()) {
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
	if errors.Is(err, keyring.ErrHeld) || errors.Is(err, keyring.ErrStale) { // told once, by who looks at them
		return nil, errNoKeys
	}
	if err != nil {
		s.log.Error("keys of this period", "error", err)
		return nil, errNoKeys
	}
	return epoch, nil
}

// deriver returns what derives, for a caller with a gateway key of that version.
// One with a key that is not in use any more would make everyone a stranger.
func (s *service) deriver(gate uint32) (*keyring.Deriver, error) {
	epoch, err := s.epoch()
	if err != nil {
		return nil, err
	}
	if gate != 0 && !slices.ContainsFunc(s.ring.Gateway().Gate, func(g keyring.GateKey) bool { return g.Version == gate }) {
		return nil, errGate
	}
	return epoch.Deriver(), nil
}

func (s *service) vaultFailed(ctx context.Context, err error) error {
	if errors.Is(err, ctx.Err()) {
		return status.FromContextError(err).Err()
	}
	s.log.Error("write to the vault", "error", err)
	return errNoVault
}
