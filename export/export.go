package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Head is what an export begins with.
type Head struct {
	Site    string    `json:"site"`
	Request string    `json:"request"` // its id: what the export answers
	Made    time.Time `json:"made"`
	Subject Subject   `json:"subject"`
}

// Subject says whose it is, by no more than pseudonyms.
type Subject struct {
	Contact  string `json:"contact"`  // c_ or, of a visitor, v_ and 26 letters
	Visitors int    `json:"visitors"` // linked browsers whose rows are in it
}

// Item is one thing that is held: values by the columns of its section. A value is
// nil for nothing, a string, an int64, a bool, a time.Time or a json.RawMessage.
type Item struct {
	Section Section
	Values  []any
	// File writes the bytes of a document, of the section Documents alone; nil: there
	// are none.
	File func(ctx context.Context, to io.Writer) error
}

// Source is what is held of one person: the items in the order of Sections. Each ends
// with the first error of yield.
type Source interface {
	Each(ctx context.Context, yield func(Item) error) error
}

// Prepared is an export that can be written: whose it is, and what is held.
type Prepared struct {
	Head   Head
	Source Source
}

// Writer writes one export. After an error nothing more is written; an export that
// was not ended is not whole.
type Writer interface {
	Begin(h Head) error
	Item(ctx context.Context, i Item) error
	End(ctx context.Context) error
}

// Format is a form of an export.
type Format string

// The forms.
const (
	JSON Format = "json"
	CSV  Format = "csv" // a zip
	XLSX Format = "xlsx"
)

// MediaType returns the media type of the form.
func (f Format) MediaType() string {
	switch f {
	case CSV:
		return "application/zip"
	case XLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case JSON:
	}
	return "application/json"
}

// Errors of exports.
var (
	ErrFormat = errors.New("an export is json, csv or xlsx")
	ErrItem   = errors.New("an item does not fit its section, or stands out of order")

	// Of handing one out.
	ErrErasing  = errors.New("an erasure of this person is under way: nothing is handed out")
	ErrNotReady = errors.New("the request is not one of access or portability that is in progress")
	ErrNowhere  = errors.New("nothing is sent from here: no host that exports may go to is configured (rights.hosts)")
	// ErrUpload is wrapped by what came of an upload that did not arrive.
	ErrUpload = errors.New("the other controller has not taken the export")
)

// New makes the writer of a form.
func New(f Format, to io.Writer) (Writer, error) {
	switch f {
	case JSON:
		return NewJSON(to), nil
	case CSV:
		return NewCSV(to), nil
	case XLSX:
		return NewXLSX(to), nil
	}
	return nil, ErrFormat
}

// Write writes a whole export and returns how many items it has.
func Write(ctx context.Context, w Writer, h Head, from Source) (items int64, err error) {
	if err := w.Begin(h); err != nil {
		return 0, err
	}
	err = from.Each(ctx, func(i Item) error {
		items++
		return w.Item(ctx, i)
	})
	if err != nil {
		return items, err
	}
	return items, w.End(ctx)
}

// place keeps to the order of the sections and counts what is in each.
type place struct {
	at     int
	counts [64]int64 // by the place in Sections
}

// enter returns the place of an item's section.
func (p *place) enter(i *Item) (to int, err error) {
	to = p.at
	for to < len(Sections) && Sections[to] != i.Section {
		to++
	}
	if to == len(Sections) || len(i.Values) != len(i.Section.Columns()) {
		return 0, fmt.Errorf("section %q: %w", i.Section, ErrItem)
	}
	return to, nil
}

// text writes a value for tables; safe says that nobody but us has written it.
func text(v any) (s string, safe bool, err error) {
	switch v := v.(type) {
	case nil:
		return "", true, nil
	case string:
		return v, false, nil
	case int64:
		return strconv.FormatInt(v, 10), true, nil
	case bool:
		return strconv.FormatBool(v), true, nil
	case time.Time:
		if v.IsZero() {
			return "", true, nil
		}
		return v.UTC().Format(time.RFC3339Nano), true, nil
	case json.RawMessage:
		return string(v), false, nil
	}
	return "", false, ErrItem
}
