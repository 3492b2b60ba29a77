package keyholder

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
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

// refusal is a call that is refused, why, and under which act the log has it.
type refusal struct {
	what string
	why  access.Why
	act  string
	do   func() error
}

// refused is a keyholder, and who tries what it must refuse.
type refused struct {
	*running

	t          *testing.T
	gate, desk *grpc.ClientConn // by the sockets of gateways and of rights
}

// find asks for a contact by the socket of rights.
func (r *refused) find(c *keyholderpb.Call) error {
	one := h1(1)
	_, err := keyholderpb.NewRightsClient(r.desk).Find(r.t.Context(), &keyholderpb.FindRequest{Call: c, H1: one[:], Kind: []byte{3}})
	return err
}

// keysBy asks for the keys over TCP.
func (r *refused) keysBy(who role.Caller, file string) error {
	client, err := pseudonym.Dial(r.by(r.t, who, file))
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Keys(r.t.Context())
	return err
}

func (r *refused) otherSockets() []refusal {
	return []refusal{
		{"rights by the gateways' socket", access.WhyRole, "find", func() error {
			_, err := keyholderpb.NewRightsClient(r.gate).Find(r.t.Context(), &keyholderpb.FindRequest{})
			return err
		}},
		{"keys by the socket of rights", access.WhyRole, "keys", func() error {
			_, err := keyholderpb.NewPseudonymiseClient(r.desk).Keys(r.t.Context(), &keyholderpb.KeysRequest{})
			return err
		}},
		{"administration by the socket of rights", access.WhyRole, "issue", func() error {
			_, err := keyholderpb.NewAdministerClient(r.desk).Issue(r.t.Context(), &keyholderpb.IssueRequest{})
			return err
		}},
		{"administration in parts by the socket of rights", access.WhyRole, "calls", func() error {
			answers, err := keyholderpb.NewAdministerClient(r.desk).Calls(r.t.Context(), &keyholderpb.CallsRequest{})
			if err == nil {
				_, err = answers.Recv()
			}
			return err
		}},
	}
}

func (r *refused) certificates() []refusal {
	stranger, err := authority.New(secret.New([]byte("another authority's seed, 32 by.")), time.Now)
	if err != nil {
		r.t.Fatal(err)
	}
	past, err := authority.New(seedOf(r.t, r.running), func() time.Time { return time.Now().Add(-48 * time.Hour) })
	if err != nil {
		r.t.Fatal(err)
	}
	gateway := role.Caller{Role: role.Pseudonymise, Name: "gate-1"}
	return []refusal{
		{"no certificate", access.WhyHandshake, "connect", func() error { return readyBy(r.t, r.running, insecure.NewCredentials()) }},
		{"another authority's certificate", access.WhyCertificate, "connect", func() error {
			return asForeign(r.t, r.running, stranger, gateway)
		}},
		{"a barred one", access.WhyCertificate, "connect", func() error { return r.keysBy(role.Caller{Role: role.Pseudonymise, Name: "thief"}, "") }},
		{"an expired certificate", access.WhyExpired, "connect", func() error {
			return r.keysBy(gateway, fileOf(r.t, past, gateway, authority.MinLife))
		}},
		{"a certificate of another role", access.WhyRole, "keys", func() error {
			return r.keysBy(role.Caller{Role: role.Rights, Name: "desk"}, "")
		}},
	}
}

// badCalls come again, too late, from nobody or without a reason; seen was answered.
func (r *refused) badCalls(seen *keyholderpb.Call) []refusal {
	return []refusal{
		{"a request again", access.WhyReplay, "find", func() error { return r.find(seen) }},
		{"an old request", access.WhyReplay, "find", func() error {
			c := newCall("op-1", "")
			c.At -= (3 * time.Minute).Milliseconds()
			return r.find(c)
		}},
		{"nobody acts", access.WhyCall, "find", func() error { return r.find(newCall("", "")) }},
		{"a mail address as a reason", access.WhyCall, "find", func() error { return r.find(newCall("op-1", "jana@canary.example")) }},
		{"no reason for a reveal", access.WhyCall, "reveal", func() error {
			_, err := keyholderpb.NewRightsClient(r.desk).Reveal(r.t.Context(), &keyholderpb.RevealRequest{Call: newCall("op-1", ""), Ref: make([]byte, 16)})
			return err
		}},
		{"no reason for a document", access.WhyCall, "attachment", func() error {
			answers, err := keyholderpb.NewRightsClient(r.desk).Attachment(r.t.Context(), &keyholderpb.AttachmentRequest{Call: newCall("op-1", "")})
			if err == nil {
				_, err = answers.Recv()
			}
			return err
		}},
		{"an approval of nothing", access.WhyApproval, "approve", func() error { return r.rights.Approve(r.t.Context(), make([]byte, 16)) }},
	}
}

func (r *refused) badMessages() []refusal {
	return []refusal{
		{"4,097 rows", access.WhyOversized, "resolve", func() error {
			m := &keyholderpb.ResolveRequest{}
			for range 4097 {
				m.Add(h1(1), event.KindEmail, false, 0)
			}
			_, err := keyholderpb.NewPseudonymiseClient(r.gate).Resolve(r.t.Context(), m)
			return err
		}},
		{"a huge message", access.WhyOversized, "resolve", func() error {
			_, err := keyholderpb.NewPseudonymiseClient(r.gate).Resolve(r.t.Context(), &keyholderpb.ResolveRequest{H1: make([]byte, maxMessage+1)})
			return err
		}},
		{"what is no message", access.WhyMalformed, "resolve", func() error {
			return r.gate.Invoke(r.t.Context(), keyholderpb.Pseudonymise_Resolve_FullMethodName, []byte("\xff\xff\xff"), new([]byte), grpc.ForceCodec(rawCodec{}))
		}},
		{"no whole columns", access.WhyMalformed, "resolve", func() error {
			_, err := keyholderpb.NewPseudonymiseClient(r.gate).Resolve(r.t.Context(), &keyholderpb.ResolveRequest{H1: make([]byte, 31)})
			return err
		}},
	}
}

// expect does it, and looks for it in the log and in the metric.
func (r *refused) expect(t *testing.T, try refusal) {
	t.Helper()
	before, line := len(r.entriesOf(t)), fmt.Sprintf("zgoda_keyholder_refused_total{why=%q}", try.why)
	counted := r.metric(t, line)
	if err := try.do(); err == nil {
		t.Error("not refused")
	}
	within(t, "a trace", func() error {
		var seen []entry
		for _, e := range r.entriesOf(t)[before:] {
			if e.Outcome != "refused" {
				continue
			}
			seen = append(seen, e)
			if e.Act == try.act && e.Why == string(try.why) && r.metric(t, line) > counted {
				t.Logf("refused, in the log and counted as %q", e.Why)
				return nil
			}
		}
		return fmt.Errorf("the log has %+v, the metric went from %v to %v", seen, counted, r.metric(t, line))
	})
}

// TestRefusals: each of these is refused, counted by its reason, and in the log
// of calls.
func TestRefusals(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served, func(c *Config) {
		c.Barred = []role.Caller{{Role: role.Pseudonymise, Name: "thief"}}
	})
	r := &refused{running: k, t: t, gate: clientRaw(t, k, "s"), desk: clientRaw(t, k, "rights.sock")}
	seen := newCall("op-1", "")
	if err := r.find(seen); err != nil {
		t.Fatal(err)
	}
	for _, try := range slices.Concat(r.otherSockets(), r.certificates(), r.badCalls(seen), r.badMessages()) {
		t.Run(try.what, func(t *testing.T) { r.expect(t, try) })
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
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: %v", what, err)
		}
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
