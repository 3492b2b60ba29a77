package gather

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/export"
	"zgoda/receipt"
)

type yielding = func(export.Item) error

// item makes an item of values, of which empty texts are nothing.
func item(s export.Section, values ...any) export.Item {
	for i, v := range values {
		switch v := v.(type) {
		case string:
			if v == "" {
				values[i] = nil
			}
		case json.RawMessage:
			if len(v) == 0 {
				values[i] = nil
			}
		case time.Time:
			if v.IsZero() {
				values[i] = nil
			}
		}
	}
	return export.Item{Section: s, Values: values}
}

// raw writes what is not one value as JSON.
func raw[T []string | map[string]string](v T) json.RawMessage {
	if len(v) == 0 {
		return nil
	}
	b, _ := json.Marshal(v) // texts always can be
	return b
}

func (p *person) controller(_ context.Context, yield yielding) error {
	c := &p.site.Controller
	return yield(item(export.Controller, c.Name, c.Address, c.Establishment, p.site.Contact, c.Email, c.Phone, c.PolicyURL))
}

// purposes are all words that people were ever shown at the site, and what it does now.
func (p *person) purposes(ctx context.Context, yield yielding) error {
	texts, err := p.desk.Store.Texts(ctx, p.request.Site)
	if err != nil {
		return err
	}
	now := map[event.PurposeID]*receipt.Purpose{}
	for i := range p.site.Purposes {
		now[p.site.Purposes[i].ID] = &p.site.Purposes[i]
	}
	shown := map[event.PurposeID]bool{}
	for i := range texts {
		t := &texts[i]
		of, inForce := now[t.Purpose], false
		hash := t.Hash()
		if of != nil {
			inForce = of.Version == t.Version && of.TextHash == hash
		}
		if inForce {
			shown[t.Purpose] = true
		} else {
			of = &receipt.Purpose{}
		}
		if err := yield(item(export.Purposes, string(t.Purpose), int64(t.Version), inForce, of.Kind, of.Basis, raw(t.Words), hex.EncodeToString(hash[:]),
			raw(t.Scope), of.Retention, raw(of.Data), raw(of.Recipients), raw(of.Locations), t.Kept)); err != nil {
			return err
		}
	}
	for i := range p.site.Purposes {
		of := &p.site.Purposes[i]
		if shown[of.ID] {
			continue
		}
		if err := yield(item(export.Purposes, string(of.ID), int64(of.Version), true, of.Kind, of.Basis, raw(of.Text), hex.EncodeToString(of.TextHash[:]),
			nil, of.Retention, raw(of.Data), raw(of.Recipients), raw(of.Locations), nil)); err != nil {
			return err
		}
	}
	return nil
}

// data are identifiers, then traits, each with where it is from.
func (p *person) data(_ context.Context, yield yielding) error {
	for _, traits := range []bool{false, true} {
		for i := range p.revealed.Data {
			d := &p.revealed.Data[i]
			if traits != (d.Kind == event.KindUnknown) {
				continue
			}
			i := item(export.Identifiers, d.Kind.String(), d.Value, d.Source, d.Basis, d.Seen)
			if traits {
				i = item(export.Traits, d.Name, d.Value, d.Source, d.Basis, d.Seen)
			}
			if err := yield(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// consents are the entries of the ledger about them, and about their browsers while
// these were theirs, in the ledger's order. Who wrote an entry, and whom else one is
// about, is not shown: that is another person.
func (p *person) consents(ctx context.Context, yield yielding) error {
	type said struct {
		ledger.Entry

		byBrowser bool
	}
	var list []said
	read := func(h event.Handle, browser bool) error {
		entries, err := p.desk.Store.History(ctx, p.request.Site, h, math.MaxInt32)
		for i := range entries {
			if browser && !p.theirs(h, entries[i].At) || !p.since.IsZero() && !entries[i].At.Before(p.since) {
				continue
			}
			list = append(list, said{entries[i], browser || p.request.Visitor})
		}
		return err
	}
	for _, h := range p.own {
		if err := read(h, false); err != nil {
			return err
		}
	}
	for _, h := range p.visitors {
		if err := read(h, true); err != nil {
			return err
		}
	}
	slices.SortStableFunc(list, func(a, b said) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for i := range list {
		e := &list[i]
		var version, hash any
		if e.Purpose != "" {
			version = int64(e.PurposeVersion)
		}
		if e.TextHash != [32]byte{} {
			hash = hex.EncodeToString(e.TextHash[:])
		}
		if err := yield(item(export.Consents, e.At, string(e.Purpose), version, e.State.String(), hash, e.Until, e.Channel, e.Surface, e.Locale,
			e.Type.String(), e.byBrowser, e.GPC, e.DNT, e.ADPC, e.Guardian, e.GuardianRef, e.RawSignal, e.Country, e.Reason)); err != nil {
			return err
		}
	}
	return nil
}

func (p *person) standing(ctx context.Context, yield yielding) error {
	r, err := p.desk.Records.Record(ctx, p.request.Site, p.request.Handle)
	if err != nil {
		return err
	}
	onOff := map[bool]string{true: "off", false: "on"}
	for _, i := range []export.Item{
		item(export.Standing, "state", nil, r.State.String(), nil, nil),
		item(export.Standing, "profiling", nil, onOff[r.ProfilingOff], nil, nil),
		item(export.Standing, "automated_decisions", nil, onOff[r.AutomatedOff], nil, nil),
	} {
		if err := yield(i); err != nil {
			return err
		}
	}
	for i := range p.site.Policy.Purposes {
		of := &p.site.Policy.Purposes[i]
		held := r.Purposes[of.Bit%event.MaxPurposes]
		var version, until any
		if held.Version > 0 {
			version = int64(held.Version)
		}
		if held.Until != 0 {
			until = held.Until.Time().Format(time.DateOnly)
		}
		if err := yield(item(export.Standing, "purpose", string(of.ID), held.Choice.String(), version, until)); err != nil {
			return err
		}
	}
	return nil
}

func (p *person) agreements(ctx context.Context, yield yielding) error {
	q := control.AgreementQuery{Site: p.request.Site, Contacts: p.own, Limit: control.MaxAgreements}
	for {
		list, err := p.desk.Store.Agreements(ctx, q)
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			a := &list[i]
			if err := yield(item(export.Agreements, hex.EncodeToString(a.Document[:]), a.Kind, a.Signed, a.Until)); err != nil {
				return err
			}
			q.Contact, q.Document = a.Contact, a.Document
		}
	}
}

// documents are those that are kept with the contact, with their bytes.
func (p *person) documents(_ context.Context, yield yielding) error {
	for i := range p.revealed.Attachments {
		a := &p.revealed.Attachments[i]
		id := hex.EncodeToString(a.ID[:])
		one := item(export.Documents, id, a.Name, a.Type, a.Bytes, a.Source, a.Basis, a.Seen, a.Complete, nil)
		if a.Complete {
			one.Values[len(one.Values)-1] = "files/" + id + ending(a.Name)
			one.File = func(ctx context.Context, to io.Writer) error {
				_, err := p.desk.People.Attachment(ctx, p.ref, a.ID, nil, to)
				return err
			}
		}
		if err := yield(one); err != nil {
			return err
		}
	}
	return nil
}

// ending is that of a name if it is a plain one: a name is what somebody wrote.
func ending(name string) string {
	e := strings.ToLower(path.Ext(name))
	for _, c := range strings.TrimPrefix(e, ".") {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return ""
		}
	}
	if len(e) < 2 || len(e) > 9 {
		return ""
	}
	return e
}

func (p *person) requests(ctx context.Context, yield yielding) error {
	if p.portable() {
		return nil
	}
	var list []control.Request
	for _, h := range p.own {
		q := control.RequestQuery{Site: p.request.Site, Handle: h, Limit: control.MaxRequests}
		for {
			some, err := p.desk.Store.Requests(ctx, q)
			if err != nil {
				return err
			}
			if len(some) == 0 {
				break
			}
			list = append(list, some...)
			last := &some[len(some)-1]
			q.AfterDeadline, q.AfterID = last.Deadline, last.ID
		}
	}
	slices.SortStableFunc(list, func(a, b control.Request) int { return a.Received.Compare(b.Received) })
	ids := make([]control.RequestID, len(list))
	right := map[control.RequestID]control.Right{}
	for i := range list {
		r := &list[i]
		ids[i], right[r.ID] = r.ID, r.Right
		if err := yield(item(export.Requests, r.ID.String(), string(r.Right), string(r.Mode), r.Origin, string(r.State), r.Received, r.Deadline, r.Extended,
			r.Extension, r.Ground, r.Done)); err != nil {
			return err
		}
	}
	return p.recipients(ctx, ids, right, yield)
}

// recipients are those who were told of a request, and those who got an export.
func (p *person) recipients(ctx context.Context, ids []control.RequestID, right map[control.RequestID]control.Right, yield yielding) error {
	told, err := p.desk.Store.NoticesOf(ctx, ids...)
	if err != nil {
		return err
	}
	for i := range told {
		n := &told[i]
		if n.Kind != control.NoticeArt19 {
			continue
		}
		if err := yield(item(export.Recipients, n.Recipient, n.Request.String(), string(right[n.Request]), n.State, n.End)); err != nil {
			return err
		}
	}
	exports, err := p.desk.Store.ExportedOf(ctx, ids)
	if err != nil {
		return err
	}
	for i := range exports {
		e := &exports[i]
		var items any
		if e.Items >= 0 {
			items = e.Items
		}
		if err := yield(item(export.Exports, e.Request.String(), e.At, e.Format, e.Recipient, items)); err != nil {
			return err
		}
	}
	return nil
}

// retention says how long what is kept.
func (p *person) retention(_ context.Context, yield yielding) error {
	for i := range p.site.Purposes {
		of := &p.site.Purposes[i]
		if err := yield(item(export.Retention, "activity, from its receipt", string(of.ID), of.Retention)); err != nil {
			return err
		}
	}
	for _, kept := range [][2]string{
		{"identifiers, traits and documents, after the contact was last seen", p.site.ContactKept},
		{"consents and their proof", "while the contact is kept, then without the person"},
	} {
		if err := yield(item(export.Retention, kept[0], nil, kept[1])); err != nil {
			return err
		}
	}
	return nil
}

// restsOn says whether a row is stored on consent or for a contract.
func (p *person) restsOn(purposes event.PurposeSet) bool {
	return slices.ContainsFunc(p.site.Policy.Purposes, func(of consent.Purpose) bool {
		return purposes.Has(of.Bit) && (of.Basis == consent.BasisConsent || of.Basis == consent.BasisContract)
	})
}
