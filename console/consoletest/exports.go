package consoletest

import (
	"context"
	"errors"
	"io"
	"sync"

	"zgoda/control"
	"zgoda/export"
	"zgoda/pseudonym"
	"zgoda/rights"
)

// Exports hand out one line. What they do instead is set by Fail.
type Exports struct {
	service *rights.Service

	mu    sync.Mutex
	fail  error // of Prepare
	cut   error // of Hand, after some of it
	Sent  []string
	limit bool // a second person has to approve
}

// Fail sets what Prepare fails with, and what Hand is cut off by.
func (e *Exports) Fail(prepare, cut error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail, e.cut = prepare, cut
}

// Limit has a second person approve.
func (e *Exports) Limit(on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.limit = on
}

// Approval is what is asked for.
var Approval = [16]byte{1, 2, 3}

// Prepare finds what is held.
func (e *Exports) Prepare(_ context.Context, r control.Request, approval []byte) (export.Prepared, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.fail != nil:
		return export.Prepared{}, e.fail
	case r.State != control.RequestRunning:
		return export.Prepared{}, export.ErrNotReady
	case e.limit && [16]byte(append(approval, make([]byte, 16)...)) != Approval:
		return export.Prepared{}, &pseudonym.ApprovalNeeded{ID: Approval[:]}
	}
	return export.Prepared{Head: export.Head{Request: r.ID.String()}}, nil
}

// Hand hands it out.
func (e *Exports) Hand(ctx context.Context, r control.Request, p export.Prepared, f export.Format, _ string, to io.Writer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := io.WriteString(to, string(f)+" of "+p.Head.Request); err != nil {
		return err
	}
	if e.cut != nil {
		return e.cut
	}
	return e.service.Finish(ctx, r.ID, nil)
}

// MaySend lets one host through.
func (e *Exports) MaySend(url string) error {
	if url != "https://other.example/inbox" {
		return export.ErrUpload
	}
	return nil
}

// Send sends it nowhere.
func (e *Exports) Send(ctx context.Context, r control.Request, _ export.Prepared, _ export.Format, _, url string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cut != nil {
		return errors.Join(export.ErrUpload, e.cut)
	}
	e.Sent = append(e.Sent, url)
	return e.service.Finish(ctx, r.ID, nil)
}
