package gather

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/activity"
	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/export"
	"zgoda/notice"
	"zgoda/pseudonym"
	"zgoda/receipt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func handle(n byte) event.Handle { return event.Handle{n, 15: 1} }

// world is what is held: contact 1 with the visitors 2, which contact 9 uses too, and
// 3, which was never theirs by the ledger; visitor 5 is a contact's since noon.
type world struct {
	requests []control.Request
	first    time.Time
	exported []control.Exported
	finished []control.Task
	asked    erase.Person
	rows     []activity.Row
	broken   error // of rows
}

func (w *world) Request(_ context.Context, id control.RequestID) (control.Request, bool, error) {
	for _, r := range w.requests {
		if r.ID == id {
			return r, true, nil
		}
	}
	return control.Request{}, false, nil
}

func (w *world) Requests(_ context.Context, q control.RequestQuery) (list []control.Request, err error) {
	for _, r := range w.requests {
		if r.Handle == q.Handle && (len(q.Rights) == 0 || slices.Contains(q.Rights, r.Right)) &&
			(len(q.States) == 0 || slices.Contains(q.States, r.State)) && q.AfterID == (control.RequestID{}) {
			list = append(list, r)
		}
	}
	return list, nil
}

func (w *world) NoticesOf(context.Context, ...control.RequestID) ([]control.Notice, error) {
	return []control.Notice{
		{Kind: control.NoticeArt19, Recipient: "mailer", State: control.NoticeDelivered, End: at},
		{Kind: control.NoticeOpenDSR, Recipient: "https://other.example/callback"},
	}, nil
}

func (w *world) History(_ context.Context, _ event.SiteID, h event.Handle, _ int) ([]ledger.Entry, error) {
	entry := func(minutes int, purpose event.PurposeID) ledger.Entry {
		return ledger.Entry{
			Sequence: event.Sequence(100 + minutes), Subject: h, Linked: handle(77), Purpose: purpose, State: ledger.StateGiven,
			Actor: "an operator by name", At: at.Add(time.Duration(minutes) * time.Minute),
		}
	}
	switch h {
	case handle(1):
		return []ledger.Entry{entry(5, "of-the-contact")}, nil
	case handle(2):
		return []ledger.Entry{entry(1, "before"), entry(15, "while"), entry(30, "after")}, nil
	case handle(5):
		return []ledger.Entry{entry(1, "alone"), entry(300, "later")}, nil
	}
	return []ledger.Entry{entry(6, "of-another")}, nil
}

func (w *world) Texts(context.Context, event.SiteID) ([]control.Text, error) {
	return []control.Text{{Site: "shop", Purpose: "profiling", Version: 1, Words: map[string]string{"en": "old words"}, Kept: at}}, nil
}

func (w *world) Windows(context.Context, event.SiteID, []event.Handle) ([]control.Window, error) {
	return []control.Window{{Visitor: handle(2), From: at.Add(10 * time.Minute), To: at.Add(20 * time.Minute)}}, nil
}

func (w *world) FirstLink(context.Context, event.SiteID, event.Handle) (time.Time, error) {
	return w.first, nil
}

func (w *world) Agreements(context.Context, control.AgreementQuery) ([]control.Agreement, error) {
	return nil, nil
}

func (w *world) PutExported(_ context.Context, e control.Exported) error {
	w.exported = append(w.exported, e)
	return nil
}

func (w *world) ExportedOf(context.Context, []control.RequestID) ([]control.Exported, error) {
	return w.exported, nil
}

func (w *world) CasePseudonyms(_ context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error {
	p := pseudonym.CasePiece{ID: ids[0]}
	add := func(n byte, purpose string, visitor uint32) {
		p.Pseudonyms = append(p.Pseudonyms, pseudonym.CasePseudonym{Handle: handle(n), Purpose: purpose, Visitor: visitor})
	}
	if ids[0] == [16]byte{5} {
		add(5, "consent", 0)
		add(51, "analytics", 0)
		return yield(p)
	}
	add(1, "consent", 0)
	add(11, "profiling", 0)
	add(2, "consent", 1)
	add(21, "analytics", 1)
	add(3, "consent", 2)
	add(31, "analytics", 2)
	return yield(p)
}

func (w *world) List(context.Context, []event.Handle) ([]pseudonym.Listed, error) {
	return []pseudonym.Listed{{Ref: pseudonym.Ref{1}}}, nil
}

func (w *world) Reveal(_ context.Context, _ pseudonym.Ref, approval []byte) (pseudonym.Revealed, error) {
	if string(approval) == "no" {
		return pseudonym.Revealed{}, &pseudonym.ApprovalNeeded{ID: []byte("id")}
	}
	return pseudonym.Revealed{
		Data:        []pseudonym.Datum{{Name: "name", Value: "Jana", Source: "form", Seen: at}, {Kind: event.KindEmail, Value: "jana@example.org", Source: "api", Seen: at}},
		Attachments: []pseudonym.Attached{{ID: [16]byte{7}, Name: "../x.P DF", Complete: true}, {ID: [16]byte{8}, Name: "half.pdf"}},
	}, nil
}

func (w *world) Attachment(_ context.Context, _ pseudonym.Ref, _ [16]byte, _ []byte, to io.Writer) (pseudonym.Attached, error) {
	_, err := io.WriteString(to, "bytes")
	return pseudonym.Attached{}, err
}

func (w *world) Rows(_ context.Context, p erase.Person, yield func(activity.Row) bool) (n uint64, err error) {
	w.asked = p
	for i := range w.rows {
		if !yield(w.rows[i]) {
			break
		}
	}
	return 0, w.broken
}

func (w *world) LinkTimes(_ context.Context, _ erase.Person, yield func(time.Time) bool) error {
	yield(at)
	return nil
}

func (w *world) Record(context.Context, event.SiteID, event.Handle) (consent.Record, error) {
	r := consent.Record{ProfilingOff: true}
	r.Purposes[1] = consent.Held{Choice: consent.ChoiceGiven, Version: 2}
	return r, nil
}

func (w *world) Finish(_ context.Context, _ control.RequestID, tasks []control.Task) error {
	w.finished = append(w.finished, tasks...)
	return nil
}

// key signs as a node's does.
type key ed25519.PrivateKey

func (key) Name() string { return "node+01020304" }
func (k key) Sign(message []byte) ([]byte, error) {
	return ed25519.Sign(ed25519.PrivateKey(k), message), nil
}

func desk(tb testing.TB, w *world, hosts []string, roots *x509.CertPool) *Desk {
	tb.Helper()
	policy := &consent.Policy{Site: "shop", Purposes: []consent.Purpose{
		{ID: "measurement", Bit: 0, Basis: consent.BasisLegitimateInterest}, {ID: "profiling", Bit: 1, Basis: consent.BasisConsent},
	}}
	site := &Site{Policy: policy, ContactKept: "P12M", Contact: "dpo@shop.example", Site: receipt.Site{
		Controller: receipt.Controller{Name: "Shop"}, Purposes: []receipt.Purpose{{ID: "profiling", Version: 2, Retention: "P13M", Recipients: []string{"mailer"}}},
	}}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	deps := Deps{
		Store: w, People: w, Rows: w, Records: w, Requests: w, Now: func() time.Time { return at },
		Site: func(id event.SiteID) (*Site, bool) { return site, id == "shop" },
	}
	if hosts != nil {
		client := notice.NewClient(notice.Config{Hosts: hosts, Roots: roots, Timeout: 20 * time.Second})
		tb.Cleanup(client.CloseIdleConnections)
		deps.Client, deps.Class, deps.Signer = client, notice.Class, key(private)
		deps.Callable = func(url string) error { return notice.Callable(client, url) }
	}
	d, err := New(deps)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func access(id byte, right control.Right) control.Request {
	return control.Request{ID: control.RequestID{id}, Site: "shop", Right: right, State: control.RequestRunning, Handle: handle(id), Visitor: id == 5, Received: at}
}

// given writes an export as JSON and reads its sections.
func given(t *testing.T, d *Desk, r control.Request) (sections map[string][]map[string]any, text string) {
	t.Helper()
	p, err := d.Prepare(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := d.Hand(t.Context(), r, p, export.JSON, "ana", &b); err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(b.String()), &members); err != nil {
		t.Fatal(err)
	}
	sections = map[string][]map[string]any{}
	for _, s := range export.Sections {
		var list []map[string]any
		if err := json.Unmarshal(members[string(s)], &list); err != nil {
			t.Fatal(s, err)
		}
		sections[string(s)] = list
	}
	return sections, b.String()
}

func rowsOf(purposes ...event.PurposeSet) (rows []activity.Row) {
	for i, p := range purposes {
		rows = append(rows, activity.Row{Time: at, Name: fmt.Sprintf("row-%d", i), Purposes: p, Properties: `{"sku":"x"}`})
	}
	return rows
}

// TestWindowsOfASharedBrowser: only what a browser did and said while it was theirs is
// theirs, and nothing of a browser that never was by the ledger.
func TestWindowsOfASharedBrowser(t *testing.T) {
	w := &world{rows: rowsOf(event.PurposeSet(0).With(1))}
	r := access(1, control.RightAccess)
	w.requests = []control.Request{r}
	sections, text := given(t, desk(t, w, nil, nil), r)
	want := erase.Person{Site: "shop", Whole: []event.Handle{handle(1), handle(11)}, Windows: []erase.Window{
		{Subject: handle(2), From: at.Add(10 * time.Minute), To: at.Add(20 * time.Minute)},
		{Subject: handle(21), From: at.Add(10 * time.Minute), To: at.Add(20 * time.Minute)},
	}}
	if fmt.Sprint(w.asked) != fmt.Sprint(want) {
		t.Errorf("asked for %v, want %v", w.asked, want)
	}
	var purposes []any
	for _, c := range sections["consents"] {
		purposes = append(purposes, c["purpose"])
	}
	if fmt.Sprint(purposes) != "[of-the-contact while]" {
		t.Errorf("consents: %v", purposes)
	}
	for _, never := range []string{"an operator by name", handle(77).Text(event.KindUserID), "other.example"} {
		if strings.Contains(text, never) {
			t.Errorf("the export has %q", never)
		}
	}
	if got := sections["documents"]; len(got) != 2 || got[0]["content"] != base64.StdEncoding.EncodeToString([]byte("bytes")) || got[1]["content"] != nil ||
		got[0]["file"] != "files/07000000000000000000000000000000" { // never as somebody named it
		t.Errorf("documents: %v", got)
	}
	if got := fmt.Sprint(sections["purposes"]); !strings.Contains(got, "old words") || !strings.Contains(got, "mailer") {
		t.Errorf("purposes: %v", got)
	}
	if got := fmt.Sprint(sections["standing"]); !strings.Contains(got, "value:off what:profiling") || !strings.Contains(got, "value:given version:2") {
		t.Errorf("standing: %v", got)
	}
	if len(w.exported) != 2 || w.exported[0].Items != control.ExportedInPart || w.exported[1].Items <= 0 || len(w.finished) != 1 {
		t.Errorf("on record: %+v, done: %+v", w.exported, w.finished)
	}
}

// TestVisitorAlone: of a browser without a contact it is what it did before it was a
// contact's.
func TestVisitorAlone(t *testing.T) {
	w := &world{}
	r := access(5, control.RightAccess)
	sections, _ := given(t, desk(t, w, nil, nil), r)
	if len(w.asked.Whole) != 2 || len(w.asked.Windows) != 0 || len(sections["identifiers"]) != 0 || len(sections["consents"]) != 2 {
		t.Errorf("asked for %v, %v", w.asked, sections["consents"])
	}
	w.first = at.Add(2 * time.Hour)
	sections, _ = given(t, desk(t, w, nil, nil), r)
	if len(w.asked.Whole) != 0 || len(w.asked.Windows) != 2 || !w.asked.Windows[0].To.Equal(w.first) || len(sections["consents"]) != 1 {
		t.Errorf("asked for %v, %v", w.asked, sections["consents"])
	}
}

// TestPortable: what is taken elsewhere rests on consent or a contract, and has no
// dealings of ours.
func TestPortable(t *testing.T) {
	w := &world{rows: rowsOf(event.PurposeSet(0).With(0), event.PurposeSet(0).With(1), event.PurposeSet(0).With(0).With(1))}
	r := access(1, control.RightPortability)
	w.requests = []control.Request{r}
	sections, _ := given(t, desk(t, w, nil, nil), r)
	if len(sections["activity"]) != 2 || len(sections["identifiers"]) != 1 || len(sections["traits"]) != 1 {
		t.Errorf("activity %v", sections["activity"])
	}
	for _, none := range []string{"requests", "recipients", "exports", "links"} {
		if len(sections[none]) != 0 {
			t.Errorf("%s: %v", none, sections[none])
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*control.Request)
		other  *control.Request
		want   error
	}{
		"another right": {func(r *control.Request) { r.Right = control.RightErasure }, nil, export.ErrNotReady},
		"not approved":  {func(r *control.Request) { r.State = control.RequestPending }, nil, export.ErrNotReady},
		"over":          {func(r *control.Request) { r.State = control.RequestComplete }, nil, export.ErrNotReady},
		"nobody":        {func(r *control.Request) { r.Handle = event.Handle{} }, nil, export.ErrNotReady},
		"no site":       {func(r *control.Request) { r.Site = "other" }, nil, export.ErrNotReady},
		"somebody else": {func(r *control.Request) { r.Handle = handle(9) }, nil, pseudonym.ErrNotFound},
		"erasing": {func(*control.Request) {}, &control.Request{
			ID: control.RequestID{4}, Right: control.RightErasure, State: control.RequestRunning, Handle: handle(1),
		}, export.ErrErasing},
	} {
		r := access(1, control.RightAccess)
		c.change(&r)
		w := &world{requests: []control.Request{r}}
		if c.other != nil {
			w.requests = append(w.requests, *c.other)
		}
		if _, err := desk(t, w, nil, nil).Prepare(t.Context(), r, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := access(1, control.RightAccess)
	if _, err := desk(t, &world{}, nil, nil).Prepare(t.Context(), r, []byte("no")); err == nil {
		t.Error("a reveal above the limit went through")
	} else if id, ok := pseudonym.IsApprovalNeeded(err); !ok || string(id) != "id" {
		t.Error(err)
	}
}

// TestCutOffIsNotDone: an export that ends early is on record as begun, and its request
// is open.
func TestCutOffIsNotDone(t *testing.T) {
	w := &world{rows: rowsOf(1), broken: errors.New("clickhouse is away")}
	r := access(1, control.RightAccess)
	d := desk(t, w, nil, nil)
	p, err := d.Prepare(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Hand(t.Context(), r, p, export.CSV, "ana", io.Discard); !errors.Is(err, w.broken) {
		t.Error(err)
	}
	if len(w.exported) != 1 || len(w.finished) != 0 {
		t.Errorf("on record: %+v, done: %+v", w.exported, w.finished)
	}
}

// taken is what another controller got.
type taken struct {
	body      []byte
	err       error
	signature string
}

func controller(t *testing.T, status int, read bool) (*httptest.Server, *x509.CertPool, chan taken) {
	t.Helper()
	got := make(chan taken, 1)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if read {
			body, err := io.ReadAll(r.Body)
			got <- taken{body, err, r.Trailer.Get(SignatureTrailer)}
		}
		if status == http.StatusFound {
			w.Header().Set("Location", "https://elsewhere.example/")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots, got
}

// TestSend: over TLS, signed, whole; and what is refused, redirected, not trusted or cut
// off is not done.
func TestSend(t *testing.T) {
	r := access(1, control.RightPortability)
	server, roots, got := controller(t, http.StatusNoContent, true)
	w := &world{rows: rowsOf(event.PurposeSet(0).With(1))}
	d := desk(t, w, []string{strings.TrimPrefix(server.URL, "https://")}, roots)
	p, err := d.Prepare(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Send(t.Context(), r, p, export.JSON, "ana", server.URL+"/in?token=x"); err != nil {
		t.Fatal(err)
	}
	answer := <-got
	sum := sha256.Sum256(answer.body)
	parts := strings.Split(answer.signature, ",")
	if answer.err != nil || len(parts) != 3 || parts[0] != fmt.Sprintf("t=%d", at.Unix()) || parts[1] != "key=node+01020304" {
		t.Fatal(answer.err, answer.signature)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(parts[2], "ed25519="))
	public := ed25519.PrivateKey(d.Signer.(key)).Public().(ed25519.PublicKey)
	if err != nil || !ed25519.Verify(public, fmt.Appendf(nil, "%s%d\n%s", SignaturePrefix, at.Unix(), hex.EncodeToString(sum[:])), signature) {
		t.Error("the signature does not verify", err)
	}
	if e := w.exported[1]; e.Recipient != strings.TrimPrefix(server.URL, "https://") || e.Items <= 0 || len(w.finished) != 1 {
		t.Errorf("on record: %+v, done: %+v", w.exported, w.finished)
	}

	// Cut off on our side: the other controller must not take it for whole.
	w.broken = errors.New("clickhouse is away")
	if err := d.Send(t.Context(), r, p, export.JSON, "ana", server.URL+"/in"); !errors.Is(err, w.broken) {
		t.Error(err)
	}
	if answer := <-got; answer.err == nil || answer.signature != "" {
		t.Errorf("what was cut off looks whole: %d bytes, %q", len(answer.body), answer.signature)
	}
	if len(w.finished) != 1 {
		t.Error("what was cut off is done")
	}
}

func TestSendRefused(t *testing.T) {
	r := access(1, control.RightPortability)
	for name, c := range map[string]struct {
		status        int
		read, trusted bool
		says          string
	}{
		"refused": {http.StatusForbidden, true, true, "403"}, "redirected": {http.StatusFound, true, true, "302"},
		"not trusted": {http.StatusOK, true, false, "certificate"},
	} {
		server, roots, _ := controller(t, c.status, c.read)
		if !c.trusted {
			roots = x509.NewCertPool()
		}
		server.Config.ErrorLog = nil
		w := &world{rows: rowsOf(event.PurposeSet(0).With(1))}
		d := desk(t, w, []string{strings.TrimPrefix(server.URL, "https://")}, roots)
		p, err := d.Prepare(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Send(t.Context(), r, p, export.JSON, "ana", server.URL); !errors.Is(err, export.ErrUpload) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if len(w.finished) != 0 {
			t.Errorf("%s is done", name)
		}
	}
	d := desk(t, &world{}, []string{"named.example"}, nil)
	for _, url := range []string{"https://other.example/", "http://named.example/", "https://127.0.0.1/", "ftp://named.example/", "::"} {
		if err := d.MaySend(url); !errors.Is(err, export.ErrUpload) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := desk(t, &world{}, nil, nil).MaySend("https://named.example/"); !errors.Is(err, export.ErrNowhere) {
		t.Error(err)
	}
}
