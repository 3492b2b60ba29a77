package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
)

// MaxBatch is the number of queries that go out in one call; a longer batch is
// split.
const MaxBatch = keyholderpb.MaxBatch

// MaxLink is the number of identifiers that one Link may name.
const MaxLink = keyholderpb.MaxLink

// ErrAway is what every error is that comes of the keyholder not being there,
// or not answering in time.
var ErrAway = errors.New("the keyholder is away")

// Errors of calls that the keyholder answered.
var (
	ErrNotFound   = errors.New("there is no such contact, datum or approval")
	ErrNotAllowed = errors.New("the keyholder does not allow it")
	ErrRefused    = errors.New("the keyholder refuses the request")
)

// Refusal is a request that the keyholder answered with a rule of its own, which
// names no content. It wraps ErrRefused.
type Refusal struct {
	Act, Text string
	Changed   bool // what the request was about is not any more as the caller has seen it
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("keyholder %s: %v: %s", r.Act, ErrRefused, r.Text)
}

// Unwrap returns ErrRefused.
func (*Refusal) Unwrap() error { return ErrRefused }

// ErrAnswer is returned for an answer that is not of the shape that was asked for.
var ErrAnswer = errors.New("the keyholder's answer has a wrong shape")

// Query asks for the handles of one blinded identifier.
type Query struct {
	H1     event.Blinded
	Kind   event.IdentifierKind
	Mint   bool         // make the contact if it is unknown
	Period event.Period // for the analytics handle; 0: the current one

	// While two gateway keys are live: H1 under the one before, zero of what is no
	// contact; and the version that H1 is under, 0: not known.
	Old  event.Blinded
	Gate uint32
}

// Keys are what a gateway keeps in memory, and never writes.
type Keys struct {
	Gate     GateKeys // of contacts: the current one first
	Visitor  GateKey  // of everything else; zero: the current one of Gate
	Spool    Secret   // 32 bytes
	Cookie   Secret   // 32 bytes
	Sealing  Sealing  // what identifiers are sealed to while the keyholder is away
	Revision uint64   // as Ready tells it
}

// Sealing is the public key that identifiers are sealed to.
type Sealing struct {
	Version uint32
	Public  []byte // X25519, 32 bytes; empty: there is none
}

// LinkRequest makes identifiers lead to one contact.
type LinkRequest struct {
	Contact []Query       // the leading one first; Mint and Period of a query are not looked at
	Visitor event.Blinded // kept sealed with the contact; zero: none
	Period  event.Period
}

// LinkAnswer says where the identifiers lead.
type LinkAnswer struct {
	Contact  event.Handles
	Second   event.Handles // the other contact of a conflict, else zero
	Visitor  event.Handles // zero if none was given
	Conflict bool          // two of the identifiers belong to two known contacts; nothing was merged
}

// Client calls the keyholder as a gateway does. It is safe for concurrent use.
type Client struct {
	link

	keys keyholderpb.PseudonymiseClient
	days keyholderpb.DailyClient
}

// Dial makes a client. It does not connect: the first call does, and any call
// after the keyholder has gone, with a short backoff.
func Dial(cfg ClientConfig) (*Client, error) {
	l, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{link: l, keys: keyholderpb.NewPseudonymiseClient(l.conn), days: keyholderpb.NewDailyClient(l.conn)}, nil
}

// Keys fetches the gateway's keys.
func (c *Client) Keys(ctx context.Context) (Keys, error) {
	var keys Keys
	err := c.call(ctx, "keys", func(ctx context.Context) error {
		answer, err := c.keys.Keys(ctx, &keyholderpb.KeysRequest{})
		if err != nil {
			return err
		}
		keys, err = readKeys(answer)
		return err
	})
	return keys, err
}

func readKeys(answer *keyholderpb.KeysAnswer) (Keys, error) {
	keys := Keys{Spool: NewSecret(answer.GetSpool()), Cookie: NewSecret(answer.GetCookie())}
	keys.Revision = answer.GetRevision()
	keys.Sealing = Sealing{Version: answer.GetSealingVersion(), Public: answer.GetSealing()}
	if v := answer.GetVisitorGate(); v != nil {
		keys.Visitor = GateKey{Version: v.GetVersion(), Key: NewSecret(v.GetKey())}
	}
	whole := (answer.GetVisitorGate() == nil || len(answer.GetVisitorGate().GetKey()) == keyholderpb.KeySize) &&
		(len(keys.Sealing.Public) == 0 || len(keys.Sealing.Public) == keyholderpb.KeySize)
	whole = whole && len(answer.GetGate()) > 0 && len(answer.GetSpool()) == keyholderpb.KeySize && len(answer.GetCookie()) == keyholderpb.KeySize
	for _, g := range answer.GetGate() {
		whole = whole && len(g.GetKey()) == keyholderpb.KeySize
		keys.Gate = append(keys.Gate, GateKey{Version: g.GetVersion(), Key: NewSecret(g.GetKey())})
	}
	if !whole {
		return Keys{}, ErrAnswer
	}
	return keys, nil
}

// Resolve returns the handles of each query, in order. An unknown contact that
// is not to be minted gets handles of the same shape that lead nowhere, always
// the same ones; nothing in the answer or its time tells them from real ones.
// It answers for all queries or for none.
func (c *Client) Resolve(ctx context.Context, queries []Query) ([]event.Handles, error) {
	gate, one := gateOf(queries)
	if one {
		return c.resolve(ctx, gate, queries)
	}
	out := make([]event.Handles, len(queries))
	for gate, places := range byGate(queries, gate) {
		some := make([]Query, len(places))
		for i, at := range places {
			some[i] = queries[at]
		}
		handles, err := c.resolve(ctx, gate, some)
		if err != nil {
			return nil, err
		}
		for i, at := range places {
			out[at] = handles[i]
		}
	}
	return out, nil
}

// resolve asks about contacts under one gateway key, and visitors.
func (c *Client) resolve(ctx context.Context, gate uint32, queries []Query) ([]event.Handles, error) {
	out := make([]event.Handles, 0, len(queries))
	for batch := range slices.Chunk(queries, MaxBatch) {
		err := c.call(ctx, "resolve", func(ctx context.Context) error {
			answer, err := c.keys.Resolve(ctx, resolveRequest(gate, batch))
			if err != nil {
				return err
			}
			out, err = answer.AppendTo(out, len(batch))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// gateOf returns the gateway key of the first contact, and whether all contacts
// are under it. Visitors are under a key of their own and go with any.
func gateOf(queries []Query) (gate uint32, one bool) {
	first := true
	for i := range queries {
		switch q := &queries[i]; {
		case q.Kind == event.KindVisitor:
		case first:
			gate, first = q.Gate, false
		case q.Gate != gate:
			return gate, false
		}
	}
	return gate, true
}

// byGate returns the places of the queries by gateway key, those of visitors with
// the given one.
func byGate(queries []Query, visitors uint32) map[uint32][]int {
	places := map[uint32][]int{}
	for i := range queries {
		gate := queries[i].Gate
		if queries[i].Kind == event.KindVisitor {
			gate = visitors
		}
		places[gate] = append(places[gate], i)
	}
	return places
}

func resolveRequest(gate uint32, batch []Query) *keyholderpb.ResolveRequest {
	request := &keyholderpb.ResolveRequest{Gate: gate}
	request.Grow(len(batch))
	for i := range batch {
		q := &batch[i]
		request.Add(q.H1, q.Kind, q.Mint, q.Period)
		if !q.Old.IsZero() {
			request.AddOld(q.Old)
		}
	}
	request.Whole()
	return request
}

// Link makes the unknown identifiers lead to the known contact, or all of them
// to a new one, and keeps the visitor sealed with it. It is idempotent.
func (c *Client) Link(ctx context.Context, request LinkRequest) (LinkAnswer, error) {
	wire := &keyholderpb.LinkRequest{Period: uint32(request.Period)}
	var old []byte
	any := false
	for _, q := range request.Contact {
		wire.H1 = append(wire.H1, q.H1[:]...)
		wire.Kind = append(wire.Kind, byte(q.Kind))
		old = append(old, q.Old[:]...)
		any = any || !q.Old.IsZero()
		wire.Gate = q.Gate
	}
	if any {
		wire.H1Old = old
	}
	if !request.Visitor.IsZero() {
		wire.Visitor = request.Visitor[:]
	}
	var out LinkAnswer
	err := c.call(ctx, "link", func(ctx context.Context) error {
		answer, err := c.keys.Link(ctx, wire)
		if err != nil {
			return err
		}
		out, err = readLink(answer, len(wire.Visitor) > 0)
		return err
	})
	if err == nil && out.Conflict {
		c.metrics.conflicts.Inc()
	}
	return out, err
}

func readLink(answer *keyholderpb.LinkAnswer, visitor bool) (LinkAnswer, error) {
	out := LinkAnswer{Conflict: answer.GetConflict()}
	for _, part := range []struct {
		from *keyholderpb.ResolveAnswer
		to   *event.Handles
		want bool
	}{
		{answer.GetContact(), &out.Contact, true},
		{answer.GetSecond(), &out.Second, out.Conflict},
		{answer.GetVisitor(), &out.Visitor, visitor},
	} {
		if part.want != (part.from != nil) {
			return LinkAnswer{}, ErrAnswer
		}
		if !part.want {
			continue
		}
		rows, err := part.from.AppendTo(nil, 1)
		if err != nil {
			return LinkAnswer{}, err
		}
		*part.to = rows[0]
	}
	return out, nil
}
