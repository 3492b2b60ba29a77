package writer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// family returns one of the writer's families.
func (p *process) family(name string) []*dto.Metric {
	families, err := p.registry.Gather()
	if err != nil {
		p.t.Fatalf("gather: %v", err)
	}
	for _, f := range families {
		if f.GetName() == "zgoda_writer_"+name {
			return f.GetMetric()
		}
	}
	return nil
}

// steps returns how often each step was timed.
func (p *process) steps() map[string]uint64 {
	n := map[string]uint64{}
	for _, m := range p.family("range_seconds") {
		n[m.GetLabel()[0].GetValue()] = m.GetHistogram().GetSampleCount()
	}
	return n
}

// TestRangesAreTimed: each range in each of its steps, each attempt for itself, and
// from durable to released, where an exemplar names it.
func TestRangesAreTimed(t *testing.T) {
	dir, st := t.TempDir(), newStore([]fault{faultLost})
	p := begin(t, dir, st, testConfig(dir), quiet)
	if got := p.steps(); len(got) != int(stepCount) {
		t.Fatalf("at the start: %v", got)
	}
	for i := range 5 {
		p.accept(encoded(fmt.Sprint(i), ""))
	}
	p.run()
	if p.drain() {
		t.Fatal("died")
	}
	ranges := uint64(p.metric("batches_total"))
	delay := p.family("delay_seconds")[0].GetHistogram()
	got := p.steps()
	if got["read"] != ranges || got["release"] != ranges || got["insert"] < ranges || delay.GetSampleCount() != ranges {
		t.Errorf("%d ranges: %v, %d delays", ranges, got, delay.GetSampleCount())
	}
	if got["verify"] == 0 || got["verify"] != uint64(p.metric("readbacks_total")) {
		t.Errorf("%v verified, the store was asked %v times", got["verify"], p.metric("readbacks_total"))
	}
	if delay.GetSampleSum() <= 0 || delay.GetSampleSum() > 60*float64(ranges) {
		t.Errorf("delays of %v s: %v", delay.GetSampleSum(), delay)
	}
	p.end()
}

// TestExemplarsNameRanges: by the place in the spool, and by nothing else.
func TestExemplarsNameRanges(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	p := begin(t, dir, st, testConfig(dir), quiet)
	p.accept(encoded("a", ""))
	p.run()
	if p.drain() {
		t.Fatal("died")
	}
	named := 0
	for _, b := range p.family("delay_seconds")[0].GetHistogram().GetBucket() {
		for _, l := range b.GetExemplar().GetLabel() {
			if l.GetName() != "range" || strings.Trim(l.GetValue(), "0123456789/") != "" {
				t.Errorf("an exemplar says %s=%q", l.GetName(), l.GetValue())
			}
			named++
		}
	}
	if named != 1 {
		t.Errorf("%d exemplars of one range", named)
	}
	p.end()
}

// TestStallsAreToldBeforeTheyHappen: a series that comes with the first stall has
// no rise, and no alert sees it.
func TestStallsAreToldBeforeTheyHappen(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir, newStore(nil), testConfig(dir), quiet)
	if n := len(p.family("stalled")); n != len(classes) {
		t.Errorf("%d of %d classes", n, len(classes))
	}
	if got := why(trouble{class: "made up"}); got != classOther {
		t.Errorf("a class of no set is %q", got)
	}
	for _, class := range classes[:len(classes)-1] {
		if got := why(trouble{class: class}); got != class {
			t.Errorf("%s is %q", class, got)
		}
	}
	p.end()
}

type noSize struct{ keeper }

func (noSize) Size() (int64, error) { return 0, errors.New("the folder is gone") }

// TestUnreadableSizeIsLeftOut: it is no number, least of all NaN.
func TestUnreadableSizeIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	p := begin(t, dir, newStore(nil), testConfig(dir), quiet)
	if n := len(p.family("quarantine_bytes")); n != 1 {
		t.Fatalf("%d sizes of a quarantine that is there", n)
	}
	p.end()
	reg := prometheus.NewRegistry()
	reg.MustRegister(sizeOf(quarantine{log: noSize{}}))
	if families, err := reg.Gather(); err != nil || len(families) != 0 {
		t.Errorf("%v, %v", families, err)
	}
}
