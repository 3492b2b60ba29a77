package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/peer"
)

// MaxBatch is the number of queries that go out in one call; a longer batch is
// split.
const MaxBatch = keyholderpb.MaxBatch

// MaxLink is the number of identifiers that one Link may name.
const MaxLink = keyholderpb.MaxLink

// ErrAway is what every error is that comes of the keyholder not being there,
// or not answering in time.
var ErrAway = errors.New("the keyholder is away")

// ErrAnswer is returned for an answer that is not of the shape that was asked for.
var ErrAnswer = errors.New("the keyholder's answer has a wrong shape")

// Query asks for the handles of one blinded identifier.
type Query struct {
	H1     event.Blinded
	Kind   event.IdentifierKind
	Mint   bool         // make the contact if it is unknown
	Period event.Period // for the analytics handle; 0: the current one
}

// Keys are what a gateway keeps in memory, and never writes.
type Keys struct {
	Gate   GateKeys // the current one first
	Spool  Secret   // 32 bytes
	Cookie Secret   // 32 bytes
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

// Client calls the keyholder. It is safe for concurrent use.
type Client struct {
	cfg     ClientConfig
	conn    *grpc.ClientConn
	keys    keyholderpb.PseudonymiseClient
	rights  keyholderpb.RightsClient
	health  keyholderpb.HealthClient
	metrics *metrics
}

// Dial makes a client. It does not connect: the first call does, and any call
// after the keyholder has gone, with a short backoff.
func Dial(cfg ClientConfig) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("keyholder client: %w", err)
	}
	cfg = cfg.withDefaults()
	// The path goes to the dialer as it is; in a target it would be read as a URL.
	conn, err := grpc.NewClient("passthrough:///keyholder",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", cfg.Socket)
		}),
		grpc.WithTransportCredentials(peer.Of(cfg.UIDs...)),
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: cfg.Backoff / 10, Multiplier: 1.6, Jitter: 0.2, MaxDelay: cfg.Backoff},
			MinConnectTimeout: cfg.Deadline,
		}))
	if err != nil {
		return nil, fmt.Errorf("keyholder client: %w", err)
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("keyholder client: %w", err), conn.Close())
	}
	return &Client{
		cfg: cfg, conn: conn, metrics: m,
		keys:   keyholderpb.NewPseudonymiseClient(conn),
		rights: keyholderpb.NewRightsClient(conn),
		health: keyholderpb.NewHealthClient(conn),
	}, nil
}

// Close gives the connection up. Calls after it fail with ErrAway.
func (c *Client) Close() error {
	if err := c.conn.Close(); err != nil && status.Code(err) != codes.Canceled {
		return fmt.Errorf("close the keyholder client: %w", err)
	}
	return nil
}

// Ready says whether the keyholder answers.
func (c *Client) Ready(ctx context.Context) error {
	return c.call(ctx, "ready", func(ctx context.Context) error {
		_, err := c.health.Ready(ctx, &keyholderpb.ReadyRequest{})
		return err
	})
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
	whole := len(answer.GetGate()) > 0 && len(answer.GetSpool()) == keyholderpb.KeySize && len(answer.GetCookie()) == keyholderpb.KeySize
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
	out := make([]event.Handles, 0, len(queries))
	for len(queries) > 0 {
		batch := queries[:min(len(queries), MaxBatch)]
		queries = queries[len(batch):]
		err := c.call(ctx, "resolve", func(ctx context.Context) error {
			answer, err := c.keys.Resolve(ctx, resolveRequest(batch))
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

func resolveRequest(batch []Query) *keyholderpb.ResolveRequest {
	request := &keyholderpb.ResolveRequest{}
	request.Grow(len(batch))
	for i := range batch {
		q := &batch[i]
		request.Add(q.H1, q.Kind, q.Mint, q.Period)
	}
	return request
}

// Link makes the unknown identifiers lead to the known contact, or all of them
// to a new one, and keeps the visitor sealed with it. It is idempotent.
func (c *Client) Link(ctx context.Context, request LinkRequest) (LinkAnswer, error) {
	wire := &keyholderpb.LinkRequest{Period: uint32(request.Period)}
	for _, q := range request.Contact {
		wire.H1 = append(wire.H1, q.H1[:]...)
		wire.Kind = append(wire.Kind, byte(q.Kind))
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

// Find returns the handles of a contact that is known already. A visitor is
// always known, since visitors are not kept.
func (c *Client) Find(ctx context.Context, query Query) (handles event.Handles, known bool, err error) {
	err = c.call(ctx, "find", func(ctx context.Context) error {
		answer, err := c.rights.Find(ctx, &keyholderpb.FindRequest{
			H1: query.H1[:], Kind: []byte{byte(query.Kind)}, Period: uint32(query.Period),
		})
		if err != nil || !answer.GetKnown() {
			return err
		}
		rows, err := answer.GetHandles().AppendTo(nil, 1)
		if err != nil {
			return err
		}
		handles, known = rows[0], true
		return nil
	})
	return handles, known, err
}

// call runs one exchange within the deadline, counts it, and gives its error the
// form that callers tell apart.
func (c *Client) call(ctx context.Context, act string, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Deadline)
	defer cancel()
	start := time.Now()
	err := explain(ctx, act, do(bounded))
	c.metrics.observe(act, time.Since(start), err)
	return err
}

// explain wraps an error. A call that its own caller gave up is not the
// keyholder's absence.
func explain(ctx context.Context, act string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("keyholder %s: %w", act, context.Cause(ctx))
	case errors.Is(err, keyholderpb.ErrColumns), errors.Is(err, ErrAnswer):
		return fmt.Errorf("keyholder %s: %w", act, ErrAnswer)
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Canceled:
		return fmt.Errorf("keyholder %s: %w: %s", act, ErrAway, s.Message())
	default:
		return fmt.Errorf("keyholder %s: %s: %s", act, s.Code(), s.Message())
	}
}
