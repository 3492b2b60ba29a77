package collector

import (
	"time"

	"zgoda/collector/segment"
)

// earliest is before every event there can be: a clock that was never set
// begins in 1970.
var earliest = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// clock corrects the client's clock: what it says about the event is moved by
// what it says about now, which is the time of receipt. corrected says that the
// result was out of range and set to the time of receipt.
func clock(e *segment.Event, batchSent []byte, received time.Time, future time.Duration) (at time.Time, corrected bool, err error) {
	original, field := e.OriginalTimestamp, "originalTimestamp"
	if len(original) == 0 {
		original, field = e.Timestamp, "timestamp"
	}
	sent := e.Sent
	if len(sent) == 0 {
		sent = batchSent
	}
	sentAt, err := parseTime(sent, "sentAt")
	if err != nil {
		return time.Time{}, false, err
	}
	at, err = parseTime(original, field)
	if err != nil {
		return time.Time{}, false, err
	}
	if _, err = parseTime(e.Timestamp, "timestamp"); err != nil {
		return time.Time{}, false, err
	}
	if at.IsZero() {
		return received, false, nil
	}
	if !sentAt.IsZero() {
		at = received.Add(at.Sub(sentAt)) // Sub is saturated, Add may then leave the range
	}
	if at.After(received.Add(future)) || at.Before(earliest) {
		return received, true, nil
	}
	return at, false, nil
}

// parseTime reads ISO 8601 as SDKs write it; an empty text is the zero time.
func parseTime(s []byte, field string) (time.Time, error) {
	if len(s) == 0 {
		return time.Time{}, nil
	}
	if len(s) <= 40 {
		for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02"} {
			if t, err := time.Parse(layout, string(s)); err == nil && t.Year() >= 1 {
				return t.UTC(), nil
			}
		}
	}
	return time.Time{}, &segment.FieldError{Field: field, Why: "must be a time as in 2026-11-21T09:30:00.000Z"}
}
