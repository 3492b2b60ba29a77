package keyholder

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/authority"
	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/identity"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
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

// entry is a line of the log of calls.
type entry struct {
	Role, Caller, Act, Outcome, Why, Actor, Reason string
	Rows, Unknown, Minted, Calls                   int
}

// entriesOf reads the log of a keyholder by its own call.
func (r *running) entriesOf(t *testing.T) []entry {
	t.Helper()
	var text bytes.Buffer
	if err := r.admin.Calls(t.Context(), 0, &text); err != nil {
		t.Fatal(err)
	}
	if _, err := calls.Verify(bytes.NewReader(text.Bytes()), secret.Bytes{}); err != nil {
		t.Error(err)
	}
	var list []entry
	for line := range bytes.Lines(text.Bytes()) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// metric returns a line of /metrics, without its value, and that; 0: not there.
func (r *running) metric(t *testing.T, line string) (value float64) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.server.MetricsAddress().String()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(text, line+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return value
}

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

// fileOf writes an identity that an authority signs, whoever that is.
func fileOf(t *testing.T, a *authority.Authority, who role.Caller, life time.Duration) string {
	t.Helper()
	pending, request, err := identity.Request()
	if err != nil {
		t.Fatal(err)
	}
	der, _, err := a.Issue(request, who, life)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "id.pem")
	if err := pending.Write(path, der, a.Certificate()); err != nil {
		t.Fatal(err)
	}
	return path
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

// seedOf reads the seed of the keyholder's authority from its folder, as nobody
// can who has not the key-encryption key.
func seedOf(t *testing.T, k *running) secret.Bytes {
	t.Helper()
	ring, err := keyring.Open(t.Context(), keyring.Config{Dir: k.dir, Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	seed, err := ring.Own(t.Context(), keyring.OwnAuthority)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// asForeign calls with a certificate of another authority, trusting the true
// one: as a thief would who wants to be taken for a gateway.
func asForeign(t *testing.T, k *running, stranger *authority.Authority, who role.Caller) error {
	t.Helper()
	mine, err := authority.New(seedOf(t, k), time.Now)
	if err != nil {
		return err
	}
	theirs, err := identity.Read(fileOf(t, stranger, who, 0))
	if err != nil {
		return err
	}
	ours, err := identity.Read(fileOf(t, mine, who, 0))
	if err != nil {
		return err
	}
	return readyBy(t, k, credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: identity.ServerName, RootCAs: ours.Authority,
		// The server names whom it trusts; this one answers all the same.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &theirs.Certificate, nil },
	}))
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

// TestGuessingRunIsStopped: a stolen credential of a gateway tries guesses until
// the quota is used up; the metric that the alarm is on rises.
func TestGuessingRunIsStopped(t *testing.T) {
	dir, socket := folders(t)
	at := time.Now()
	k := start(t, dir, socket, served, func(c *Config) { c.Now = func() time.Time { return at } })
	resolve(t, k.Client, contact(0, true))
	guessed := 0
	var stopped error
	for stopped == nil && guessed < 1_000_000 {
		guesses := make([]pseudonym.Query, pseudonym.MaxBatch)
		for i := range guesses {
			guesses[i] = contact(1+guessed+i, false)
		}
		if _, stopped = k.Resolve(t.Context(), guesses); stopped == nil {
			guessed += len(guesses)
		}
	}
	limit := access.DefaultLimits().UnknownBurst
	if stopped == nil || guessed > limit || guessed < limit-pseudonym.MaxBatch {
		t.Errorf("%d guesses before %v", guessed, stopped)
	}
	if got := k.metric(t, `zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="unknown"}`); got != 1 {
		t.Errorf("the alarm's metric is %v", got)
	}
	t.Logf("a guessing run: %d guesses of a million, then refused", guessed)
	if got := k.metric(t, `zgoda_keyholder_unknown_total{role="pseudonymise"}`); int(got) < guessed {
		t.Errorf("%v unknown ones are counted", got)
	}
	// A batch with one known contact is refused with its guesses, whole: the
	// refusal must not tell which row was known.
	mixed := make([]pseudonym.Query, 0, pseudonym.MaxBatch)
	for i := range pseudonym.MaxBatch {
		mixed = append(mixed, contact(i, false))
	}
	if answer, err := k.Resolve(t.Context(), mixed); err == nil || answer != nil {
		t.Error("over the quota, and yet answered")
	}
	resolve(t, k.Client, contact(0, false)) // known ones go on
	within(t, "the log", func() error {
		for _, e := range k.entriesOf(t) {
			if e.Act == "resolve" && e.Outcome == "refused" && e.Why == "quota" && e.Unknown > 0 {
				return nil
			}
		}
		return errors.New("the refusal is not in the log")
	})
	at = at.Add(time.Minute)
	if _, err := k.Resolve(t.Context(), mixed[1:2]); err != nil {
		t.Errorf("a minute later a few may ask again: %v", err)
	}
}

// TestRevealsWantASecondPerson goes through the limit of reveals.
func TestRevealsWantASecondPerson(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served, func(c *Config) { c.Limits.RevealsPerHour = 0 })
	first := pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-1", Reason: "access request 7"})
	second := pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-2"})
	_, err := k.rights.Reveal(first, pseudonym.Ref{1}, nil)
	id, ok := pseudonym.IsApprovalNeeded(err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if got := k.metric(t, "zgoda_keyholder_reveal_limit_total"); got != 1 {
		t.Errorf("the metric is %v", got)
	}
	waiting, err := k.rights.Waiting(second)
	if err != nil || len(waiting) != 1 || waiting[0].Actor != "op-1" || waiting[0].Reason != "access request 7" || waiting[0].Approved {
		t.Errorf("waiting: %+v, %v", waiting, err)
	}
	if err := k.rights.Approve(first, id); !errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("approved by the same person: %v", err)
	}
	if _, err := k.rights.Reveal(first, pseudonym.Ref{1}, id); !errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("not approved, and yet revealed: %v", err)
	}
	if err := k.rights.Approve(second, id); err != nil {
		t.Fatal(err)
	}
	if _, err := k.rights.Reveal(first, pseudonym.Ref{1}, id); errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("approved, and yet refused: %v", err)
	}
	if _, err := k.rights.Reveal(first, pseudonym.Ref{1}, id); !errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("an approval is good for one reveal: %v", err)
	}
	// A document has no answer to wait for: it is refused above the limit.
	if _, err := k.rights.Attachment(first, pseudonym.Ref{1}, [16]byte{1}, nil, io.Discard); err == nil {
		t.Error("a document above the limit")
	}
	want := map[string]bool{"reveal waiting op-1": true, "approve refused op-1": true, "approve done op-2": true, "reveal refused op-1": true}
	for _, e := range k.entriesOf(t) {
		delete(want, e.Act+" "+e.Outcome+" "+e.Actor)
	}
	if len(want) > 0 {
		t.Errorf("not in the log: %v", want)
	}
}

// TestEveryCallIsRecorded: who answers people's requests finds each call in the
// log before its answer.
func TestEveryCallIsRecorded(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served)
	ctx := pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-7", Reason: "ticket 4711"})
	if _, _, err := k.rights.Find(ctx, contact(1, false)); err != nil {
		t.Fatal(err)
	}
	list := slices.DeleteFunc(k.entriesOf(t), func(e entry) bool { return e.Role == "keyholder" }) // the first keys were made
	want := entry{Role: "rights", Caller: fmt.Sprintf("socket:%d", os.Geteuid()), Act: "find", Outcome: "done", Actor: "op-7", Reason: "ticket 4711", Rows: 1, Unknown: 1}
	if len(list) < 1 || list[0] != want {
		t.Errorf("%+v, want %+v", list, want)
	}
	resolve(t, k.Client, contact(5, true), contact(6, false))
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	// Its end writes the sums and a seal; the seal is under the keyholder's key.
	ring, err := keyring.Open(t.Context(), keyring.Config{Dir: dir, Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ring.Own(t.Context(), keyring.OwnCalls)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := calls.VerifyDir(filepath.Join(dir, "calls"), key)
	if err != nil || !verdict.Checked || verdict.Seals == 0 || verdict.Sealed+1 != verdict.Last {
		t.Errorf("%+v, %v", verdict, err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "calls", "000001.log"))
	if err != nil || !bytes.Contains(content, []byte(`"act":"resolve","outcome":"done","rows":2,"unknown":1,"minted":1,"calls":1,`)) {
		t.Errorf("%s, %v", content, err)
	}
}

// TestCertificates: each role works over TCP with a certificate, and a gateway
// renews its own at half of its life.
func TestCertificates(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served)
	path := filepath.Join(t.TempDir(), "gate.pem")
	gate := role.Caller{Role: role.Pseudonymise, Name: "gate-1"}
	past, err := authority.New(seedOf(t, k), func() time.Time { return time.Now().Add(-20 * time.Minute) })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fileOf(t, past, gate, authority.MinLife), path); err != nil {
		t.Fatal(err)
	}
	client, err := pseudonym.Dial(k.by(t, gate, path))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if over := resolve(t, client, contact(1, true)); over[0] != resolve(t, k.Client, contact(1, false))[0] {
		t.Error("TCP and socket answer differently")
	}
	until, _, err := client.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.RenewCertificate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, _, err := client.Certificate(); err != nil || after.Sub(until) < time.Hour {
		t.Errorf("from %v to %v, %v", until, after, err)
	}
	renewed, err := pseudonym.Dial(k.by(t, gate, path))
	if err != nil {
		t.Fatal(err)
	}
	defer renewed.Close()
	if _, err := renewed.Keys(t.Context()); err != nil {
		t.Errorf("with the renewed certificate: %v", err)
	}
	if err := k.RenewCertificate(t.Context()); err != nil {
		t.Errorf("a socket has nothing to renew: %v", err)
	}
	desk, err := pseudonym.DialRights(k.by(t, role.Caller{Role: role.Rights, Name: "desk"}, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer desk.Close()
	if _, known, err := desk.Find(t.Context(), contact(1, false)); err != nil || !known {
		t.Errorf("rights by certificate: %v, %v", known, err)
	}
	admin, err := pseudonym.DialAdministrator(k.by(t, role.Caller{Role: role.Administrator, Name: "root"}, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.Calls(t.Context(), 0, io.Discard); err != nil {
		t.Errorf("administration by certificate: %v", err)
	}
}

// A certificate that expires while its connection is open ends the calls over it.
func TestCertificateExpiresWhileConnected(t *testing.T) {
	dir, socket := folders(t)
	ahead := newShift()
	k := start(t, dir, socket, served, func(c *Config) { c.Now = ahead.now })
	conf := k.by(t, role.Caller{Role: role.Pseudonymise, Name: "gate-1"}, "")
	client, err := pseudonym.Dial(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	ahead.shift(25 * time.Hour)
	if _, err := client.Keys(t.Context()); !errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("error %v", err)
	}
}

// A keyholder of another authority is not taken for ours.
func TestClientRefusesAnotherKeyholder(t *testing.T) {
	dir, socket := folders(t)
	ours := start(t, dir, socket, served)
	conf := ours.by(t, role.Caller{Role: role.Pseudonymise, Name: "gate-1"}, "")
	other, at := folders(t)
	conf.Address = start(t, other, at, served).server.Address().String()
	client, err := pseudonym.Dial(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Keys(t.Context()); !errors.Is(err, pseudonym.ErrAway) {
		t.Errorf("error %v", err)
	}
}

// The sockets of a group are for it and for nobody else.
func TestSocketsOfAGroup(t *testing.T) {
	dir, socket := folders(t)
	group := os.Getegid()
	start(t, dir, socket, func(c *Config) { c.Group = group })
	for path, want := range map[string]os.FileMode{
		socket: 0o660, filepath.Join(filepath.Dir(socket), "rights.sock"): 0o660, filepath.Join(filepath.Dir(socket), "admin.sock"): 0o660, filepath.Dir(socket): 0o750,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestIssueRefusesOverTheWire(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	for _, who := range []role.Caller{{Name: "a"}, {Role: role.Rights, Name: "No Name"}} {
		if _, err := k.admin.Issue(t.Context(), who, 0, filepath.Join(t.TempDir(), "x")); !errors.Is(err, pseudonym.ErrRefused) {
			t.Errorf("%v: %v", who, err)
		}
	}
	if _, err := k.admin.Issue(t.Context(), role.Caller{Role: role.Rights, Name: "a"}, 30*24*time.Hour, filepath.Join(t.TempDir(), "x")); !errors.Is(err, pseudonym.ErrRefused) {
		t.Errorf("a month: %v", err)
	}
	if _, err := keyholderpb.NewPseudonymiseClient(clientRaw(t, k, "s")).Renew(t.Context(), &keyholderpb.RenewRequest{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("renewal by a socket: %v", err)
	}
	if at := k.server.Address(); at != nil {
		t.Errorf("it listens on %v unasked", at)
	}
}

func TestCheckCalls(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	if err := k.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	seals, err := k.admin.CheckCalls(t.Context())
	if err != nil || seals.Last == 0 {
		t.Fatalf("%+v, %v", seals, err)
	}
	path := filepath.Join(dir, "calls", "000001.log")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(content, []byte("op-1"), []byte("op-2"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.admin.CheckCalls(t.Context()); err == nil || !strings.Contains(err.Error(), "does not hold after entry") {
		t.Errorf("an altered log: %v", err)
	}
}
