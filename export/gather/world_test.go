package gather

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
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
