package gather

import (
	"context"
	"encoding/json"
	"time"

	"zgoda/activity"
	"zgoda/export"
)

// activity are the stored events, as they come from the server.
func (p *person) activity(ctx context.Context, yield yielding) (err error) {
	if len(p.rows.Whole)+len(p.rows.Windows) == 0 {
		return nil
	}
	_, failed := p.desk.Rows.Rows(ctx, p.rows, func(r activity.Row) bool {
		if p.portable() && !p.restsOn(r.Purposes) {
			return true
		}
		err = yield(p.row(&r))
		return err == nil
	})
	if err == nil {
		err = failed
	}
	return err
}

func (p *person) row(r *activity.Row) export.Item {
	var names []string
	for i := range p.site.Policy.Purposes {
		if of := &p.site.Policy.Purposes[i]; r.Purposes.Has(of.Bit) {
			names = append(names, string(of.ID))
		}
	}
	c := &r.Campaign
	return item(export.Activity,
		r.Time, r.ReceivedAt, r.MessageID, r.Scope.String(), r.Type, r.Name, r.PageHost, r.PagePath, r.PageQuery, r.PageTitle, r.RefHost, r.RefPath,
		c.Name, c.Source, c.Medium, c.Term, c.Content, r.Browser, r.OS, r.Device, r.Country, r.SourceTag, raw(names), r.DecidedBy,
		int64(r.PolicyVersion), int64(r.Flags), r.Grouped, json.RawMessage(r.Properties), r.ExpiresAt, r.StoredOn.Format(time.DateOnly))
}

// links are the times at which they and a browser were seen together.
func (p *person) links(ctx context.Context, yield yielding) (err error) {
	if p.portable() || len(p.rows.Whole) == 0 {
		return nil
	}
	failed := p.desk.Rows.LinkTimes(ctx, p.rows, func(seen time.Time) bool {
		err = yield(item(export.Links, seen))
		return err == nil
	})
	if err == nil {
		err = failed
	}
	return err
}
