package activity

import (
	"time"

	"zgoda/event"
	"zgoda/record"
)

// columns are the buffers of one batch of events, reused from batch to batch.
type columns struct {
	values [32]any // what is given to the driver, in the order of eventColumns
	texts  [22][]string
	ts     []time.Time
	got    []time.Time
	ends   []time.Time
	scopes []int8
	subj   [][]byte
	visit  [][]byte
	bits   []uint32
	policy []uint32
	keys   []uint32
}

// eventColumns are the columns that Insert writes, in order.
var eventColumns = [...]string{
	"site", "message_id", "type", "name", "page_host", "page_path", "page_query", "page_title",
	"referrer_host", "referrer_path", "campaign_name", "campaign_source", "campaign_medium",
	"campaign_term", "campaign_content", "browser", "os", "device", "country", "source_tag",
	"decided_by", "properties",
	"ts", "received_at", "expires_at", "scope", "subject", "visitor", "purposes", "policy_version",
	"key_version", "group",
}

// texts appends the text columns of a record, in the order of eventColumns.
func textsOf(r *record.Record) [22]string {
	return [22]string{
		string(r.Site), r.MessageID, r.Type.String(), r.Name, r.PageHost, r.PagePath, r.PageQuery, r.PageTitle,
		r.RefHost, r.RefPath, r.Campaign.Name, r.Campaign.Source, r.Campaign.Medium,
		r.Campaign.Term, r.Campaign.Content, r.Browser, r.OS, r.Device, r.Country, r.SourceTag,
		r.DecidedBy, r.Properties,
	}
}

// fill lays rows out in columns, which point into the rows. What it returns is
// good until the next fill or reset.
func (c *columns) fill(rows []record.Record) []any {
	c.reset()
	groups := make([]string, 0, len(rows))
	for i := range rows {
		r := &rows[i]
		for n, text := range textsOf(r) {
			c.texts[n] = append(c.texts[n], text)
		}
		c.ts, c.got, c.ends = append(c.ts, r.Time), append(c.got, r.ReceivedAt), append(c.ends, r.ExpiresAt)
		c.scopes = append(c.scopes, int8(r.Scope))
		c.subj, c.visit = append(c.subj, r.Subject[:]), append(c.visit, r.Visitor[:])
		c.bits = append(c.bits, uint32(r.Purposes))
		c.policy, c.keys = append(c.policy, r.PolicyVersion), append(c.keys, uint32(r.KeyVersion))
		groups = append(groups, groupText(r.Group))
	}
	for n := range c.texts {
		c.values[n] = c.texts[n]
	}
	for n, v := range []any{c.ts, c.got, c.ends, c.scopes, c.subj, c.visit, c.bits, c.policy, c.keys, groups} {
		c.values[len(c.texts)+n] = v
	}
	return c.values[:]
}

// reset empties the buffers and lets go of the texts.
func (c *columns) reset() {
	clear(c.subj)
	clear(c.visit)
	for n := range c.texts {
		clear(c.texts[n])
		c.texts[n] = c.texts[n][:0]
	}
	c.ts, c.got, c.ends, c.scopes = c.ts[:0], c.got[:0], c.ends[:0], c.scopes[:0]
	c.subj, c.visit, c.bits, c.policy, c.keys = c.subj[:0], c.visit[:0], c.bits[:0], c.policy[:0], c.keys[:0]
}

// groupText is the blinded group as 32 bytes, or nothing.
func groupText(g event.Blinded) string {
	if g.IsZero() {
		return ""
	}
	return string(g[:])
}
