package consoletest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/subjects"
)

// People keeps data of the directory's contacts in memory, and answers as the
// keyholder does. A reason "above the limit" asks for an approval.
type People struct {
	Directory *Directory

	mu        sync.Mutex
	next      int64
	revision  uint64
	data      map[event.Handle][]pseudonym.Datum
	documents map[[16]byte][]byte
	about     map[[16]byte]pseudonym.Attached
	acts      []pseudonym.Act
	err       error // of every call
	approved  bool
	merged    [][2]event.Handle
}

// Fail makes every call fail; nil: they work again.
func (p *People) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// Acts are who acted and why, by call.
func (p *People) Acts() []pseudonym.Act {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.acts)
}

func (p *People) begin(ctx context.Context) error {
	p.acts = append(p.acts, pseudonym.ActOf(ctx))
	return p.err
}

// Search finds what the directory knows.
func (p *People) Search(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string, _ event.Period) (pseudonym.Found, bool, error) {
	h, known, err := p.Directory.Find(ctx, site, kind, value)
	p.mu.Lock()
	defer p.mu.Unlock()
	if failed := p.begin(ctx); failed != nil {
		err = failed
	}
	return pseudonym.Found{Ref: pseudonym.Ref(h), Handles: event.Handles{Consent: h}}, known, err
}

// List knows every pseudonym but the one of ones.
func (p *People) List(ctx context.Context, handles []event.Handle) (list []pseudonym.Listed, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range handles {
		if h == (event.Handle{1}) {
			continue
		}
		list = append(list, pseudonym.Listed{Handle: h, Ref: pseudonym.Ref(h), Pseudonyms: []pseudonym.Pseudonym{
			{Handle: h, Purpose: "consent"},
			{Handle: event.Handle{2}, Purpose: "analytics", Period: 202611, Version: 3},
			{Handle: event.Handle{3}, Purpose: "consent", Visitor: true},
		}})
	}
	return list, p.begin(ctx)
}

// Reveal shows the data.
func (p *People) Reveal(ctx context.Context, ref pseudonym.Ref, approval []byte) (pseudonym.Revealed, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.begin(ctx); err != nil {
		return pseudonym.Revealed{}, err
	}
	if pseudonym.ActOf(ctx).Reason == "above the limit" && (!p.approved || len(approval) != 16) {
		return pseudonym.Revealed{}, &pseudonym.ApprovalNeeded{ID: bytes.Repeat([]byte{0xab}, 16)}
	}
	r := pseudonym.Revealed{Data: slices.Clone(p.data[event.Handle(ref)]), Revision: p.revision}
	for _, a := range p.about {
		r.Attachments = append(r.Attachments, a)
	}
	return r, nil
}

// Approve lets the reveal through.
func (p *People) Approve(ctx context.Context, id []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.begin(ctx); err != nil {
		return err
	}
	if !bytes.Equal(id, bytes.Repeat([]byte{0xab}, 16)) {
		return pseudonym.ErrNotFound
	}
	p.approved = true
	return nil
}

// Waiting lists the one reveal.
func (p *People) Waiting(ctx context.Context) ([]pseudonym.Waiting, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return []pseudonym.Waiting{{ID: bytes.Repeat([]byte{0xab}, 16), Actor: "token:ana", Reason: "request 12", Since: at, Until: at.Add(time.Hour), Approved: p.approved}}, p.begin(ctx)
}

// Put keeps data.
func (p *People) Put(ctx context.Context, ref pseudonym.Ref, _ event.SiteID, data []pseudonym.Datum, revision uint64) (ids []int64, now uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.begin(ctx); err != nil {
		return nil, 0, err
	}
	if revision != 0 && revision != p.revision {
		return nil, 0, &pseudonym.Refusal{Act: "put", Text: "the contact's data have changed since they were shown", Changed: true}
	}
	if p.data == nil {
		p.data = map[event.Handle][]pseudonym.Datum{}
	}
	for _, d := range data {
		p.next++
		d.ID = p.next
		ids = append(ids, d.ID)
		p.data[event.Handle(ref)] = append(p.data[event.Handle(ref)], d)
	}
	p.revision++
	return ids, p.revision, nil
}

// Remove takes data away.
func (p *People) Remove(ctx context.Context, ref pseudonym.Ref, ids []int64, documents [][16]byte, _ uint64) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.begin(ctx); err != nil {
		return 0, err
	}
	h := event.Handle(ref)
	for _, id := range ids {
		i := slices.IndexFunc(p.data[h], func(d pseudonym.Datum) bool { return d.ID == id })
		if i < 0 {
			return 0, pseudonym.ErrNotFound
		}
		p.data[h] = slices.Delete(p.data[h], i, i+1)
	}
	for _, id := range documents {
		delete(p.documents, id)
		delete(p.about, id)
	}
	p.revision++
	return p.revision, nil
}

// Merge notes who was merged.
func (p *People) Merge(ctx context.Context, keep, drop pseudonym.Ref, preview bool) (kept, dropped []pseudonym.Pseudonym, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.begin(ctx); err != nil {
		return nil, nil, err
	}
	if !preview {
		p.merged = append(p.merged, [2]event.Handle{event.Handle(keep), event.Handle(drop)})
	}
	return nil, []pseudonym.Pseudonym{{Handle: event.Handle(drop), Purpose: "consent"}}, nil
}

// Merges are the contacts that were merged.
func (p *People) Merges() [][2]event.Handle {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.merged)
}

// Attach keeps a document; more than a megabyte is refused.
func (p *People) Attach(ctx context.Context, _ pseudonym.Ref, a pseudonym.Attached, from io.Reader) (id [16]byte, err error) {
	content, err := io.ReadAll(io.LimitReader(from, 1<<20+1))
	p.mu.Lock()
	defer p.mu.Unlock()
	if failed := p.begin(ctx); failed != nil {
		return id, failed
	}
	switch {
	case err != nil:
		return id, err
	case len(content) > 1<<20:
		return id, &pseudonym.Refusal{Act: "attach", Text: "the document is larger than allowed"}
	}
	if p.documents == nil {
		p.documents, p.about = map[[16]byte][]byte{}, map[[16]byte]pseudonym.Attached{}
	}
	id[0] = byte(len(p.documents) + 1)
	a.ID, a.Bytes, a.Complete = id, int64(len(content)), true
	p.documents[id], p.about[id] = content, a
	return id, nil
}

// Attachment hands a document out.
func (p *People) Attachment(ctx context.Context, _ pseudonym.Ref, id [16]byte, _ []byte, to io.Writer) (pseudonym.Attached, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.begin(ctx); err != nil {
		return pseudonym.Attached{}, err
	}
	content, known := p.documents[id]
	if !known {
		return pseudonym.Attached{}, pseudonym.ErrNotFound
	}
	_, err := to.Write(content)
	return p.about[id], err
}

// Tie refuses for two contacts, of which none is restricted.
func (d *Directory) Tie(ctx context.Context, site event.SiteID, keep, drop event.Handle, actor, reason string) ([]event.PurposeID, error) {
	r, err := d.Record(ctx, site, drop)
	if err != nil {
		return nil, err
	}
	if r.State != consent.StateActive {
		return nil, subjects.ErrStanding
	}
	_, err = d.Merged(ctx, site, keep, drop, actor, reason)
	return []event.PurposeID{"analytics"}, err
}

// Merged keeps an entry about two contacts.
func (d *Directory) Merged(_ context.Context, site event.SiteID, keep, drop event.Handle, actor, reason string) (event.Sequence, error) {
	return d.change(keep, ledger.Entry{
		Site: site, Subject: keep, Linked: drop, State: ledger.StateConflict, Type: ledger.EventImplied,
		Channel: ledger.ChannelOperator, Actor: actor, Reason: reason,
	}, func(*consent.Record) {})
}
