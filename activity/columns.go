package activity

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"zgoda/event"
	"zgoda/record"
)

// texts are the text columns that Insert writes, in order, and where a record has
// them. The event's type is a text in the table and a number in a record.
var textColumns = [...]struct {
	name string
	from record.Text
}{
	{"site", record.TextSite},
	{"message_id", record.TextMessageID},
	{"name", record.TextName},
	{"page_host", record.TextPageHost},
	{"page_path", record.TextPagePath},
	{"page_query", record.TextPageQuery},
	{"page_title", record.TextPageTitle},
	{"referrer_host", record.TextRefHost},
	{"referrer_path", record.TextRefPath},
	{"campaign_name", record.TextCampaignName},
	{"campaign_source", record.TextCampaignSource},
	{"campaign_medium", record.TextCampaignMedium},
	{"campaign_term", record.TextCampaignTerm},
	{"campaign_content", record.TextCampaignContent},
	{"browser", record.TextBrowser},
	{"os", record.TextOS},
	{"device", record.TextDevice},
	{"country", record.TextCountry},
	{"source_tag", record.TextSourceTag},
	{"decided_by", record.TextDecidedBy},
	{"properties", record.TextProperties},
}

// fixedColumns are the columns of one width, in order, and the type that the
// server must give them: they are written as the server keeps them.
var fixedColumns = [...]struct{ name, kind string }{
	{"ts", "DateTime64(3"},
	{"received_at", "DateTime64(3"},
	{"expires_at", "DateTime"},
	{"scope", "Enum8("},
	{"subject", "FixedString(16)"},
	{"visitor", "FixedString(16)"},
	{"purposes", "UInt32"},
	{"policy_version", "UInt32"},
	{"key_version", "UInt32"},
	{"flags", "UInt8"},
}

// Where the columns of an insert stand.
const (
	typeAt  = len(textColumns)
	groupAt = typeAt + 1
	fixedAt = groupAt + 1
	columns = fixedAt + len(fixedColumns)
)

// eventColumns are the columns that Insert writes, in order.
var eventColumns = func() (out [columns]string) {
	for i, c := range textColumns {
		out[i] = c.name
	}
	out[typeAt], out[groupAt] = "type", "group"
	for i, c := range fixedColumns {
		out[fixedAt+i] = c.name
	}
	return out
}()

// typeNames are the event's types as the table has them.
var typeNames = func() (out [event.TypeAlias + 1][]byte) {
	for i := range out {
		out[i] = []byte(event.Type(i).String())
	}
	return out
}()

// The times that a DateTime64(3) of ClickHouse holds, in milliseconds.
var (
	firstTime = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	lastTime  = time.Date(2299, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
)

var (
	errColumn = errors.New("a column of the table has a type that this zgoda cannot write")
	errValue  = errors.New("a value does not fit its column")
)

// sheet lays encoded records out in columns. Its buffers and its dictionaries are
// kept from batch to batch.
type sheet struct {
	texts [fixedAt]textColumn
	fixed [len(fixedColumns)][]byte
	room  []byte
	wire  wire
	view  record.View
}

// fill lays rows out in the columns of a prepared batch, which are empty. The
// rows are read and not kept.
func (s *sheet) fill(into []column.Interface, rows [][]byte) error {
	if err := s.begin(into, len(rows)); err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.add(row); err != nil {
			return err
		}
	}
	for i := range s.texts {
		if err := s.texts[i].end(&s.wire); err != nil {
			return err
		}
	}
	for i, b := range s.fixed {
		if err := s.wire.decode(into[fixedAt+i], b, len(rows)); err != nil {
			return err
		}
	}
	return nil
}

// begin looks at what columns the server has and empties the buffers.
func (s *sheet) begin(into []column.Interface, rows int) error {
	if len(into) != columns {
		return errColumn
	}
	for i := range s.texts {
		if err := s.texts[i].begin(into[i], rows, &s.room); err != nil {
			return fmt.Errorf("%s: %w", eventColumns[i], err)
		}
	}
	for i, c := range fixedColumns {
		if kind := string(into[fixedAt+i].Type()); !strings.HasPrefix(kind, c.kind) {
			return fmt.Errorf("%s: %w", c.name, errColumn)
		}
		s.fixed[i] = s.fixed[i][:0]
	}
	return nil
}

// add lays out one row.
func (s *sheet) add(row []byte) error {
	v := &s.view
	if err := v.Read(row); err != nil {
		return errValue
	}
	if t, r := v.Time(), v.Received(); t < firstTime || t > lastTime || r < firstTime || r > lastTime {
		return errValue
	}
	for i := range textColumns {
		if err := s.texts[i].add(v.Text(textColumns[i].from)); err != nil {
			return err
		}
	}
	if err := s.texts[typeAt].add(typeNames[v.Type()]); err != nil {
		return err
	}
	if err := s.texts[groupAt].add(groupText(v.Group())); err != nil {
		return err
	}
	f := &s.fixed
	f[0] = binary.LittleEndian.AppendUint64(f[0], uint64(v.Time()))
	f[1] = binary.LittleEndian.AppendUint64(f[1], uint64(v.Received()))
	f[2] = binary.LittleEndian.AppendUint32(f[2], uint32(min(max(v.Expires(), 0), math.MaxUint32)))
	f[3] = append(f[3], byte(v.Scope()))
	f[4] = append(f[4], v.Subject()...)
	f[5] = append(f[5], v.Visitor()...)
	f[6] = binary.LittleEndian.AppendUint32(f[6], uint32(v.Purposes()))
	f[7] = binary.LittleEndian.AppendUint32(f[7], v.PolicyVersion())
	f[8] = binary.LittleEndian.AppendUint32(f[8], uint32(v.KeyVersion()))
	f[9] = append(f[9], byte(v.Flags()))
	return nil
}

// groupText is the blinded group as 32 bytes, or nothing.
func groupText(g []byte) []byte {
	if event.Blinded(g).IsZero() {
		return nil
	}
	return g
}
