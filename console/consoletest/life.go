package consoletest

import (
	"context"
	"strings"
	"time"

	"zgoda/confirm"
	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/renewal"
	"zgoda/subjects"
)

// SecretKey is the secret key of the site demo.
const SecretKey = "sk_demo_0123456789"

func secretOf(token string) (event.SiteID, bool) { return Site, token == SecretKey }

// MakeAll finds contacts or makes them.
func (d *Directory) MakeAll(ctx context.Context, site event.SiteID, names []subjects.Name, out []event.Handle, bad []error) error {
	for i, n := range names {
		if n.Kind == event.KindEmail && !strings.Contains(n.Value, "@") {
			bad[i] = ErrBadIdentifier
			continue
		}
		var err error
		if out[i], _, err = d.Make(ctx, site, n.Kind, n.Value); err != nil {
			return err
		}
	}
	return nil
}

// Write keeps entries.
func (d *Directory) Write(_ context.Context, entries ...ledger.Entry) (seq event.Sequence, err error) {
	for _, e := range entries {
		if err := e.Validate(); err != nil {
			return 0, err
		}
		if seq, err = d.change(e.Subject, e, func(*consent.Record) {}); err != nil {
			return 0, err
		}
	}
	return seq, nil
}

// Request asks for a consent; it sends no mail.
func (d *Directory) Request(ctx context.Context, o confirm.Opening) (time.Time, error) {
	if len(o.Purposes) == 0 || o.Purposes[0] == "measurement" {
		return time.Time{}, confirm.ErrPurpose
	}
	h, _, err := d.Make(ctx, o.Site, o.Kind, o.Identifier)
	if err != nil {
		return time.Time{}, err
	}
	_, err = d.Write(ctx, ledger.Entry{
		Site: o.Site, Subject: h, Purpose: o.Purposes[0], PurposeVersion: 1, State: ledger.StateRequested, Type: ledger.EventExpressed,
		Channel: o.Channel, Actor: o.Actor, Reason: o.Evidence, At: time.Now(),
	})
	return time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC), err
}

// Renewals has one contact to be asked again.
type Renewals struct{}

// List hands it over.
func (Renewals) List(_ context.Context, _ *consent.Policy, _ time.Duration, do func(renewal.Ask) error) error {
	return do(renewal.Ask{Subject: event.Handle{1}, Purpose: "analytics", Expired: true, At: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)})
}
