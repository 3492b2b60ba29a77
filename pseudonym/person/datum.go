package person

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"zgoda/event"
)

// Bounds of one datum, in bytes, and of the data of one contact.
const (
	MaxName   = 64
	MaxValue  = 4096
	MaxSource = 128
	MaxBasis  = 1100 // 32 ids of purposes, and commas
	MaxSite   = 64
	MaxData   = 1000
	maxBytes  = 1 << 20 // of the data of one contact, as they are kept
)

const redacted = "[redacted]"

// Datum is one identifier or trait of a contact. It prints as [redacted].
type Datum struct {
	ID     int64                // 0: a new one
	Kind   event.IdentifierKind // 0: a trait
	Site   event.SiteID         // within which the identifier is one
	Name   string               // of a trait: a-z 0-9 _ - . and letters of any script
	Value  string
	Source string    // where it is from
	Basis  string    // what it is kept for; may be empty
	Seen   time.Time // when it was learnt, in milliseconds
}

// Format writes "[redacted]" under every verb.
func (Datum) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Datum) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes it.
func (Datum) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// identifies says whether the datum is an identifier, which leads to the contact.
func (d *Datum) identifies() bool { return d.Kind != event.KindUnknown }

// check says whether a datum can be kept.
func (d *Datum) check() error {
	named := d.Name != ""
	kind := d.Kind >= event.KindUserID && d.Kind <= event.KindCustomerID
	switch {
	case d.identifies() == named, d.identifies() && !kind,
		named && !plain(d.Name, MaxName), !plain(d.Source, MaxSource), d.Basis != "" && !plain(d.Basis, MaxBasis),
		d.Value == "" || len(d.Value) > MaxValue || !utf8.ValidString(d.Value) || strings.ContainsFunc(d.Value, steers),
		len(d.Site) > MaxSite, d.Seen.Before(time.UnixMilli(0)):
		return ErrDatum
	}
	return nil
}

// plain says whether a text is one line that is not blank.
func plain(text string, most int) bool {
	return strings.TrimSpace(text) != "" && len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// steers says whether a character is none that a text of several lines has.
func steers(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }
