package keyholder

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/authority"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/peer"
	"zgoda/pseudonym/role"
	"zgoda/pseudonym/secret"
)

// newCall is what goes with a request of a person.
func newCall(actor, reason string) *keyholderpb.Call {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &keyholderpb.Call{Id: id, At: time.Now().UnixMilli(), Actor: actor, Reason: reason}
}

// served changes a keyholder for these tests.
func served(c *Config) { c.Listen, c.Metrics = "127.0.0.1:0", "127.0.0.1:0" }

// by makes a client of a role over TCP, with a certificate of its own.
func (r *running) by(t *testing.T, who role.Caller, file string) pseudonym.ClientConfig {
	t.Helper()
	if file == "" {
		file = filepath.Join(t.TempDir(), "id.pem")
		if _, err := r.admin.Issue(t.Context(), who, 0, file); err != nil {
			t.Fatal(err)
		}
	}
	return pseudonym.ClientConfig{Address: r.server.Address().String(), Identity: file, Backoff: 20 * time.Millisecond}
}

// clientRaw calls a socket without the manners of our clients.
func clientRaw(t *testing.T, r *running, name string) *grpc.ClientConn {
	t.Helper()
	return rawClient(t, filepath.Join(filepath.Dir(r.socket), name), peer.Of())
}

// TestRefusals: each of these is refused, counted by its reason, and in the log
// of calls.
func TestRefusals(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served, func(c *Config) {
		c.Barred = []role.Caller{{Role: role.Pseudonymise, Name: "thief"}}
	})
	gate, rights := clientRaw(t, k, "s"), clientRaw(t, k, "rights.sock")
	find := func(c *keyholderpb.Call) error {
		one := h1(1)
		_, err := keyholderpb.NewRightsClient(rights).Find(t.Context(), &keyholderpb.FindRequest{Call: c, H1: one[:], Kind: []byte{3}})
		return err
	}
	seen := newCall("op-1", "")
	if err := find(seen); err != nil {
		t.Fatal(err)
	}
	stranger, err := authority.New(secret.New([]byte("another authority's seed, 32 by.")), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	old := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	past, err := authority.New(seedOf(t, k), old)
	if err != nil {
		t.Fatal(err)
	}
	keysBy := func(who role.Caller, file string) error {
		client, err := pseudonym.Dial(k.by(t, who, file))
		if err != nil {
			return err
		}
		defer client.Close()
		_, err = client.Keys(t.Context())
		return err
	}
	gateway := role.Caller{Role: role.Pseudonymise, Name: "gate-1"}
	for _, try := range []struct {
		what string
		why  access.Why
		act  string
		do   func() error
	}{
		{"rights by the gateways' socket", access.WhyRole, "find", func() error {
			_, err := keyholderpb.NewRightsClient(gate).Find(t.Context(), &keyholderpb.FindRequest{})
			return err
		}},
		{"keys by the socket of rights", access.WhyRole, "keys", func() error {
			_, err := keyholderpb.NewPseudonymiseClient(rights).Keys(t.Context(), &keyholderpb.KeysRequest{})
			return err
		}},
		{"administration by the socket of rights", access.WhyRole, "issue", func() error {
			_, err := keyholderpb.NewAdministerClient(rights).Issue(t.Context(), &keyholderpb.IssueRequest{})
			return err
		}},
		{"administration in parts by the socket of rights", access.WhyRole, "calls", func() error {
			answers, err := keyholderpb.NewAdministerClient(rights).Calls(t.Context(), &keyholderpb.CallsRequest{})
			if err == nil {
				_, err = answers.Recv()
			}
			return err
		}},
		{"no certificate", access.WhyHandshake, "connect", func() error { return readyBy(t, k, insecure.NewCredentials()) }},
		{"another authority's certificate", access.WhyCertificate, "connect", func() error {
			return asForeign(t, k, stranger, gateway)
		}},
		{"a barred one", access.WhyCertificate, "connect", func() error { return keysBy(role.Caller{Role: role.Pseudonymise, Name: "thief"}, "") }},
		{"an expired certificate", access.WhyExpired, "connect", func() error {
			return keysBy(gateway, fileOf(t, past, gateway, authority.MinLife))
		}},
		{"a certificate of another role", access.WhyRole, "keys", func() error {
			return keysBy(role.Caller{Role: role.Rights, Name: "desk"}, "")
		}},
		{"a request again", access.WhyReplay, "find", func() error { return find(seen) }},
		{"an old request", access.WhyReplay, "find", func() error {
			c := newCall("op-1", "")
			c.At -= (3 * time.Minute).Milliseconds()
			return find(c)
		}},
		{"nobody acts", access.WhyCall, "find", func() error { return find(newCall("", "")) }},
		{"a mail address as a reason", access.WhyCall, "find", func() error { return find(newCall("op-1", "jana@canary.example")) }},
		{"no reason for a reveal", access.WhyCall, "reveal", func() error {
			_, err := keyholderpb.NewRightsClient(rights).Reveal(t.Context(), &keyholderpb.RevealRequest{Call: newCall("op-1", ""), Ref: make([]byte, 16)})
			return err
		}},
		{"no reason for a document", access.WhyCall, "attachment", func() error {
			answers, err := keyholderpb.NewRightsClient(rights).Attachment(t.Context(), &keyholderpb.AttachmentRequest{Call: newCall("op-1", "")})
			if err == nil {
				_, err = answers.Recv()
			}
			return err
		}},
		{"an approval of nothing", access.WhyApproval, "approve", func() error { return k.rights.Approve(t.Context(), make([]byte, 16)) }},
		{"4,097 rows", access.WhyOversized, "resolve", func() error {
			m := &keyholderpb.ResolveRequest{}
			for range 4097 {
				m.Add(h1(1), event.KindEmail, false, 0)
			}
			_, err := keyholderpb.NewPseudonymiseClient(gate).Resolve(t.Context(), m)
			return err
		}},
		{"a huge message", access.WhyOversized, "resolve", func() error {
			_, err := keyholderpb.NewPseudonymiseClient(gate).Resolve(t.Context(), &keyholderpb.ResolveRequest{H1: make([]byte, maxMessage+1)})
			return err
		}},
		{"what is no message", access.WhyMalformed, "resolve", func() error {
			return gate.Invoke(t.Context(), keyholderpb.Pseudonymise_Resolve_FullMethodName, []byte("\xff\xff\xff"), new([]byte), grpc.ForceCodec(rawCodec{}))
		}},
		{"no whole columns", access.WhyMalformed, "resolve", func() error {
			_, err := keyholderpb.NewPseudonymiseClient(gate).Resolve(t.Context(), &keyholderpb.ResolveRequest{H1: make([]byte, 31)})
			return err
		}},
	} {
		before, line := len(k.entriesOf(t)), fmt.Sprintf("zgoda_keyholder_refused_total{why=%q}", try.why)
		counted := k.metric(t, line)
		if err := try.do(); err == nil {
			t.Errorf("%s: not refused", try.what)
		}
		within(t, try.what, func() error {
			var refused []entry
			for _, e := range k.entriesOf(t)[before:] {
				if e.Outcome != "refused" {
					continue
				}
				refused = append(refused, e)
				if e.Act == try.act && e.Why == string(try.why) && k.metric(t, line) > counted {
					t.Logf("%s: refused, in the log and counted as %q", try.what, e.Why)
					return nil
				}
			}
			return fmt.Errorf("the log has %+v, the metric went from %v to %v", refused, counted, k.metric(t, line))
		})
	}
	for _, e := range k.entriesOf(t) {
		if strings.Contains(e.Actor+e.Reason, "canary") {
			t.Errorf("a refused reason is in the log: %+v", e)
		}
	}
}

// within tries until a deadline.
func within(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s: %v", what, err)
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

// readyBy asks over TCP whether the keyholder is ready.
func readyBy(t *testing.T, k *running, as credentials.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient(k.server.Address().String(), grpc.WithTransportCredentials(as))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = keyholderpb.NewHealthClient(conn).Ready(ctx, &keyholderpb.ReadyRequest{})
	return err
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error { *v.(*[]byte) = b; return nil }
func (rawCodec) Name() string                    { return "proto" }
