package gather

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/event"
	"zgoda/export"
	"zgoda/pseudonym"
)

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
