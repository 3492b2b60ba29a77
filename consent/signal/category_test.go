package signal

import (
	"fmt"
	"testing"

	"zgoda/consent"
	"zgoda/event"
)

// TestTooManyCategories: a table that is longer than any configuration may have
// grants nothing by what cannot be counted.
func TestTooManyCategories(t *testing.T) {
	of, body := map[string]event.PurposeID{}, ""
	for i := range consent.MaxCategories + 1 {
		name := fmt.Sprintf("C%03d", i)
		of[name] = "profiling"
		body += fmt.Sprintf(",%q:true", name)
	}
	read := func() consent.Reading {
		p := testPolicy()
		p.Categories = consent.Categories(of)
		var out consent.Signals
		Segment{}.Read(&Input{Context: parse(t, `{"consent":{"categoryPreferences":{`+body[1:]+`}}}`)}, p, &out)
		return out.Statements[0].Readings.At(1)
	}
	if got := read(); got != consent.Unset {
		t.Errorf("with one too many: %v", got)
	}
	delete(of, "C000")
	if got := read(); got != consent.Granted {
		t.Errorf("with as many as there may be: %v", got)
	}
}
