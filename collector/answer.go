package collector

import (
	"errors"
	"net/http"

	"zgoda/collector/segment"
	"zgoda/event"
	"zgoda/pseudonym/sealed"
	"zgoda/spool"
	"zgoda/subjects"
)

// fail answers the request as a whole with a problem. It returns false, so that
// a step can end with it.
func (w *work) fail(status int, title, detail, field string) bool {
	w.c.fail(w.a, status, title, detail, field)
	return false
}

func (c *Collector) fail(a *Answer, status int, title, detail, field string) {
	a.Status = status
	a.Problem = Problem{Title: title, Detail: detail, Field: field}
	if status == http.StatusServiceUnavailable {
		a.RetryAfter = c.retryAfter()
	}
}

// failFor answers with what an error about the request as a whole says.
func (w *work) failFor(err error) bool {
	var field *segment.FieldError
	switch {
	case errors.As(err, &field):
		return w.fail(http.StatusBadRequest, "A field is wrong", field.Field+" "+field.Why+".", field.Field)
	case errors.Is(err, errTooMany):
		return w.fail(http.StatusBadRequest, "The batch has too many events", "", "batch")
	case errors.Is(err, errGone):
		return w.fail(http.StatusServiceUnavailable, "The request was given up", "", "")
	default:
		return w.fail(http.StatusServiceUnavailable, "A fault of ours", "", "")
	}
}

// unreadable answers that the body cannot be read, and why.
func (w *work) unreadable(err error) bool {
	if _, ok := errors.AsType[*segment.FieldError](err); ok {
		return w.failFor(err)
	}
	return w.fail(http.StatusBadRequest, "The body cannot be read", sentence(err), "body")
}

// sentence returns one of the scanner's own errors as a sentence; none carries
// content.
func sentence(err error) string {
	for _, known := range [...]struct {
		err  error
		text string
	}{
		{segment.ErrEmpty, "It is empty."},
		{segment.ErrDepth, "It is nested too deep."},
		{segment.ErrUTF8, "A text is not UTF-8."},
		{segment.ErrNUL, "A text holds a NUL."},
		{segment.ErrNumber, "A number is out of range."},
		{segment.ErrDuplicate, "A member is named twice."},
		{segment.ErrNotObject, "It is not a JSON object."},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	return "It is not JSON."
}

// refuseFor notes that an item is refused for what an error says.
func (w *work) refuseFor(it *item, err error) {
	var field *segment.FieldError
	switch {
	case errors.As(err, &field):
		w.refuse(it, event.ReasonMalformed, field.Field, field.Field+" "+field.Why+".")
	case errors.Is(err, errNoIdentity):
		w.refuse(it, event.ReasonNoIdentity, "anonymousId", "anonymousId or userId is required.")
	default:
		w.refuse(it, event.ReasonInternal, "", "")
	}
}

// refuse notes that an item is refused. Counting is the caller's.
func (w *work) refuse(it *item, reason event.Reason, field, detail string) {
	it.fate = fate{met: true, reason: reason, field: field, detail: detail}
}

// refuseCounted refuses an item once it has been counted as received.
func (w *work) refuseCounted(it *item, reason event.Reason) {
	w.refuse(it, reason, "", "")
	if !w.dry {
		w.c.deps.Fates.Refuse(reason, 1)
	}
}

// reasonFor says why an event could not be taken though nothing is wrong with it.
func reasonFor(err error) event.Reason {
	switch {
	case errors.Is(err, errSaidFull):
		return event.ReasonSealedFull
	case errors.Is(err, subjects.ErrKeyholderAway), errors.Is(err, sealed.ErrNoKey):
		return event.ReasonKeyholderAway
	case errors.Is(err, subjects.ErrControlAway):
		return event.ReasonControlAway
	case errors.Is(err, spool.ErrFull):
		return event.ReasonSpoolFull
	case errors.Is(err, spool.ErrFailed):
		return event.ReasonSpoolFailed
	case errors.Is(err, spool.ErrClosed), errors.Is(err, subjects.ErrClosed):
		return event.ReasonDraining
	case errors.Is(err, spool.ErrTooLarge):
		return event.ReasonTooLarge
	default:
		return event.ReasonInternal
	}
}

// passing says whether a refusal is ours to mend, so that the client should
// send the event again.
func passing(r event.Reason) bool {
	switch r {
	case event.ReasonSpoolFull, event.ReasonSpoolFailed, event.ReasonKeyholderAway, event.ReasonSealedFull, event.ReasonControlAway, event.ReasonDraining, event.ReasonInternal:
		return true
	default:
		return false
	}
}

var passingTitles = map[event.Reason]string{
	event.ReasonSpoolFull:     "The spool is full",
	event.ReasonSpoolFailed:   "The disk fails",
	event.ReasonKeyholderAway: "The keyholder is away",
	event.ReasonSealedFull:    "The keyholder is away, and what waits for it is full",
	event.ReasonControlAway:   "The control store is away",
	event.ReasonDraining:      "The gateway is shutting down",
	event.ReasonInternal:      "A fault of ours",
}

// dropped says whether a reason is one for not storing an event that was right.
func dropped(r event.Reason) bool {
	return r == event.ReasonConsent || r == event.ReasonRestricted || r == event.ReasonErased || r == event.ReasonCriminal
}
