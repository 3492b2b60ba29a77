package pixel

import (
	"zgoda/collector/segment"
	"zgoda/event"
)

// Key returns the write key, or nil.
func Key(query func(name string) []byte) []byte {
	if k := query("k"); len(k) > 0 {
		return k
	}
	return query("key")
}

// Addresses are the addresses that a pixel names.
type Addresses struct {
	Page, Referrer []byte
}

// Read fills e from the query. An error is a *segment.FieldError.
func Read(e *segment.Event, query func(name string) []byte) (Addresses, error) {
	e.Reset()
	e.Type = event.TypePage
	if t := query("t"); len(t) > 0 {
		known, ok := event.ParseType(t)
		if !ok || (known != event.TypePage && known != event.TypeScreen && known != event.TypeTrack) {
			return Addresses{}, &segment.FieldError{Field: "t", Why: "must be page, screen or track"}
		}
		e.Type = known
	}
	e.Name, e.MessageID = query("n"), query("m")
	if e.Type == event.TypeTrack && len(e.Name) == 0 {
		return Addresses{}, &segment.FieldError{Field: "n", Why: "is required"}
	}
	for _, f := range [...]struct {
		name string
		text []byte
	}{{"n", e.Name}, {"m", e.MessageID}, {"u", query("u")}, {"r", query("r")}} {
		if err := segment.CheckText(f.text); err != nil {
			return Addresses{}, &segment.FieldError{Field: f.name, Why: "must be UTF-8 without NUL"}
		}
	}
	return Addresses{Page: query("u"), Referrer: query("r")}, nil
}
